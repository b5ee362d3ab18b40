import Testing

@testable import SystemModel

@Suite struct LockFileTests {
    private let digest = String(repeating: "0a", count: 32)

    private func package(_ name: String) -> LockedPackage {
        LockedPackage(
            name: name, version: "1:2.3~rc1+b1-4", architecture: "amd64", poolPath: "pool/main/x/\(name)_2.3+b1.deb",
            archive: "debian", size: 12345, sha256: digest)
    }

    @Test func `the text has one package a line, sorted, and reads back`() throws {
        let lock = LockFile(sets: [.toolbox: [package("zstd"), package("bash")], .system: []], request: digest)
        let text = lock.rendered()
        #expect(
            text == """
                {
                "version": 1,
                "request": "\(digest)",
                "sets": {
                "system": [
                ],
                "toolbox": [
                {"name": "bash", "version": "1:2.3~rc1+b1-4", "architecture": "amd64", "archive": "debian", "path": "pool/main/x/bash_2.3+b1.deb", "size": 12345, "sha256": "\(digest)"},
                {"name": "zstd", "version": "1:2.3~rc1+b1-4", "architecture": "amd64", "archive": "debian", "path": "pool/main/x/zstd_2.3+b1.deb", "size": 12345, "sha256": "\(digest)"}
                ]
                }
                }

                """)
        let read = try LockFile.read([UInt8](text.utf8), path: "lock.json")
        #expect(read.rendered() == text)
        #expect(read.sets[.toolbox]?.map(\.name) == ["bash", "zstd"])
    }

    @Test(arguments: [
        ("pool/main", "../../etc/x", "l:8:101: `sets.toolbox[0].path`: expected a path in the archive"),
        ("pool/main", "/pool", "l:8:101: `sets.toolbox[0].path`: expected a path in the archive"),
        ("0a0a", "0A0a", "l:3:12: `request`: expected a SHA-256 digest"),
        ("12345", "-1", "l:8:140: `sets.toolbox[0].size`: expected a number of bytes"),
        ("\"toolbox\"", "\"toolbax\"", "l:7:1: `sets.toolbax`: unknown key; did you mean `toolbox`?"),
        ("\"debian\"", "\"ubuntu\"", "l:8:83: `sets.toolbox[0].archive`: expected an archive"),
        ("\"name\": \"bash\", ", "", "l:8:1: `sets.toolbox[0].name`: the key is missing"),
    ])
    func `a lock that was tampered with is refused with its position`(old: String, new: String, message: String) throws
    {
        let text = LockFile(sets: [.system: [], .toolbox: [package("bash")]], request: digest).rendered()
            .replacing(old, with: new)
        let error = try #require(throws: ConfigurationError.self) {
            try LockFile.read([UInt8](text.utf8), path: "l")
        }
        #expect(error.problems.contains { $0.description.hasPrefix(message) }, "\(error)")
    }

    @Test func `a package locked twice is refused`() throws {
        let text = LockFile(sets: [.system: [package("bash"), package("bash")]], request: digest).rendered()
        let error = try #require(throws: ConfigurationError.self) { try LockFile.read([UInt8](text.utf8), path: "l") }
        #expect(error.description == "l:7:1: `bash`: locked twice; first at l:6:1")
    }
}
