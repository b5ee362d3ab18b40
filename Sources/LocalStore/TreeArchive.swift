import FileFormats
import Glibc
import LinuxCalls
import StoreModel
import SystemPackage

/// One walk over a tree on disk that makes its NAR, and on the way what else needs every byte or every file.
///
/// Memory: one buffer. Device nodes, sockets and pipes throw.
struct TreeArchive {
    /// What to do with modes, times, owners and attributes, which an archive does not carry.
    enum Metadata {
        case ignore
        /// Set them as every store object has them: mode 0444 or 0555, time 1, no attributes.
        case canonicalise
        /// Report each that is not so.
        case inspect((FilePath, String) -> Void)
    }

    /// Where the object names itself.
    enum SelfReference {
        case content(FilePath, offset: Int)
        case target(FilePath, offset: Int)
    }

    var metadata = Metadata.ignore
    var scanner: ReferenceScanner?
    /// Told where in the archive the object names itself, before those bytes are emitted.
    var onSelfReference: (Int) -> Void = { _ in }
    private(set) var selfReferences: [SelfReference] = []
    private var writer: NAR.Writer
    private let buffer: Buffer

    init(emit: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        writer = NAR.Writer(emit: emit)
        buffer = Buffer()
    }

    /// Bytes of the archive.
    var count: Int { writer.offset }

    mutating func write(_ root: FilePath) throws {
        try writeNode(root, depth: 0)
        try writer.finish()
    }

    private mutating func writeNode(_ path: FilePath, depth: Int) throws {
        let status = try Files.requiredStatus(path)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let isExecutable = status.st_mode & 0o100 != 0
            try apply(to: path, status, mode: isExecutable ? 0o555 : 0o444)
            try writer.write(.regular(isExecutable: isExecutable, size: Int(status.st_size)))
            if status.st_size > 0 { try writeContent(path, size: Int(status.st_size)) }
        case S_IFLNK:
            try apply(to: path, status, mode: nil)
            let target = try Files.linkTarget(path)
            let own = try target.withUnsafeBytes { try scanner?.scan($0) } ?? []
            for offset in own {
                selfReferences.append(.target(path, offset: offset))
                onSelfReference(writer.offset + NAR.targetOffset + offset)
            }
            try writer.write(.symlink(target: target))
        case S_IFDIR:
            guard depth < NAR.maximumDepth else {
                throw LocalStoreError("'\(path)'", "directories nest deeper than \(NAR.maximumDepth)")
            }
            // Its owner may be barred from a directory that a builder closed.
            var open = status
            if case .canonicalise = metadata {
                try apply(to: path, status, mode: 0o755)
                open.st_mode = status.st_mode & S_IFMT | 0o755
            }
            try writer.write(.beginDirectory)
            for name in try Files.names(in: path) {
                let bytes = Files.bytes(of: name)
                if scanner != nil, try !bytes.withUnsafeBytes({ try scanner?.scan($0) ?? [] }).isEmpty {
                    throw LocalStoreError(
                        "'\(path.appending(name))'",
                        "the object's own digest is part of a file's name, which cannot be rewritten")
                }
                try writer.write(.entry(name: bytes))
                try writeNode(path.appending(name), depth: depth + 1)
            }
            try writer.write(.endDirectory)
            try apply(to: path, open, mode: 0o555)
        case let kind:
            let word = kind == S_IFIFO ? "a pipe" : kind == S_IFSOCK ? "a socket" : "a device node"
            throw LocalStoreError("'\(path)'", "is \(word), which no store object can hold", kind: .failed)
        }
    }

    private mutating func writeContent(_ path: FilePath, size: Int) throws {
        let descriptor = try Files.open(path, .readOnly, .noFollow)
        defer { try? descriptor.close() }
        let start = writer.offset
        var passed = 0
        var held = 0
        while true {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[held...])
            let count: Int
            do {
                count = try descriptor.read(into: room)
            } catch {
                throw LocalStoreError("cannot read", path, (error as? Errno) ?? .ioError)
            }
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(held + count)])
            if count > 0 {
                for offset in try scanner?.scan(UnsafeRawBufferPointer(piece)) ?? [] {
                    selfReferences.append(.content(path, offset: passed + offset))
                    onSelfReference(start + passed + offset)
                }
            }
            let keep = count == 0 || scanner == nil ? 0 : min(ReferenceScanner.overlap, piece.count)
            guard passed + piece.count <= size else {
                throw LocalStoreError("'\(path)'", "grew while it was read, from \(size) bytes")
            }
            if piece.count > keep {
                try writer.content(UnsafeRawBufferPointer(rebasing: piece[..<(piece.count - keep)]))
            }
            passed += piece.count - keep
            if count == 0 { break }
            if keep > 0 {
                UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<keep])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[(piece.count - keep)...]))
            }
            held = keep
        }
        guard passed == size else {
            throw LocalStoreError("'\(path)'", "shrank while it was read, from \(size) bytes to \(passed)")
        }
    }

    /// `mode` is nil for links, which have none.
    private func apply(to path: FilePath, _ status: stat, mode: mode_t?) throws {
        switch metadata {
        case .ignore: break
        case .inspect(let report):
            if let mode, status.st_mode & 0o7777 != mode {
                report(path, "mode is \(String(status.st_mode & 0o7777, radix: 8)), expected \(String(mode, radix: 8))")
            }
            if status.st_mtim.tv_sec != 1 { report(path, "time is \(status.st_mtim.tv_sec), expected 1") }
        case .canonicalise:
            let (user, group) = (geteuid(), getegid())
            if status.st_uid != user || status.st_gid != group {
                try Files.check(path.withPlatformString { lchown($0, user, group) }, "cannot take ownership of", path)
            }
            if let mode {
                if status.st_mode & 0o7777 != mode { try Files.setMode(mode, path) }
                try FileCalls.removeExtendedAttributes(of: path, describing: "cannot remove the attributes of")
            }
            let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            try Files.check(
                path.withPlatformString { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) },
                "cannot set the time of",
                path)
        }
    }

    /// Memory for content, freed with the last copy of the walk.
    private final class Buffer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        deinit { bytes.deallocate() }
    }
}

extension FileCalls {
    fileprivate static func removeExtendedAttributes(
        of path: FilePath, describing call: String
    ) throws(LocalStoreError) {
        do {
            try removeExtendedAttributes(of: path)
        } catch {
            throw LocalStoreError(call, path, error)
        }
    }
}
