import FileFormats
import Glibc
import StoreModel
import SystemPackage

/// An object's archive as a list of pieces: what stands between files as bytes, and files where they lie.
public struct ArchiveLayout: Sendable {
    public enum Piece: Sendable, Equatable {
        case bytes([UInt8])
        /// All of a file, so many bytes; `path` is logical (`/nix/store/…`).
        case file(path: String, size: Int)
    }

    public private(set) var pieces: [Piece] = []
    /// Bytes of the archive.
    public private(set) var size = 0

    fileprivate init() {}

    fileprivate mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        size += bytes.count
        if case .bytes(let before) = pieces.last {
            pieces[pieces.count - 1] = .bytes(before + bytes)
        } else {
            pieces.append(.bytes(Array(bytes)))
        }
    }

    fileprivate mutating func append(_ path: String, size count: Int) {
        size += count
        pieces.append(.file(path: path, size: count))
    }
}

extension LocalStore {
    /// Lays out the archive of a valid object; no file is read. Memory: some hundred bytes for each file.
    public func archiveLayout(of path: StorePath) throws -> ArchiveLayout {
        guard try isValid(path) else { throw LocalStoreError("'\(path)'", "is not in the store") }
        let layout = Growing()
        var writer = NAR.Writer { layout.value.append($0) }
        try lay(out: physicalPath(of: path), as: path.description, in: layout, &writer)
        try writer.finish()
        return layout.value
    }

    private final class Growing {
        var value = ArchiveLayout()
    }

    private func lay(
        out path: FilePath, as logical: String, in layout: Growing, _ writer: inout NAR.Writer
    ) throws {
        let status = try Files.requiredStatus(path)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let size = Int(status.st_size)
            try writer.write(.regular(isExecutable: status.st_mode & 0o100 != 0, size: size))
            guard size > 0 else { return }
            try writer.passContent(size) { layout.value.append(logical, size: size) }
        case S_IFLNK: try writer.write(.symlink(target: try Files.linkTarget(path)))
        case S_IFDIR:
            try writer.write(.beginDirectory)
            for name in try Files.names(in: path) {
                try writer.write(.entry(name: Files.bytes(of: name)))
                guard let text = String(validating: Files.bytes(of: name), as: UTF8.self) else {
                    throw LocalStoreError("'\(path.appending(name))'", "has a name that is not UTF-8 text")
                }
                try lay(out: path.appending(name), as: "\(logical)/\(text)", in: layout, &writer)
            }
            try writer.write(.endDirectory)
        default: throw LocalStoreError("'\(path)'", "is neither a file, a link nor a directory", kind: .corrupt)
        }
    }
}
