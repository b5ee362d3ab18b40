import Glibc
import StoreModel
import SystemPackage
import Testing

@testable import LocalStore

@Suite struct CollectionTests {
    /// Adds objects as another process that has ended since, so that nothing protects them.
    func populate(_ test: TestStore, _ body: (LocalStore) throws -> Void) throws {
        let store = try test.opened()
        try body(store)
    }

    func add(_ store: LocalStore, _ name: String, _ text: String, _ candidates: Set<StorePath> = []) throws -> StorePath
    {
        let scratch = try store.makeScratch()
        let file = scratch.path.appending("file")
        try Files.write(Array(text.utf8), to: file)
        return try store.addContentAddressed(file, name: name, candidates: candidates)
    }

    @Test func `roots and all they refer to stay, the rest goes and its bytes are counted`() throws {
        let test = try TestStore()
        var kept: [StorePath] = []
        var dead: StorePath?
        try populate(test) { store in
            let low = try add(store, "low", "1")
            let high = try add(store, "high", "\(low)", [low])
            dead = try add(store, "dead", String(repeating: "x", count: 100_000) + "\(high)", [high])
            try store.addRoot("system-1", high)
            kept = [high, low]
        }
        let gone = try #require(dead)
        let dry = try test.store.collectGarbage(dryRun: true)
        #expect(dry.objects == [gone])
        #expect(dry.bytes >= 100_000)
        #expect(try test.store.isValid(gone))
        let report = try test.store.collectGarbage()
        #expect(report.objects == [gone])
        #expect(report.bytes >= 100_000)
        #expect(report.remaining == [:])
        #expect(!Files.exists(test.store.physicalPath(of: gone)))
        #expect(try test.store.allValidPaths() == Set(kept))
        #expect(try test.faults() == [])
        try test.store.removeRoot("system-1")
        try test.store.removeRoot("system-1")
        #expect(Set(try test.store.collectGarbage().objects) == Set(kept))
        #expect(try Files.names(in: test.directory.store) == [])
        #expect(try test.faults() == [])
    }

    @Test func `a self-reference keeps nothing, and realisations go with their output`() throws {
        let test = try TestStore()
        let derivation = try Derivation(name: "d", builder: "b").path()
        try populate(test) { store in
            let scratch = try store.makeScratch()
            let file = scratch.path.appending("file")
            let part = String(repeating: "1", count: 32)
            try Files.write(Array(part.utf8), to: file)
            let path = try store.addContentAddressed(file, name: "self", selfHashPart: part, realising: [derivation])
            #expect(try store.realisation(of: derivation) == path)
        }
        #expect(try test.store.collectGarbage().objects.count == 1)
        #expect(try test.store.realisation(of: derivation) == nil)
        #expect(try test.faults() == [])
    }

