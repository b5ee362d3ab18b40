import FileFormats
import Glibc
import LocalStore
import SystemPackage

/// A medium that comes as a tar archive through a pipe: its files, put into a folder of the state directory as they come.
///
/// Nothing is proved by it: the folder is then read like any medium's. Of a stream that is cut off, nothing is taken.
public struct TarSpool: Sendable {
    /// Where the files are.
    public let folder: FilePath
    private let scratch: Scratch

    /// Reads the archive to its end.
    ///
    /// - Parameter progress: told of the bytes that have come.
    public init(reading input: IncomingBytes, into store: LocalStore, progress: (Int) -> Void) throws {
        scratch = try store.makeScratch()
        folder = scratch.path.appending("medium")
        try MediumFiles.makeFolder(folder)
        var reader = Reader(input: input)
        while true {
            let offset = reader.offset
            guard let header = try reader.block() else { throw Self.cut(after: reader.last) }
            guard let member = try TarIndex.member(header, at: offset, of: "the pipe") else { break }
            reader.last = member.name
            if member.isDirectory {
                if member.name != "." { try makeFolders(folder.pushing(FilePath(member.name))) }
                continue
            }
            let path = folder.pushing(FilePath(member.name))
            try makeFolders(path.removingLastComponent())
            try reader.copy(member, to: path)
            progress(reader.offset)
        }
        // The writer should not find its pipe closed.
        while try reader.block() != nil {}
    }

    /// Names have at most three parts (`MediumManifest.checkName`).
    private func makeFolders(_ path: FilePath) throws {
        guard path != folder, !MediumFiles.exists(path) else { return }
        try makeFolders(path.removingLastComponent())
        try MediumFiles.makeFolder(path)
    }

    private static func cut(after name: String) -> CarryingError {
        CarryingError(
            "the pipe", "ends after '\(name)', without an archive's end; nothing was imported", kind: .corrupt,
            remedy: "give it again from its beginning")
    }

    private struct Reader {
        let input: IncomingBytes
        var offset = 0
        var last = "nothing"

        /// The next 512 bytes; nil at the end.
        mutating func block() throws -> [UInt8]? {
            let bytes = try bytes(Tar.blockSize)
            return bytes.count == Tar.blockSize ? bytes : nil
        }

        mutating func copy(_ member: Tar.Member, to path: FilePath) throws {
            let file: FileDescriptor
            do {
                file = try FileDescriptor.open(
                    path, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                    permissions: [.ownerReadWrite])
            } catch Errno.fileExists {
                throw CarryingError("the pipe", "has '\(member.name)' twice", kind: .corrupt)
            } catch {
                throw CarryingError("cannot make", path, error)
            }
            try file.closeAfter {
                var left = member.paddedSize
                var content = member.size
                while left > 0 {
                    let piece = try bytes(min(left, 1 << 18))
                    guard !piece.isEmpty else { throw TarSpool.cut(within: member.name) }
                    left -= piece.count
                    do {
                        _ = try file.writeAll(piece.prefix(content))
                    } catch {
                        throw CarryingError("cannot write to", path, error)
                    }
                    content -= min(content, piece.count)
                }
            }
        }

        /// As many bytes, fewer only at the end.
        private mutating func bytes(_ count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count {
                let more = try input.take(upTo: count - bytes.count)
                if more.isEmpty { break }
                bytes += more
            }
            offset += bytes.count
            return bytes
        }
    }

    fileprivate static func cut(within name: String) -> CarryingError {
        CarryingError(
            "the pipe", "ends within '\(name)'; nothing was imported", kind: .corrupt,
            remedy: "give it again from its beginning")
    }
}
