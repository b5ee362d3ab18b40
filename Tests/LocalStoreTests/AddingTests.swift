import FileFormats
import GRDB
import Glibc
import StoreModel
import SystemPackage
import Testing

@testable import LocalStore

@Suite struct AddingTests {
    let test: TestStore
    var store: LocalStore { test.store }

    init() throws { test = try TestStore() }

    @Test func `an object is canonical, registered and sound`() throws {
        let path = try test.add("thing", ["a/b": "hello\n", "run": "#!/bin/sh\n"])
        #expect(try store.isValid(path))
        let physical = store.physicalPath(of: path)
        let directory = try Files.requiredStatus(physical)
        #expect(directory.st_mode & 0o7777 == 0o555)
        #expect(directory.st_mtim.tv_sec == 1)
        #expect(try Files.requiredStatus(physical.appending("a").appending("b")).st_mode & 0o7777 == 0o444)
        let registration = try #require(try store.registration(of: path))
        #expect(registration.registrationTime == 1_700_000_000)
        #expect(registration.references == [])
        #expect(try test.faults() == [])
        #expect(try Files.names(in: test.directory.temporary).filter { $0.string.hasPrefix("work-") } == [])
    }

    @Test func `what cannot be recorded, as on a full disk, does not stay in the store`() throws {
        let refusal = "CREATE TRIGGER refusal BEFORE INSERT ON object BEGIN SELECT RAISE(ABORT, 'no room'); END"
        try store.write { try $0.execute(sql: refusal) }
        #expect(throws: LocalStoreError.self) { try test.add("thing", ["a/b": "hello\n"]) }
        #expect(try Files.names(in: test.directory.store) == [])
        try store.write { try $0.execute(sql: "DROP TRIGGER refusal") }
        let path = try test.add("thing", ["a/b": "hello\n"])
        #expect(try store.isValid(path))
        #expect(try test.faults() == [])
    }

    @Test func `set-id bits, odd modes, times and attributes leave no trace in the path`() throws {
        let first = try test.add("x", ["a/b": "text"])
        let scratch = try store.makeScratch()
        let tree = scratch.path.appending("tree")
        try Files.createDirectories(tree.appending("a"))
        let file = tree.appending("a").appending("b")
        try Files.write(Array("text".utf8), to: file)
        try Files.setMode(0o6640, file)
        try Files.setMode(0o700, tree.appending("a"))
        #expect(try store.addContentAddressed(tree, name: "x") == first)
        #expect(!Files.exists(tree))
    }

    @Test func `a folder copied from another object is as closed as any`() throws {
        let scratch = try store.makeScratch()
        let tree = scratch.path.appending("tree")
        try Files.createDirectories(tree.appending("a"))
        try Files.write(Array("text".utf8), to: tree.appending("a").appending("b"))
        try Files.setMode(0o555, tree.appending("a"))
        let path = try store.addContentAddressed(tree, name: "copied")
        #expect(try Files.requiredStatus(store.physicalPath(of: path).appending("a")).st_mode & 0o7777 == 0o555)
        #expect(try test.faults() == [])
    }

    @Test func `references to candidates are found, across the borders of the pieces a file is read in`() throws {
        let near = try test.add("near", ["x": "1"])
        let far = try test.add("far", ["x": "2"])
        let unused = try test.add("unused", ["x": "3"])
        let linked = try test.add("linked", ["x": "4"])
        let declared = try test.add("declared", ["x": "5"])
        for offset in [0, (1 << 20) - 32, (1 << 20) - 31, (1 << 20) - 1] {
            let scratch = try store.makeScratch()
            let tree = scratch.path.appending("tree")
            try Files.createDirectories(tree)
            let text = String(repeating: "a", count: offset) + far.hashPart + "\0\(near)"
            try Files.write(Array(text.utf8), to: tree.appending("file"))
            try Files.makeLink(at: tree.appending("link"), to: Array("\(linked)/x".utf8))
            let path = try store.addContentAddressed(
                tree, name: "user", candidates: [near, far, unused, linked], declared: [declared])
            let references = try store.registration(of: path)?.references
            #expect(references == [near, far, linked, declared], "at \(offset)")
        }
        #expect(try test.faults() == [])
    }

    @Test
    func
        `further candidates are asked for once, and only where something looks like a digest that is none of the first`()
        throws
    {
        let near = try test.add("near", ["x": "1"])
        let far = try test.add("far", ["x": "2"])
        let stranger = String(repeating: "0", count: 32)
        for (text, calls, references) in [
            ("\(near) and \(near)", 0, [near]), ("\(near) \(far) \(far) \(stranger)", 1, [near, far]),
            (stranger, 1, []),
        ] {
            let scratch = try store.makeScratch()
            let file = scratch.path.appending("file")
            try Files.write(Array(text.utf8), to: file)
            var asked = 0
            let path = try store.addContentAddressed(
                file, name: "user", candidates: [near],
                furtherCandidates: {
                    asked += 1
                    return [near, far]
                })
            #expect(asked == calls, "\(text)")
            #expect(try store.registration(of: path)?.references == Set(references), "\(text)")
        }
    }

