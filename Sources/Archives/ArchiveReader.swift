import CArchive
import SystemPackage

/// Reads a tar stream, compressed in any way that libarchive knows, one member after another.
///
/// Memory is bounded: contents come in chunks, names are limited to 4,096 bytes and attributes to 64 KiB.
/// The owner numbers are those in the archive; names of accounts are ignored.
public struct ArchiveReader: ~Copyable {
    private let archive: OpaquePointer
    private let source: ByteSource
    /// What error messages call the archive.
    public let name: String
    /// Contents of the present member still to be read.
    private var remaining = 0

    /// A part of a file; nil for all of it.
    public init(file: FilePath, range: Range<Int64>? = nil) throws(ArchiveError) {
        let source: ByteSource
        do {
            source = ByteSource(
                descriptor: try FileDescriptor.open(file, .readOnly, options: [.closeOnExec]),
                range: range, owned: true)
        } catch {
            throw ArchiveError(
                kind: .failed, subject: file.string, message: "could not be opened", cause: "\(error)")
        }
        try self.init(source: source, name: file.lastComponent?.string ?? file.string)
    }

    /// A pipe or a file, read to its end; the caller closes it after this reader is gone.
    public init(descriptor: FileDescriptor, name: String) throws(ArchiveError) {
        try self.init(source: ByteSource(descriptor: descriptor, range: nil, owned: false), name: name)
    }

    private init(source: ByteSource, name: String) throws(ArchiveError) {
        archive = try Self.open(source, name: name)
        self.source = source
        self.name = name
    }

    deinit { bf_archive_read_free(archive) }

    private static func open(_ source: ByteSource, name: String) throws(ArchiveError) -> OpaquePointer {
        if let problem = bf_archive_load() {
            throw ArchiveError(
                kind: .host, subject: name, message: "cannot be read without libarchive",
                cause: String(cString: problem), remedy: "bootferry doctor")
        }
        guard let archive = bf_archive_read_new() else {
            throw ArchiveError(kind: .failed, subject: name, message: "libarchive has no memory for a reader")
        }
        // Exactly the compressions dpkg-deb(1) writes: xz, gzip, zstd, and older bzip2 and lzma.
        let filters = [
            bf_archive_read_support_filter_xz, bf_archive_read_support_filter_gzip, bf_archive_read_support_filter_zstd,
            bf_archive_read_support_filter_bzip2, bf_archive_read_support_filter_lzma,
            bf_archive_read_support_format_tar,
        ]
        var result = ARCHIVE_OK
        for support in filters where result >= ARCHIVE_WARN { result = support(archive) }
        if result >= ARCHIVE_WARN {
            let client = Unmanaged.passUnretained(source).toOpaque()
            result = bf_archive_read_open(
                archive, client,
                { _, client, buffer in
                    guard let client else { return -1 }
                    return Unmanaged<ByteSource>.fromOpaque(client).takeUnretainedValue().next(into: buffer)
                })
        }
        do throws(ArchiveError) {
            try check(result, archive, source, name)
        } catch {
            bf_archive_read_free(archive)
            throw error
        }
        return archive
    }

    /// The next member, or nil after the last; what was not read of the one before is skipped.
    public mutating func next() throws(ArchiveError) -> ArchiveEntry? {
        var entry: OpaquePointer?
        let result = bf_archive_read_next_header(archive, &entry)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        guard let entry else { throw fault("has a member without a header") }
        let read = try describe(entry)
        remaining = read.size
        return read
    }

