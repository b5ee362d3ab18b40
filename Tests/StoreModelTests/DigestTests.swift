import OpenSSL
import Testing

@testable import StoreModel

@Suite struct DigestTests {
    @Test func `nix32 encodes and decodes every vector`() throws {
        for vector in try Vectors.load().base32 {
            let bytes = try #require(Hexadecimal.decode(vector.hex))
            #expect(Nix32.encode(bytes) == vector.nix32)
            #expect(Nix32.decode(vector.nix32, byteCount: bytes.count) == bytes)
        }
    }

    @Test func `nix32 refuses letters outside its alphabet, other lengths and overflowing digits`() {
        #expect(Nix32.decode(String(repeating: "e", count: 32), byteCount: 20) == nil)
        #expect(Nix32.decode(String(repeating: "0", count: 31), byteCount: 20) == nil)
        #expect(Nix32.decode("z" + String(repeating: "0", count: 51), byteCount: 32) == nil)
        #expect(Nix32.decode("1" + String(repeating: "0", count: 51), byteCount: 32) != nil)
    }

    @Test func `every algorithm gives the digest of the empty string that its standard states`() {
        let expected: [HashAlgorithm: String] = [
            .md5: "d41d8cd98f00b204e9800998ecf8427e",
            .sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            .sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            .sha512: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ]
        for algorithm in HashAlgorithm.allCases {
            #expect(Digest.hash([], with: algorithm).hex == expected[algorithm])
        }
    }

    @Test func `a digest in pieces equals the digest at once, and the hasher starts anew`() {
        let hasher = SHA256()
        for _ in 0..<2 {
            hasher.update([UInt8]("hel".utf8))
            hasher.update("lo\n")
            #expect(hasher.finalize() == SHA256.hash("hello\n"))
        }
    }

    @Test func `hex, nix32 and SRI texts read back as the same digest`() throws {
        let digest = Digest.sha256(of: "hello\n")
        #expect(digest.prefixedNix32 == "sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq")
        for text in [digest.prefixedHex, digest.prefixedNix32, digest.sri] {
            #expect(try Digest(parsing: text) == digest)
        }
        let vectors = try Vectors.load()
        let tree = try Digest(.sha256, text: try vectors.storePath("nar_sha256_tree"))
        #expect(tree.sri == (try vectors.storePath("sri")))
        #expect(try vectors.storePath("nar_plain_sha_tree").hasPrefix(tree.hex))
    }

    @Test(arguments: [
        "", "sha256", "sha256:", "sha256:zz", "crc32:00000000", "sha256-98h8HSeOKa/a7YZn/x+4+69C3ftTAhRjlNWiR50x63B=",
        "sha256-98h8", "sha1:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq",
    ])
    func `text that is no digest throws`(_ text: String) {
        #expect(throws: StoreModelError.self) { try Digest(parsing: text) }
    }

    @Test func `base 64 agrees with RFC 4648's examples and refuses text that is not canonical`() {
        let examples = [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
            "foobar": "Zm9vYmFy",
        ]
        for (plain, encoded) in examples {
            #expect(Base64.encode(Array(plain.utf8)) == encoded)
            #expect(Base64.decode(encoded) == Array(plain.utf8))
        }
        for wrong in ["Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9"] {
            #expect(Base64.decode(wrong) == nil, "\(wrong)")
        }
    }
}
