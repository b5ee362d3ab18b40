import Archives
import Building
import FileFormats
import Glibc
import SystemModel
import SystemPackage

/// Writes one segment's archive and gathers what `segment.json` says of it.
///
/// Entries come out in the order given; inode numbers count from 1; every time is `SegmentWriter.epoch`.
final class SegmentWriter {
    /// The time of every file in an image: 1980-01-01, the earliest that all archive formats can say.
    ///
    /// One constant rather than the packages' own times, so that no tool's idea of "newer" depends on which segment
    /// a file is in; `/etc/.updated` at the same time keeps systemd from rebuilding caches at boot.
    static let epoch: UInt32 = 315_532_800

    private let sink: any ByteSink
    private var inode: UInt32 = 0
    private var linked: [String: UInt32] = [:]
    private var paths: [String] = []
    private var unpackedBytes = 0
    private(set) var capabilities: [String: String] = [:]
    var removals: [String] = []

    init(_ sink: any ByteSink) { self.sink = sink }

    /// A directory, link, device or empty file; `links` counts the names of a file that has several.
    ///
    /// `path` is canonical. Contents of a file follow by `write(contents)`, exactly `size` bytes, then `padding(after:)`.
    func header(
        _ path: String, _ type: CPIO.FileType, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0,
        links: UInt32? = nil, sameFileAs other: String? = nil, size: Int = 0, deviceMajor: UInt32 = 0,
        deviceMinor: UInt32 = 0
    ) throws {
        let number: UInt32
        if let other, let known = linked[other] {
            number = known
        } else {
            inode += 1
            number = inode
        }
        if (links ?? 1) > 1 { linked[path] = number }
        let entry = CPIO.Entry(
            path: path, type: type, permissions: permissions, owner: owner, group: group, inode: number,
            links: links ?? (type == .directory ? 2 : 1), modified: Self.epoch, size: size, deviceMajor: deviceMajor,
            deviceMinor: deviceMinor)
        do {
            try sink.write(CPIO.header(entry))
        } catch CPIO.Fault.tooLarge(let path, let size) {
            throw BuildError(
                subject: path, message: "has \(size) bytes, and a file of an initramfs holds at most 4294967295",
                remedy: "leave it out of the system, or serve it to the node some other way")
        } catch CPIO.Fault.unsuitableName(let path) {
            throw BuildError(subject: path, message: "is no name for a file of an initramfs: at most 4095 bytes fit")
        }
        // The slash tells directories apart, which several packages may carry.
        paths.append(type == .directory ? path + "/" : path)
        unpackedBytes += (size + 4095) & ~4095
    }

    /// Whether `path` was written as the first of several names.
    func hasLinks(_ path: String) -> Bool { linked[path] != nil }

    func write(contents: UnsafeRawBufferPointer) throws { try sink.write(contents) }

    func padding(after size: Int) throws { try sink.write(CPIO.padding(after: size)) }

    /// A whole file from memory.
    func file(
        _ path: String, _ contents: [UInt8], permissions: UInt32 = 0o644, owner: UInt32 = 0, group: UInt32 = 0
    ) throws {
        try header(path, .file, permissions: permissions, owner: owner, group: group, size: contents.count)
        try contents.withUnsafeBytes { try write(contents: $0) }
        try padding(after: contents.count)
    }

