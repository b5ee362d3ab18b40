import OpenSSL
import StoreModel
import SystemPackage

extension LocalStore {
    /// The path that a file or tree outside the store would have in it, without copying anything.
    public static func sourcePath(of tree: FilePath, name: String) throws -> StorePath {
        let digest = SHA256()
        var archive = TreeArchive { digest.update($0) }
        try archive.write(tree)
        return try StorePath.source(name: name, narDigest: Digest(finishing: digest))
    }

    /// Copies a file or tree into the store as it is, without references; nothing is copied if it is there already.
    @discardableResult
    public func addSource(_ tree: FilePath, name: String) throws -> StorePath {
        let path = try LocalStore.sourcePath(of: tree, name: name)
        try protect([path])
        if try isValid(path), Files.exists(physicalPath(of: path)) { return path }
        let scratch = try makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let copy = scratch.path.appending("source")
        try Files.copyTree(of: tree, to: copy)
        return try addContentAddressed(copy, name: name)
    }

    /// Copies a file, or a folder of nothing but files and folders, to where nothing is, writable by its owner; a link throws,
    /// since it would lead elsewhere from there.
    public static func copyPlainTree(of source: FilePath, to target: FilePath) throws {
        if var parent = Optional(target), parent.removeLastComponent() { try Files.createDirectories(parent) }
        try Files.copyTree(of: source, to: target, refusingLinks: true)
    }

    /// Emits the NAR of a valid object in chunks; the buffer is only good during the call.
    public func writeArchive(of path: StorePath, to emit: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        guard try isValid(path) else { throw LocalStoreError("'\(path)'", "is not in the store") }
        var archive = TreeArchive(emit: emit)
        try archive.write(physicalPath(of: path))
    }
}
