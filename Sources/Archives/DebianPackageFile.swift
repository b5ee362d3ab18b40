import SystemPackage

/// A `.deb` on disk: an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)).
public struct DebianPackageFile: Sendable {
    public let file: FilePath
    private let controlRange: Range<Int64>
    private let dataRange: Range<Int64>

    /// Finds the members; refuses what is not a format 2.x package or ends early.
    public init(_ file: FilePath) throws(ArchiveError) {
        self.file = file
        let members: [(name: String, range: Range<Int64>)]
        do {
            let descriptor = try FileDescriptor.open(file, .readOnly, options: [.closeOnExec])
            members = try descriptor.closeAfter { try Self.members(of: descriptor, name: file.string) }
        } catch let error as ArchiveError {
            throw error
        } catch {
            throw ArchiveError(kind: .failed, subject: file.string, message: "could not be read", cause: "\(error)")
        }
        func member(_ prefix: String) throws(ArchiveError) -> Range<Int64> {
            guard let found = members.first(where: { $0.name.hasPrefix(prefix) }) else {
                throw ArchiveError(subject: file.string, message: "has no '\(prefix)' member, as every package has")
            }
            return found.range
        }
        guard members.first?.name == "debian-binary" else {
            throw ArchiveError(
                subject: file.string, message: "is not a Debian package: its first member is not 'debian-binary'")
        }
        controlRange = try member("control.tar")
        dataRange = try member("data.tar")
    }

    /// The package's control files.
    public func control() throws(ArchiveError) -> ArchiveReader { try ArchiveReader(file: file, range: controlRange) }

    /// The package's files.
    public func data() throws(ArchiveError) -> ArchiveReader { try ArchiveReader(file: file, range: dataRange) }

    /// Names and places of an ar archive's members; at most 16, which no package exceeds.
    private static func members(
        of descriptor: FileDescriptor, name: String
    ) throws -> [(name: String, range: Range<Int64>)] {
        func fault(_ message: String) -> ArchiveError { ArchiveError(subject: name, message: message) }
        func bytes(at offset: Int64, _ count: Int) throws -> [UInt8] {
            try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = try descriptor.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
        let end = try descriptor.seek(offset: 0, from: .end)
        guard try bytes(at: 0, 8) == Array("!<arch>\n".utf8) else {
            throw fault("is not a Debian package (no ar header)")
        }
        var found: [(name: String, range: Range<Int64>)] = []
        var offset: Int64 = 8
        while offset < end, found.count < 16 {
            let header = try bytes(at: offset, 60)
            guard header.count == 60, header[58] == 0x60, header[59] == 0x0a,
                let size = Int64(String(decoding: header[48..<58], as: UTF8.self).filter { $0 != " " }), size >= 0
            else { throw fault("has a damaged ar header at byte \(offset)") }
            let start = offset + 60
            guard size <= end - start else {
                throw fault("ends early: \(end - start) bytes follow byte \(start), expected \(size)")
            }
            var name = String(decoding: header[..<16], as: UTF8.self)
            while name.hasSuffix(" ") || name.hasSuffix("/") { name.removeLast() }
            found.append((name, start..<(start + size)))
            offset = start + size + size % 2
        }
        return found
    }
}
