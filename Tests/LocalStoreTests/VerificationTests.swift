import GRDB
import Glibc
import StoreModel
import SystemPackage
import Testing

@testable import LocalStore

@Suite struct VerificationTests {
    let test: TestStore

    init() throws { test = try TestStore() }

    @Test func `one altered byte is found and named with both digests`() throws {
        let path = try test.add("x", ["a": "1", "b": "2"])
        _ = try test.add("y", ["a": "1"])
        let file = test.store.physicalPath(of: path).appending("b")
        try Files.setMode(0o644, file)
        try Files.write(Array("3".utf8), to: file)
        try Files.setMode(0o444, file)
        let faults = try test.faults()
        let expected = try #require(try test.store.registration(of: path)?.narHash)
        #expect(faults.contains { if case .altered(path, expected, _) = $0 { true } else { false } })
        #expect(faults.contains { if case .metadata(path, "\(path.baseName)/b", _) = $0 { true } else { false } })
        #expect(faults.count == 2)
    }

    @Test func `a changed mode, a missing object, a stranger and a dangling root are each named`() throws {
        let moded = try test.add("moded", ["a": "1"])
        let missing = try test.add("missing", ["a": "1"])
        try Files.setMode(0o755, test.store.physicalPath(of: moded))
        try Files.remove(test.store.physicalPath(of: missing))
        try Files.write([1], to: test.directory.store.appending("stranger"))
        let gone = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-hello")
        try Files.makeLink(at: test.directory.roots.appending("r"), to: Array(gone.description.utf8))
        #expect(
            Set(try test.faults()) == [
                .metadata(moded, file: moded.baseName, reason: "mode is 755, expected 555"), .missing(missing),
                .unregistered("stranger"), .danglingRoot("r", gone),
            ])
    }

    @Test func `a registration that contradicts its content address is named`() throws {
        let path = try test.add("x", ["a": "1"])
        let other = ContentAddress.fixed(.recursive, Digest.sha256(of: "other"))
        try test.store.database.write {
            try $0.execute(
                sql: "UPDATE object SET contentAddress = ? WHERE path = ?",
                arguments: [other.description, path.baseName])
        }
        let faults = try test.faults()
        #expect(faults.count == 1)
        #expect(faults.allSatisfy { if case .misnamed(path, _) = $0 { true } else { false } })
    }

    @Test func `progress counts every object once`() throws {
        for i in 0..<5 { try test.add("x\(i)", ["a": "\(i)"]) }
        let calls = Counter()
        _ = try test.store.verify(width: 2) { done, all in
            calls.add(done)
            #expect(all == 5)
        }
        #expect(calls.values.sorted() == [1, 2, 3, 4, 5])
    }

    @Test func `records that are no database are refused in words`() throws {
        let directory = StateDirectory(test.directory.path.removingLastComponent().appending("damaged"))
        _ = try LocalStore(opening: directory, now: { 0 })
        try Files.remove(directory.database.appending("store.sqlite-wal"))
        try Files.write(Array(repeating: 7, count: 5000), to: directory.database.appending("store.sqlite"))
        let error = #expect(throws: LocalStoreError.self) { try LocalStore(opening: directory, now: { 0 }) }
        #expect(error?.kind == .corrupt)
    }

    @Test func `a store made by a newer program is refused`() throws {
        try test.store.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
        let error = #expect(throws: LocalStoreError.self) { try test.opened() }
        #expect(error?.message.contains("newer") == true)
    }
}

@Suite struct StateDirectoryTests {
    @Test func `the directory named wins over the variable, that over XDG, that over the home`() throws {
        var environment = ["BOOTFERRY_STATE_DIR": "/b", "XDG_STATE_HOME": "/x", "HOME": "/h"]
        func chosen(_ explicit: String?) throws -> String {
            try StateDirectory.chosen(explicit: explicit, environment: environment, currentDirectory: "/here").path
                .string
        }
        #expect(try chosen("/e") == "/e")
        #expect(try chosen("sub/../e") == "/here/e")
        #expect(try chosen(nil) == "/b")
        environment["BOOTFERRY_STATE_DIR"] = ""
        #expect(try chosen(nil) == "/x/bootferry")
        environment["XDG_STATE_HOME"] = "relative"
        #expect(try chosen(nil) == "/h/.local/state/bootferry")
        environment["HOME"] = nil
        #expect(throws: LocalStoreError.self) { try chosen(nil) }
    }
}
