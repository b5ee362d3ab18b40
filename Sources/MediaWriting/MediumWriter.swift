import BootMedia
import BootPolicy
import Glibc
import LinuxCalls
import OpenSSL
import SystemPackage

/// Writes a virtual file to a file or a block device, and reads it back.
public struct MediumWriter: Sendable {
    /// Where a path of the store lies on this disk.
    let physical: @Sendable (String) throws -> FilePath
    /// Bytes done, of how many; writing and reading back together.
    let progress: @Sendable (Int, Int) -> Void

    public init(
        physical: @escaping @Sendable (String) throws -> FilePath, progress: @escaping @Sendable (Int, Int) -> Void
    ) {
        self.physical = physical
        self.progress = progress
    }

    /// A file of these bytes, which appears whole or not at all.
    ///
    /// - Returns: the SHA-256 of what was read back.
    public func write(_ content: BootFile, toFile path: FilePath) throws -> [UInt8] {
        var digest: [UInt8] = []
        do {
            try replaceFile(at: path) { output in
                var run = Run(self, all: 2 * content.size)
                let written = try run.write(content.extents, to: output, at: 0)
                let input = try FileDescriptor.open(
                    FilePath("/proc/self/fd/\(output.rawValue)"), .readOnly, options: .closeOnExec)
                digest = try input.closeAfter {
                    try run.read(content.size, of: input, at: 0, expecting: written, named: path)
                }
            }
        } catch let error as Errno {
            throw Self.failure(path, error)
        }
        return digest
    }

    /// The medium onto a whole disk. What was interrupted has no partition table: it is written last.
    ///
    /// - Parameter medium: made for the disk's size.
    /// - Returns: the SHA-256 of what stands before the partition table's copy, as it was read back.
    public func write(_ medium: BootMedium, toDevice path: FilePath) throws -> [UInt8] {
        do {
            // Exclusive: the kernel refuses a disk that is mounted or otherwise claimed, whatever was looked at before.
            let device = try FileDescriptor.open(
                path, .readWrite, options: [.exclusiveCreate, .closeOnExec])
            return try device.closeAfter { try write(medium, to: device, named: path) }
        } catch Errno.resourceBusy {
            throw MediaWritingError(
                subject: "'\(path)'", message: "is in use: the kernel does not give it away", remedy: "umount it")
        } catch let error as Errno {
            throw Self.failure(path, error)
        }
    }

    /// Where a partition table may stand, and a boot loader's first part.
    private static let frontier = 64 << 10

    private func write(_ medium: BootMedium, to device: FileDescriptor, named path: FilePath) throws -> [UInt8] {
        var run = Run(self, all: 2 * medium.front.size)
        _ = try device.writeAll(toAbsoluteOffset: 0, [UInt8](repeating: 0, count: Self.frontier))
        try Self.sync(device)
        let rest = medium.front.extents(in: Self.frontier..<medium.front.size)
        _ = try run.write(rest, to: device, at: Self.frontier)
        _ = try device.writeAll(toAbsoluteOffset: Int64(medium.size - medium.end.count), medium.end)
        try Self.sync(device)
        _ = try run.write(medium.front.extents(in: 0..<Self.frontier), to: device, at: 0)
        try Self.sync(device)
        let expected = try run.digest(of: medium.front.extents)
        let digest = try run.read(medium.front.size, of: device, at: 0, expecting: expected, named: path)
        let end = try run.bytes(medium.end.count, of: device, at: medium.size - medium.end.count)
        guard end == medium.end else { throw Run.differs(path) }
        return digest
    }

    fileprivate static func sync(_ file: FileDescriptor) throws(Errno) {
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        // What is read back should come from the medium. This is advice: whether it was taken, nobody says.
        posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
    }