    @Test func `an object that names itself gets the path and bytes that rewriting in memory gives`() throws {
        let scratchPath = try StorePath(baseName: "22222222222222222222222222222222-self-1.0")
        for padding in [0, 5, (1 << 20) - 50, (1 << 20) - 31, (1 << 20) - 7] {
            let scratch = try store.makeScratch()
            let tree = scratch.path.appending("tree")
            try Files.createDirectories(tree)
            let file = tree.appending("bin")
            try Files.write(
                Array((String(repeating: " ", count: padding) + "x=\(scratchPath)/lib \(scratchPath)").utf8), to: file)
            try Files.setMode(0o755, file)
            try Files.makeLink(at: tree.appending("link"), to: Array("\(scratchPath)/bin".utf8))
            var archive: [UInt8] = []
            var walk = TreeArchive { archive += $0 }
            try walk.write(tree)
            let expected = try ContentAddressing(nar: archive, oldPath: scratchPath)

            let path = try store.addContentAddressed(tree, name: "self-1.0", selfHashPart: scratchPath.hashPart)
            #expect(path == expected.path)
            var found: [UInt8] = []
            try store.writeArchive(of: path) { found += $0 }
            #expect(found == expected.nar)
            let registration = try #require(try store.registration(of: path))
            #expect(registration.narHash == expected.narHash)
            #expect(registration.narSize == expected.nar.count)
            #expect(registration.references == [path])
            #expect(expected.selfOffsets.count == 3)
        }
        #expect(try test.faults() == [])
    }

    @Test func `a file name that carries the object's own digest is refused`() throws {
        let part = String(repeating: "2", count: 32)
        #expect(throws: LocalStoreError.self) { try test.add("x", ["a-\(part)": "1"], selfHashPart: part) }
    }

    @Test func `pipes and sockets are refused by name`() throws {
        let scratch = try store.makeScratch()
        let tree = scratch.path.appending("tree")
        try Files.createDirectories(tree)
        #expect(tree.appending("pipe").withPlatformString { mkfifo($0, 0o644) } == 0)
        let error = #expect(throws: LocalStoreError.self) { try store.addContentAddressed(tree, name: "x") }
        #expect(error?.subject.contains("pipe") == true)
        #expect(try store.allValidPaths() == [])
    }

    @Test func `a flat file has Nix's flat path, and one of another digest is refused by name and digests`() throws {
        let scratch = try store.makeScratch()
        let file = scratch.path.appending("download")
        try Files.write(Array("hello\n".utf8), to: file)
        let wrong = Digest.sha256(of: "other")
        let error = #expect(throws: LocalStoreError.self) { try store.addFlat(file, name: "hello.txt", digest: wrong) }
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains(wrong.hex) == true)
        #expect(Files.exists(file))
        let path = try store.addFlat(file, name: "hello.txt", digest: Digest.sha256(of: "hello\n"))
        #expect(path.description == "/nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt")
        #expect(!Files.exists(file))
        #expect(try test.faults() == [])
    }

    @Test func `a text and a derivation have Nix's paths`() throws {
        let note = try store.addText(Array("hello\n".utf8), name: "note")
        #expect(note.description == "/nix/store/hk4fa3z1idv58ynl352glj9xxp8j4zg6-note")
        let second = try store.addText(Array("see \(note)\n".utf8), name: "note2", references: [note])
        #expect(second.description == "/nix/store/pspbbck1v8pgqqyf8h2kqmq5pryk6917-note2")
        let derivation = Derivation(name: "d", builder: "b", inputSources: [second])
        let file = try store.addText(derivation.aterm(), name: "d.drv", references: [second])
        #expect(try file == derivation.path())
        #expect(try store.closure(of: [derivation.path()]).order == [note, second, derivation.path()])
        #expect(try test.faults() == [])
    }

    @Test func `a source tree has the same path before and after it is copied`() throws {
        let scratch = try store.makeScratch()
        let tree = scratch.path.appending("source")
        try Files.createDirectories(tree.appending("empty"))
        try Files.write([1, 2, 3], to: tree.appending("run"))
        try Files.setMode(0o755, tree.appending("run"))
        try Files.makeLink(at: tree.appending("link"), to: Array("run".utf8))
        let expected = try LocalStore.sourcePath(of: tree, name: "source")
        #expect(try store.addSource(tree, name: "source") == expected)
        #expect(try store.addSource(tree, name: "source") == expected)
        #expect(Files.exists(tree))
        #expect(try test.faults() == [])
    }

    @Test func `an object whose reference is not valid is refused, and leaves nothing registered`() throws {
        let stranger = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-hello")
        #expect(throws: LocalStoreError.self) { try test.add("x", ["a": "\(stranger)"], candidates: [stranger]) }
        #expect(try store.allValidPaths() == [])
    }

    @Test func `many threads that add the same object at once agree`() async throws {
        let test = test
        let stores = try (0..<4).map { _ in try test.opened() }
        let paths = try await withThrowingTaskGroup(of: StorePath.self) { group in
            for store in stores {
                group.addTask {
                    let scratch = try store.makeScratch()
                    let tree = scratch.path.appending("tree")
                    try Files.createDirectories(tree)
                    for i in 0..<50 { try Files.write([UInt8(i)], to: tree.appending("\(i)")) }
                    return try store.addContentAddressed(tree, name: "same")
                }
            }
            return try await group.reduce(into: Set<StorePath>()) { $0.insert($1) }
        }
        #expect(paths.count == 1)
        #expect(try test.faults() == [])
    }

    @Test func `realisations are recorded with their object and answered many at once`() throws {
        let derivations = try (0..<3).map { try Derivation(name: "d\($0)", builder: "b").path() }
        let scratch = try store.makeScratch()
        let file = scratch.path.appending("f")
        try Files.write([1], to: file)
        let path = try store.addContentAddressed(file, name: "out", realising: [derivations[0], derivations[1]])
        #expect(try store.realisations(of: derivations) == [derivations[0]: path, derivations[1]: path])
        #expect(try store.realisation(of: derivations[2]) == nil)
        let other = try test.add("other", ["a": "b"])
        try store.register([Realisation(derivation: derivations[0], output: other)])
        #expect(try store.realisation(of: derivations[0]) == other)
    }
}
