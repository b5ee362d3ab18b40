import Testing

@testable import StoreModel

@Suite struct StorePathTests {
    let vectors: Vectors
    let hello = Array("hello\n".utf8)
    let archives: [[UInt8]]

    init() throws {
        vectors = try Vectors.load()
        archives = try vectors.nar.map { try bytes(base64: $0.b64) }
    }

    @Test func `a digest is folded to 160 bits as Nix does`() throws {
        for vector in vectors.compress {
            let bytes = try #require(Hexadecimal.decode(vector.sha256))
            #expect(Hexadecimal.encode(StorePath.fold(bytes)) == vector.xor160)
        }
    }

    @Test func `every archive of the vectors has the digest and size stated`() throws {
        for (vector, archive) in zip(vectors.nar, archives) {
            #expect(archive.count == vector.size)
            #expect(Digest.sha256(of: archive).nix32 == vector.sha256Nix32)
        }
        #expect(Digest.sha256(of: archives[0]).nix32 == (try vectors.storePath("nar_sha256_hello")))
        #expect(Digest.sha256(of: archives[1]).nix32 == (try vectors.storePath("nar_sha256_tree")))
        #expect("\(archives[1].count)" == (try vectors.storePath("nar_size_tree")))
        #expect(Digest.sha256(of: hello).nix32 == (try vectors.storePath("flat_sha256_hello")))
    }

    @Test(arguments: [
        ("add_path_hello", "hello", ContentAddressMethod.recursive, Digest.Algorithm.sha256, 0),
        ("add_file_hello", "hello", .flat, .sha256, 0), ("add_path_tree", "tree-1.0", .recursive, .sha256, 1),
        ("nixstore_add", "tree", .recursive, .sha256, 1), ("add_fixed_r_sha1", "tree", .recursive, .sha1, 1),
        ("add_fixed_sha1", "hello.txt", .flat, .sha1, 0), ("add_fixed_sha256", "hello.txt", .flat, .sha256, 0),
        ("add_fixed_r_sha256", "hello.txt", .recursive, .sha256, 0),
        ("add_fixed_r_sha512", "hello.txt", .recursive, .sha512, 0),
        ("builtins_path", "tree-1.0", .recursive, .sha256, 1), ("builtins_path_flat", "hello", .flat, .sha256, 0),
    ])
    func `a fixed path is the one nix printed`(
        _ vector: String, _ name: String, _ method: ContentAddressMethod, _ algorithm: Digest.Algorithm, _ archive: Int
    ) throws {
        let content = method == .flat ? hello : archives[archive]
        let path = try StorePath.fixedOutput(
            name: name, method: method, digest: Digest.hash(content, with: algorithm))
        #expect(path.description == (try vectors.storePath(vector)))
    }

    @Test func `text paths, with and without a reference, are those nix printed`() throws {
        let note = try StorePath.text(name: "note", digest: Digest.sha256(of: hello))
        #expect(note.description == (try vectors.storePath("toFile")))
        let second = try StorePath.text(
            name: "note2", digest: Digest.sha256(of: "see \(note)\n"), references: [note])
        #expect(second.description == (try vectors.storePath("toFile_ref")))
    }

    @Test func `a derivation with a fixed output has the output path nix printed`() throws {
        let zero = try Digest(.sha256, [UInt8](repeating: 0, count: 32))
        let derivation = Derivation(name: "d", builder: "/bin/sh", outputHash: .init(method: .recursive, digest: zero))
        #expect(try derivation.outputPath()?.description == vectors.storePath("fodOut"))
    }

    @Test func `an input-addressed derivation file of nix has the path of its text`() throws {
        let text = Array(try fixture("derivations/hxwsi4djcnmrfww5nydx2syfz1gi8dh8-d.drv"))
        let path = try StorePath.text(name: "d.drv", digest: Digest.sha256(of: text))
        #expect(path.description == (try vectors.storePath("drvPath")))
        // Its output's path is the digest of that text with the output's own path left out.
        let output = try vectors.storePath("outPath")
        let masked = String(decoding: text, as: UTF8.self).split(separator: output, omittingEmptySubsequences: false)
            .joined()
        let made = try StorePath.make(type: "output:out", digest: Digest.sha256(of: masked), name: "d")
        #expect(made.description == output)
        #expect(throws: StoreModelError.self) { try Derivation(aterm: text, name: "d") }
    }