    private static func failure(_ path: FilePath, _ error: Errno) -> MediaWritingError {
        let remedy: String? =
            switch error {
            case .noSpace: "free space there, or name a file elsewhere"
            case .permissionDenied, .notPermitted: "a device needs root; a file, a folder that you may write"
            case .ioError, Errno(rawValue: ENXIO), Errno(rawValue: ENODEV), Errno(rawValue: ENOMEDIUM):
                "put the medium in again, or take another: this one failed"
            default: nil
            }
        return MediaWritingError(
            subject: "'\(path)'", message: "cannot be written", cause: "\(error)", remedy: remedy)
    }
}

/// One writing and reading back: its buffer, and how far it has come.
private struct Run {
    let writer: MediumWriter
    let all: Int
    var done = 0
    private var unsynced = 0
    private static let pieceSize = 1 << 20
    /// So that what is said to be done is, and no gigabyte waits in memory for a slow stick.
    private static let syncInterval = 64 << 20

    init(_ writer: MediumWriter, all: Int) {
        self.writer = writer
        self.all = all
    }

    static func differs(_ path: FilePath) -> MediaWritingError {
        MediaWritingError(
            kind: .corrupt, subject: "'\(path)'", message: "gives back other bytes than were written to it",
            remedy: "take another medium: this one is broken, or smaller than it says")
    }

    /// - Returns: the SHA-256 of the extents.
    mutating func write(_ extents: [BootFile.Extent], to output: FileDescriptor, at start: Int) throws -> [UInt8] {
        let digest = MessageDigest(.sha256)
        var offset = start
        for extent in extents {
            try each(extent) { piece in
                digest.update(piece)
                try output.writeAll(toAbsoluteOffset: Int64(offset), piece)
                offset += piece.count
                done += piece.count
                unsynced += piece.count
                if unsynced >= Self.syncInterval {
                    guard fdatasync(output.rawValue) == 0 else { throw Errno(rawValue: errno) }
                    unsynced = 0
                }
                writer.progress(done, all)
            }
        }
        return digest.finalize()
    }

    func digest(of extents: [BootFile.Extent]) throws -> [UInt8] {
        let digest = MessageDigest(.sha256)
        for extent in extents { try each(extent) { digest.update($0) } }
        return digest.finalize()
    }

    /// Hands out an extent's bytes piece by piece.
    private func each(_ extent: BootFile.Extent, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        switch extent {
        case .literal(let bytes): try bytes.withUnsafeBytes { try body($0) }
        case .stored(let path, let offset, let length):
            let input = try FileDescriptor.open(writer.physical(path), .readOnly, options: .closeOnExec)
            try input.closeAfter {
                var position = offset
                while position < offset + length {
                    let piece = try bytes(min(Self.pieceSize, offset + length - position), of: input, at: position)
                    guard !piece.isEmpty else {
                        throw MediaWritingError(
                            kind: .corrupt, subject: path,
                            message: "ends at byte \(position), expected \(offset + length)",
                            remedy: "bootferry verify --repair")
                    }
                    try piece.withUnsafeBytes { try body($0) }
                    position += piece.count
                }
            }
        }
    }

    mutating func read(
        _ count: Int, of input: FileDescriptor, at start: Int, expecting expected: [UInt8], named path: FilePath
    ) throws -> [UInt8] {
        try MediumWriter.sync(input)
        let digest = MessageDigest(.sha256)
        var position = start
        while position < start + count {
            let piece = try bytes(min(Self.pieceSize, start + count - position), of: input, at: position)
            guard !piece.isEmpty else { throw Self.differs(path) }
            digest.update(piece)
            position += piece.count
            done += piece.count
            writer.progress(done, all)
        }
        let found = digest.finalize()
        guard found == expected else { throw Self.differs(path) }
        return found
    }

    func bytes(_ count: Int, of input: FileDescriptor, at offset: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let more = try input.read(fromAbsoluteOffset: Int64(offset + filled), into: room)
                if more == 0 { break }
                filled += more
            }
        }
    }
}