    /// Contents of the present member: fills `buffer` from its start and returns how much, 0 at the end.
    ///
    /// A member that ends before the size in its header throws.
    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let wanted = min(remaining, buffer.count)
        if wanted == 0 { return 0 }
        let count = bf_archive_read_data(archive, buffer.baseAddress, wanted)
        if count < 0 { try check(Int32(clamping: count)) }
        guard count > 0 else { throw fault("ends \(remaining) bytes before the end of a member") }
        remaining -= count
        return count
    }

    /// All contents of the present member, refused above `limit` bytes.
    public mutating func contents(limit: Int) throws(ArchiveError) -> [UInt8] {
        guard remaining <= limit else {
            throw fault("has a member of \(remaining) bytes where at most \(limit) are expected")
        }
        var bytes = [UInt8](repeating: 0, count: remaining)
        var filled = 0
        while filled < bytes.count {
            let part = bytes.withUnsafeMutableBytes { whole in
                let free = UnsafeMutableRawBufferPointer(rebasing: whole[filled...])
                return Result { () throws(ArchiveError) in try read(into: free) }
            }
            filled += try part.get()
        }
        return bytes
    }

    private func describe(_ entry: OpaquePointer) throws(ArchiveError) -> ArchiveEntry {
        let path = try text(bf_archive_entry_pathname(entry), of: "name")
        let size = bf_archive_entry_size(entry)
        guard size >= 0 else { throw fault("gives '\(path)' the size \(size)") }
        let kind: ArchiveEntry.Kind
        if let target = bf_archive_entry_hardlink(entry) {
            kind = .hardLink(target: try text(target, of: "hard link '\(path)'"))
        } else {
            switch bf_archive_entry_filetype(entry) {
            case 0o100000: kind = .file
            case 0o040000: kind = .directory
            case 0o120000:
                kind = .symbolicLink(target: try text(bf_archive_entry_symlink(entry), of: "symbolic link '\(path)'"))
            case 0o020000:
                kind = .characterDevice(
                    major: UInt32(truncatingIfNeeded: bf_archive_entry_rdevmajor(entry)),
                    minor: UInt32(truncatingIfNeeded: bf_archive_entry_rdevminor(entry)))
            case 0o060000:
                kind = .blockDevice(
                    major: UInt32(truncatingIfNeeded: bf_archive_entry_rdevmajor(entry)),
                    minor: UInt32(truncatingIfNeeded: bf_archive_entry_rdevminor(entry)))
            case 0o010000: kind = .fifo
            case let type: throw fault("gives '\(path)' the unknown type 0\(String(type, radix: 8))")
            }
        }
        guard let owner = UInt32(exactly: bf_archive_entry_uid(entry)),
            let group = UInt32(exactly: bf_archive_entry_gid(entry))
        else { throw fault("gives '\(path)' an owner that is not a 32-bit number") }
        return ArchiveEntry(
            path: path, kind: kind, permissions: UInt32(bf_archive_entry_perm(entry)) & 0o7777, owner: owner,
            group: group,
            size: kind == .file ? Int(size) : 0, modified: Int(bf_archive_entry_mtime(entry)),
            extendedAttributes: try attributes(of: entry, path: path))
    }

    private func attributes(of entry: OpaquePointer, path: String) throws(ArchiveError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        guard bf_archive_entry_xattr_reset(entry) > 0 else { return found }
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while bf_archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK {
            guard size <= 65536 else { throw fault("gives '\(path)' an attribute of \(size) bytes, at most 65536 fit") }
            let bytes = value.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: size)) } ?? []
            found[try text(name, of: "attribute of '\(path)'")] = bytes
        }
        return found
    }

    private func text(_ pointer: UnsafePointer<CChar>?, of what: String) throws(ArchiveError) -> String {
        guard let pointer else { throw fault("has no \(what) that can be read") }
        guard let text = String(validatingCString: pointer) else { throw fault("has a \(what) that is not UTF-8") }
        guard !text.isEmpty, text.utf8.count <= 4096 else {
            throw fault("has a \(what) of \(text.utf8.count) bytes, expected 1 to 4096")
        }
        return text
    }

    private func fault(_ message: String) -> ArchiveError { ArchiveError(subject: name, message: message) }

    private func check(_ result: Int32) throws(ArchiveError) { try Self.check(result, archive, source, name) }

    /// Turns libarchive's return codes into its own words; a warning (a name in no known character set) is none of ours.
    private static func check(
        _ result: Int32, _ archive: OpaquePointer, _ source: ByteSource, _ name: String
    ) throws(ArchiveError) {
        if result >= ARCHIVE_WARN { return }
        let words = source.failure ?? bf_archive_error_string(archive).map { String(cString: $0) }
        throw ArchiveError(subject: name, message: "is damaged or not an archive", cause: words)
    }
}

/// Where libarchive gets its bytes: a range of a file, or a stream to its end.
private final class ByteSource {
    private let descriptor: FileDescriptor
    private let owned: Bool
    private var offset: Int64?
    private var remaining: Int64
    /// What a read failed with: libarchive's own error text is set by a variadic function, out of Swift's reach.
    private(set) var failure: String?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 16)

    init(descriptor: FileDescriptor, range: Range<Int64>?, owned: Bool) {
        self.descriptor = descriptor
        self.owned = owned
        offset = range?.lowerBound
        remaining = range.map { $0.upperBound - $0.lowerBound } ?? .max
    }

    deinit {
        buffer.deallocate()
        if owned { try? descriptor.close() }
    }

    func next(into result: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        result?.pointee = UnsafeRawPointer(buffer.baseAddress)
        let part = UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<Int(min(Int64(buffer.count), remaining))])
        if part.isEmpty { return 0 }
        do {
            let count: Int
            if let at = offset {
                count = try descriptor.read(fromAbsoluteOffset: at, into: part)
                offset = at + Int64(count)
            } else {
                count = try descriptor.read(into: part)
            }
            remaining -= Int64(count)
            return count
        } catch {
            failure = "\(error)"
            return -1
        }
    }
}
