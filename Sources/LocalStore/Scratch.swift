import Glibc
import StoreModel
import SystemPackage

/// A directory for work under way, removed at the end; if the process dies, the next collection removes it.
///
/// A lock file beside it, held while the process lives, tells the living from the dead.
public final class Scratch: Sendable {
    static let prefix = "work-"

    /// The directory, empty at first, mode 0755.
    public let path: FilePath
    private let lock: FileLock

    /// The collection lock must be held: between making and locking it looks abandoned.
    init(in directory: FilePath) throws {
        path = try Scratch.unique(in: directory, prefix: Scratch.prefix, isDirectory: true)
        guard let lock = try FileLock.take(Scratch.lockFile(of: path)) else {
            throw LocalStoreError("'\(path)'", "is locked by another although it is new")
        }
        self.lock = lock
        try Files.setMode(0o755, path)
    }

    deinit {
        // What cannot be removed here (files of other owners) is found again by the next sweep.
        if (try? Files.remove(path)) != nil { _ = try? Files.remove(Scratch.lockFile(of: path)) }
    }

    static func lockFile(of path: FilePath) -> FilePath { FilePath(path.string + ".lock") }

    /// Makes a file or directory with a name nobody has, of the prefix, this process's number and random letters.
    static func unique(in directory: FilePath, prefix: String, isDirectory: Bool) throws(LocalStoreError) -> FilePath {
        let template = directory.appending("\(prefix)\(getpid())-XXXXXX")
        var name = template.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
        if isDirectory {
            guard mkdtemp(&name) != nil else {
                throw LocalStoreError("cannot create", template, Errno(rawValue: errno))
            }
        } else {
            let descriptor = mkstemp(&name)
            try Files.check(descriptor, "cannot create", template)
            close(descriptor)
        }
        return name.withUnsafeBufferPointer { name in
            name.baseAddress.map { FilePath(platformString: $0) } ?? template
        }
    }
}

extension LocalStore {
    /// Makes a directory for work under way, on the store's own file system; it goes with the last reference to the value.
    ///
    /// Hold the value to the end of the work (`withExtendedLifetime`), not its path alone.
    public func makeScratch() throws -> Scratch {
        try withCollectionHeldOff { try Scratch(in: directory.temporary) }
    }
}