    @Test func `what a working process added or protects is never taken`() throws {
        let test = try TestStore()
        let other = try test.opened()
        let added = try add(other, "added", "1")
        var protected: StorePath?
        try populate(test) { protected = try add($0, "protected", "2") }
        try other.protect([try #require(protected)])
        #expect(try test.store.collectGarbage().objects == [])
        #expect(try test.store.isValid(added))
        withExtendedLifetime(other) {}
    }

    @Test func `leftovers of processes that died are swept, and living work is not`() throws {
        let test = try TestStore()
        let living = try test.store.makeScratch()
        let dead = test.directory.temporary.appending("work-1-dead")
        try Files.createDirectories(dead.appending("closed"))
        try Files.write([1], to: dead.appending("closed").appending("file"))
        try Files.setMode(0o000, dead.appending("closed"))
        try Files.write([], to: Scratch.lockFile(of: dead))
        try Files.write([], to: test.directory.temporary.appending("work-2-gone.lock"))
        try Files.write([], to: test.directory.store.appending("not-a-path"))
        try Files.createDirectories(test.directory.store.appending("gwina1sjk7g95wq6fxc6b7s1hza53h74-hello"))
        #expect(try test.faults().count == 2)
        let report = try test.store.collectGarbage()
        #expect(report.abandoned == [dead])
        #expect(report.leftovers == ["gwina1sjk7g95wq6fxc6b7s1hza53h74-hello", "not-a-path"])
        #expect(try Files.names(in: test.directory.store) == [])
        let names = try Files.names(in: test.directory.temporary).map(\.string)
        #expect(names == [living.path, Scratch.lockFile(of: living.path)].compactMap { $0.lastComponent?.string })
        #expect(try test.faults() == [])
    }

    @Test func `a leftover at an object's place is replaced`() throws {
        let test = try TestStore()
        let path = try test.add("x", ["a": "1"])
        let fresh = try TestStore()
        let place = fresh.store.physicalPath(of: path)
        try Files.createDirectories(place)
        try Files.write([9], to: place.appending("half"))
        #expect(try fresh.add("x", ["a": "1"]) == path)
        #expect(try fresh.faults() == [])
    }

    @Test func `an object that vanished is put back by adding it again`() throws {
        let test = try TestStore()
        let path = try test.add("x", ["a": "1"])
        try Files.remove(test.store.physicalPath(of: path))
        #expect(try test.faults() == [.missing(path)])
        #expect(try test.add("x", ["a": "1"]) == path)
        #expect(try test.faults() == [])
    }

    @Test(arguments: ["", ".", "..", "a/b", ".hidden", "/x", String(repeating: "x", count: 201)])
    func `a root's name is one plain file name`(_ name: String) throws {
        let test = try TestStore()
        let path = try test.add("x", ["a": "1"])
        #expect(throws: LocalStoreError.self) { try test.store.addRoot(name, path) }
    }

    @Test func `a root moves to another object at once, and one that is not valid is refused`() throws {
        let test = try TestStore()
        let first = try test.add("x", ["a": "1"])
        let second = try test.add("x", ["a": "2"])
        try test.store.addRoot("r", first)
        try test.store.addRoot("r", second)
        #expect(try test.store.roots() == ["r": second])
        let stranger = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-hello")
        #expect(throws: LocalStoreError.self) { try test.store.addRoot("s", stranger) }
    }

    @Test func `what this user may not remove is named, and goes with its lock when it can`() throws {
        let test = try TestStore()
        let dead = test.directory.temporary.appending("work-1-dead")
        try Files.createDirectories(dead.appending("proc"))
        try Files.write([], to: Scratch.lockFile(of: dead))
        // Nobody, root included, may remove a mount point: the nearest thing to another owner's files.
        let tree = dead.appending("proc")
        let mounted = "none".withCString { name in
            tree.withPlatformString { mount(name, $0, "tmpfs", 0, nil) } == 0
        }
        guard mounted else { return }
        let report = try test.store.collectGarbage()
        #expect(report.remaining.keys.map { $0 } == [dead])
        _ = tree.withPlatformString { umount2($0, 0) }
        #expect(try test.store.sweepAbandonedWork().remaining == [:])
        #expect(!Files.exists(dead) && !Files.exists(Scratch.lockFile(of: dead)))
    }

    @Test func `a tree that several remove at once is gone, and none of them fails`() async throws {
        let test = try TestStore()
        let tree = test.directory.temporary.appending("tree")
        for folder in 0..<20 {
            let path = tree.appending("\(folder)/deeper")
            try Files.createDirectories(path)
            for file in 0..<100 { try Files.write([], to: path.appending("\(file)")) }
        }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 { group.addTask { try Files.remove(tree) } }
            try await group.waitForAll()
        }
        #expect(!Files.exists(tree))
    }

    @Test func `old logs of unknown builds and old downloads go, the rest stays`() throws {
        let test = try TestStore(now: 1_700_000_000)
        let known = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-known.drv")
        let output = try test.add("known", ["a": "1"])
        try test.store.register([Realisation(derivation: known, output: output)])
        try Files.createDirectories(test.directory.downloads)
        let strange = "7wp9lg9y4qm1s8bhkmgf7x7rkv6iw1zb-strange.drv.log"
        let old = [
            test.directory.log.appending(strange), test.directory.log.appending("\(known.baseName).log"),
            test.directory.downloads.appending("00ff.partial"),
        ]
        let young = test.directory.downloads.appending("11ee.partial")
        for file in old + [young] {
            try Files.write([1, 2, 3], to: file)
            let time = timespec(tv_sec: file == young ? 1_699_990_000 : 1_699_900_000, tv_nsec: 0)
            #expect(file.withPlatformString { utimensat(AT_FDCWD, $0, [time, time], 0) } == 0)
        }
        let dry = try test.store.sweepDebris(dryRun: true)
        #expect(dry.logs == 1 && dry.downloads == 1 && dry.bytes > 0)
        #expect(try test.store.sweepDebris() == dry)
        #expect(!Files.exists(old[0]) && Files.exists(old[1]) && !Files.exists(old[2]) && Files.exists(young))
        #expect(try test.store.sweepDebris() == Debris())
    }
}
