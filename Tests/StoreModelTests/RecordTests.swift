import SeededRandomness
import Testing

@testable import StoreModel

@Suite struct RecordTests {
    let vectors: Vectors

    init() throws { vectors = try Vectors.load() }

    @Test func `a signing key of the vectors signs as nix does and its public half agrees`() throws {
        let signing = vectors.signing
        let key = try SigningKey(parsing: signing.secretKeyFile + "\n")
        let seed = try #require(Hexadecimal.decode(signing.seedHex))
        #expect(try SigningKey(name: "feas-1", seed: seed).secretText == signing.secretKeyFile)
        #expect(key.publicKey.description == signing.publicKey)
        let publicKey = try PublicKey(parsing: signing.publicKey)
        for item in signing.items {
            let signature = try key.sign(item.fingerprint)
            #expect(signature.description == item.sig)
            #expect(publicKey.isValid(signature, of: item.fingerprint))
            #expect(!publicKey.isValid(signature, of: item.fingerprint + "x"))
        }
    }

    @Test func `keys and signatures that are malformed or do not belong together are refused`() throws {
        let secret = vectors.signing.secretKeyFile
        for wrong in ["", "feas-1", "feas-1:", ":AAAA", "feas-1:AAAA", secret + "=", "feas-1:" + secret] {
            #expect(throws: StoreModelError.self) { try SigningKey(parsing: wrong) }
        }
        let other = try SigningKey(name: "other", seed: [UInt8](repeating: 7, count: 32))
        let mixed = Base64.encode(
            [UInt8](repeating: 9, count: 32) + other.publicKey.bytes)
        #expect(throws: StoreModelError.self) { try SigningKey(parsing: "other:\(mixed)") }
        let signature = try other.sign("x")
        #expect(!(try PublicKey(parsing: vectors.signing.publicKey)).isValid(signature, of: "x"))
        #expect(throws: StoreModelError.self) { try SigningKey(name: "short", seed: [1, 2, 3]) }
    }

    @Test func `every narinfo of the vectors reads, writes back byte for byte and carries a good signature`() throws {
        let key = try PublicKey(parsing: vectors.signing.publicKey)
        var fingerprints: Set<String> = []
        for (name, text) in vectors.binaryCache where name.hasSuffix(".narinfo") {
            let info = try NARInfo(parsing: text)
            #expect(info.text == text)
            let fingerprint = info.registration.fingerprint
            fingerprints.insert(fingerprint)
            #expect(info.registration.signatures.allSatisfy { key.isValid($0, of: fingerprint) })
            #expect(info.registration.signatures.count == 1)
            #expect(name == info.registration.path.hashPart + ".narinfo")
        }
        #expect(fingerprints == Set(vectors.signing.items.map(\.fingerprint)))
    }

    @Test func `a narinfo whose content address gives another path is refused`() throws {
        let text = try #require(vectors.binaryCache["fqqrc93zyifqwg3xvxiq3k0fk3a4sj72.narinfo"])
        let other = text.split(separator: "\n").map { line in
            line.hasPrefix("CA: ") ? "CA: fixed:r:" + Digest.sha256(of: "x").description : String(line)
        }
        #expect(throws: StoreModelError.self) { try NARInfo(parsing: other.joined(separator: "\n")) }
    }

    @Test func `a narinfo cut short or mutated throws or is read, and never traps`() throws {
        let text = Array(try #require(vectors.binaryCache["4336mhyvir8kcaggywrb3wgzpk18xbj8.narinfo"]).utf8)
        for count in 0..<text.count { _ = try? NARInfo(parsing: String(decoding: text.prefix(count), as: UTF8.self)) }
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<3000 {
            var mutated = text
            mutated[Int.random(in: 0..<mutated.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = try? NARInfo(parsing: String(decoding: mutated, as: UTF8.self))
        }
        for missing in ["StorePath", "URL", "NarHash", "NarSize"] {
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix(missing) }
            #expect(throws: StoreModelError.self) { try NARInfo(parsing: lines.joined(separator: "\n")) }
        }
    }

    @Test func `a closure orders every path after what it refers to, and names who needs a missing one`() throws {
        let digest = Digest.sha256(of: "")
        let paths = try (0..<4).map { try StorePath.text(name: "p\($0)", digest: digest) }
        func registration(_ index: Int, _ references: [Int]) -> PathRegistration {
            PathRegistration(
                path: paths[index], narHash: digest, narSize: 1, references: Set(references.map { paths[$0] }))
        }
        let known = [
            paths[0]: registration(0, [0, 1, 2]), paths[1]: registration(1, [2]), paths[2]: registration(2, [2]),
        ]
        let closure = try Closure(of: [paths[0]]) { known[$0] }
        #expect(closure.order == [paths[2], paths[1], paths[0]])
        #expect(closure.narSize == 3)
        let broken = registration(0, [3])
        let error = #expect(throws: StoreModelError.self) {
            try Closure(of: [paths[0]]) { $0 == paths[0] ? broken : nil }
        }
        #expect(error?.message.contains(paths[0].description) == true)
        #expect(error?.subject.contains(paths[3].description) == true)
    }
}