    /// A file of the build host, in pieces.
    func copy(_ source: FilePath, to path: String, permissions: UInt32, owner: UInt32, group: UInt32) throws {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(source, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
        } catch let error as Errno {
            throw BuildError(subject: source.string, message: "could not be read as a file", cause: "\(error)")
        }
        try file.closeAfter {
            var status = stat()
            guard fstat(file.rawValue, &status) == 0 else { throw Tree.failure(source, "could not be examined") }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw BuildError(kind: .usage, subject: source.string, message: "is no regular file")
            }
            let size = Int(status.st_size)
            try header(path, .file, permissions: permissions, owner: owner, group: group, size: size)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
            defer { buffer.deallocate() }
            var left = size
            while left > 0, case let count = try file.read(into: buffer), count > 0 {
                try write(contents: UnsafeRawBufferPointer(rebasing: buffer[..<min(count, left)]))
                left -= min(count, left)
            }
            guard left == 0 else {
                throw BuildError(subject: source.string, message: "became shorter while it was read")
            }
            try padding(after: size)
        }
    }

    func directory(_ path: String, permissions: UInt32 = 0o755, owner: UInt32 = 0, group: UInt32 = 0) throws {
        try header(path, .directory, permissions: permissions, owner: owner, group: group)
    }

    func link(_ path: String, to target: String) throws {
        let bytes = Array(target.utf8)
        try header(path, .symbolicLink, permissions: 0o777, size: bytes.count)
        try sink.write(bytes)
        try padding(after: bytes.count)
        // tmpfs keeps a short target in the inode, not in a page.
        unpackedBytes -= (bytes.count + 4095) & ~4095
    }

    /// Records a `security.capability` attribute, for which newc has no place; init applies it.
    func capability(_ path: String, _ attribute: [UInt8]) {
        capabilities[path] = attribute.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    /// Ends the archive; the summary's `size` is filled in once the compressor is done.
    func finish(name: String) throws -> Finished {
        try sink.write(CPIO.end)
        return Finished(
            summary: SegmentSummary(
                name: name, size: 0, unpackedBytes: unpackedBytes, inodes: Int(inode), removals: removals.sorted(),
                capabilities: capabilities),
            contents: paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    struct Finished: Sendable {
        var summary: SegmentSummary
        var contents: [String]
    }
}

extension Toolbox {
    /// Makes the segment directory `output` (or fills an `existing` one): `segment.cpio.zst`, `segment.json`, `contents`.
    ///
    /// An archive of at most `storedUpTo` bytes is stored in its frame as it is: to start the compressor takes longer.
    /// `fill` may be called twice.
    @discardableResult
    func makeSegment(
        named name: String, in output: FilePath, existing: Bool = false, storedUpTo limit: Int = 0,
        _ fill: @escaping @Sendable (SegmentWriter) throws -> Void
    ) async throws -> SegmentSummary {
        if !existing { try Tree.makeDirectory(output) }
        let file = output.appending("segment.cpio.zst")
        let finished: SegmentWriter.Finished
        if let small = try SmallArchive.make(named: name, limit: limit, fill) {
            try Tree.write(Zstandard.storedFrame(small.bytes), to: file)
            finished = small.finished
        } else {
            finished = try await compress(into: file) { pipe in
                let writer = SegmentWriter(pipe)
                try fill(writer)
                return try writer.finish(name: name)
            }
            try Tree.setMode(file, 0o644)
        }
        var summary = finished.summary
        summary.size = try Tree.size(of: file)
        try Tree.write(json: summary, to: output.appending("segment.json"))
        try Tree.write(
            Array(finished.contents.map { $0 + "\n" }.joined().utf8), to: output.appending("contents"))
        return summary
    }
}

/// An archive in memory, as long as it is small.
private final class SmallArchive: ByteSink {
    private struct TooLarge: Error {}

    private let limit: Int
    private var bytes: [UInt8] = []

    private init(limit: Int) { self.limit = limit }

    func write(_ more: [UInt8]) throws { try more.withUnsafeBytes { try write($0) } }

    func write(_ more: UnsafeRawBufferPointer) throws {
        guard bytes.count + more.count <= limit else { throw TooLarge() }
        bytes.append(contentsOf: more)
    }

    /// Nil where the archive grows beyond `limit` bytes.
    static func make(
        named name: String, limit: Int, _ fill: (SegmentWriter) throws -> Void
    ) throws -> (bytes: [UInt8], finished: SegmentWriter.Finished)? {
        guard limit > 0 else { return nil }
        let archive = SmallArchive(limit: limit)
        do {
            let writer = SegmentWriter(archive)
            try fill(writer)
            let finished = try writer.finish(name: name)
            return (archive.bytes, finished)
        } catch is TooLarge {
            return nil
        }
    }
}