    @Test func `the fingerprints nix hashes are spelled the same`() throws {
        func path(_ fingerprint: String, _ name: String) throws -> String {
            try StorePath(digest: StorePath.fold(Digest.sha256(of: fingerprint).bytes), name: name).description
        }
        let fingerprints = vectors.fingerprints
        #expect(try path(try #require(fingerprints["source"]), "hello") == vectors.storePath("add_path_hello"))
        #expect(try path(try #require(fingerprints["fixedOuter"]), "hello") == vectors.storePath("add_file_hello"))
        #expect(try path(try #require(fingerprints["text"]), "note") == vectors.storePath("toFile"))
        let inner = Digest.sha256(of: try #require(fingerprints["fixedInner"])).hex
        #expect(fingerprints["fixedOuter"]?.contains(inner) == true)
    }

    @Test func `archives with references to themselves and others are moved to the paths nix gave them`() throws {
        var moved: [StorePath: StorePath] = [:]
        for vector in vectors.contentAddressed {
            let old = try StorePath(parsing: vector.oldPath)
            let oldArchive = try bytes(base64: vector.oldArchive)
            let text = String(decoding: oldArchive, as: UTF8.self)
            let references = Set(moved.keys.filter { text.contains($0.hashPart) })
            let result = try ContentAddressing(
                nar: oldArchive, oldPath: old, references: references,
                rewrites: moved.filter { references.contains($0.key) })
            #expect(result.path.description == vector.newPath)
            #expect(result.nar == (try bytes(base64: vector.newArchive)))
            #expect(result.contentAddress.description == vector.caHash)
            #expect(try ContentAddress(parsing: vector.caHash) == result.contentAddress)
            #expect(result.selfOffsets == vector.selfOffsets)
            #expect(result.narHash.description == vector.narHash)
            #expect(result.nar.count == vector.narSize)
            #expect(
                try StorePath(digest: StorePath.fold(Digest.sha256(of: vector.fingerprint).bytes), name: vector.name)
                    == result.path)
            moved[old] = result.path
        }
        #expect(moved.count == 3)
    }

    @Test(arguments: [
        "", "x", "gwina1sjk7g95wq6fxc6b7s1hza53h74", "gwina1sjk7g95wq6fxc6b7s1hza53h74-",
        "ewina1sjk7g95wq6fxc6b7s1hza53h74-x", "gwina1sjk7g95wq6fxc6b7s1hza53h74-a/b",
        "gwina1sjk7g95wq6fxc6b7s1hza53h74-a b", "gwina1sjk7g95wq6fxc6b7s1hza53h74-é",
        "gwina1sjk7g95wq6fxc6b7s1hza53h74-.", "gwina1sjk7g95wq6fxc6b7s1hza53h74-..",
        "gwina1sjk7g95wq6fxc6b7s1hza53h74-.-x", "gwina1sjk7g95wq6fxc6b7s1hza53h74-..-x",
        "gwina1sjk7g95wq6fxc6b7s1hza53h74-" + String(repeating: "a", count: 212),
        "../../../../../../../../../etc/passwd",
    ])
    func `a base name against Nix's rules throws`(_ text: String) {
        #expect(throws: StoreModelError.self) { try StorePath(baseName: text) }
        #expect(throws: StoreModelError.self) { try StorePath(parsing: "/nix/store/" + text) }
    }

    @Test func `the longest name and names that begin with a dot are paths`() throws {
        for name in [String(repeating: "a", count: 211), ".hidden", "...", "a?=+_-.B9"] {
            let path = try StorePath(parsing: "/nix/store/gwina1sjk7g95wq6fxc6b7s1hza53h74-\(name)")
            #expect(path.name == name)
            #expect(path.hashPart == "gwina1sjk7g95wq6fxc6b7s1hza53h74")
        }
    }

    @Test func `a path is split from what lies below it`() throws {
        let path = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-hello")
        #expect(try StorePath.split("\(path)/bin/x") == (path, "bin/x"))
        #expect(try StorePath.split("\(path)") == (path, ""))
        #expect(throws: StoreModelError.self) { try StorePath.split("/usr/bin/x") }
        #expect(throws: StoreModelError.self) { try StorePath(parsing: "/nix/stores/\(path.baseName)") }
    }

    @Test func `only recursive SHA-256 objects may have references`() throws {
        let path = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-hello")
        let digest = Digest.sha256(of: hello)
        #expect(throws: StoreModelError.self) {
            try StorePath.fixedOutput(name: "x", method: .flat, digest: digest, references: [path])
        }
        #expect(throws: StoreModelError.self) {
            try ContentAddress.text(digest).path(name: "x", referencesSelf: true)
        }
    }
}
