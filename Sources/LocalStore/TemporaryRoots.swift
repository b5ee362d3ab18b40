import Glibc
import StoreModel
import SystemPackage

/// What this process keeps from collection while it works: a list in a file that it holds locked.
///
/// The lock goes with the process, and the list with the lock.
struct TemporaryRoots: ~Copyable {
    static let prefix = "roots-"

    private let file: FilePath
    private let lock: FileLock
    private var known: Set<StorePath> = []

    /// The collection lock must be held: between a file's making and its locking it looks abandoned.
    init(in directory: FilePath) throws(LocalStoreError) {
        let file = try Scratch.unique(in: directory, prefix: TemporaryRoots.prefix, isDirectory: false)
        guard let lock = try FileLock.take(file) else {
            throw LocalStoreError("'\(file)'", "is locked by another although it is new")
        }
        self.file = file
        self.lock = lock
    }

    deinit { _ = file.withPlatformString { unlink($0) } }

    mutating func add(_ paths: some Sequence<StorePath>) throws(LocalStoreError) {
        var text: [UInt8] = []
        for path in paths where known.insert(path).inserted { text += Array("\(path.baseName)\n".utf8) }
        if !text.isEmpty { try lock.append(text, file) }
    }

    /// What living processes keep; lists of dead ones are removed. The collection lock must be held alone.
    static func all(in directory: FilePath) throws -> Set<StorePath> {
        var paths: Set<StorePath> = []
        for name in try Files.names(in: directory) where name.string.hasPrefix(prefix) {
            let file = directory.appending(name)
            if let lock = try FileLock.take(file) {
                try Files.remove(file)
                lock.release()
                continue
            }
            // A process that dies while it writes leaves half a line, which names nothing it has used.
            for line in try Files.text(of: file).split(separator: "\n") {
                if let path = try? StorePath(baseName: String(line)) { paths.insert(path) }
            }
        }
        return paths
    }
}

extension LocalStore {
    /// Keeps objects, valid or yet to come, from collection until this process ends.
    ///
    /// Waits while a collection is under way; ask for validity after, not before.
    public func protect(_ paths: some Sequence<StorePath>) throws {
        try withCollectionHeldOff { try addTemporaryRoots(paths) }
    }

    /// The collection lock must be held.
    func addTemporaryRoots(_ paths: some Sequence<StorePath>) throws {
        try temporaryRoots.withLock { roots in
            if roots == nil { roots = try TemporaryRoots(in: directory.temporary) }
            try roots?.add(paths)
        }
    }

    /// Runs `body` while no collection does.
    func withCollectionHeldOff<T>(_ body: () throws -> T) throws -> T {
        let lock = try FileLock.wait(.shared, directory.collectionLock)
        defer { lock.release() }
        return try body()
    }
}
