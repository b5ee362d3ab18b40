import Glibc
import StoreModel
import Synchronization
import SystemPackage

@testable import LocalStore

/// A store in a directory of its own, removed with the value.
final class TestStore {
    let directory: StateDirectory
    let store: LocalStore

    init(now: Int = 1_700_000_000) throws {
        let parent = try Scratch.unique(in: "/tmp", prefix: "bootferry-test-", isDirectory: true)
        directory = StateDirectory(parent.appending("state"))
        store = try LocalStore(opening: directory, now: { now })
    }

    deinit { _ = try? Files.remove(directory.path.removingLastComponent()) }

    /// Another store value on the same directory, as another process has.
    func opened() throws -> LocalStore { try LocalStore(opening: directory, now: { 0 }) }

    /// Adds a directory of files, keyed by path below it.
    @discardableResult
    func add(
        _ name: String, _ files: [String: String], candidates: Set<StorePath> = [], selfHashPart: String? = nil
    ) throws -> StorePath {
        let scratch = try store.makeScratch()
        let tree = scratch.path.appending("tree")
        try Files.createDirectories(tree)
        for (path, text) in files {
            let file = tree.pushing(FilePath(path))
            try Files.createDirectories(file.removingLastComponent())
            try Files.write(Array(text.utf8), to: file)
        }
        return try store.addContentAddressed(tree, name: name, candidates: candidates, selfHashPart: selfHashPart)
    }

    func faults() throws -> [StoreFault] { try store.verify(width: 2) }
}

/// Values gathered from several threads.
final class Counter: Sendable {
    private let state = Mutex([Int]())

    func add(_ value: Int) { state.withLock { $0.append(value) } }
    var values: [Int] { state.withLock { $0 } }
}
