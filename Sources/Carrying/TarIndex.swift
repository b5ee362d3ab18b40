import FileFormats
import Glibc
import MediumModel
import SystemPackage

/// Where the members of a tar archive lie, by one walk over its headers.
struct TarIndex: Sendable {
    let path: FilePath
    /// The bytes of each file.
    var places: [String: Range<Int>] = [:]
    /// Names in the archive's order.
    var order: [String] = []
    /// Where the last whole member ends.
    var end = 0
    /// Why there is no more; nil where the archive ends as it should.
    var cut: String?

    private static let mostMembers = 1 << 20

    /// - Throws: `CarryingError` for what is no archive of a medium; one that is cut off says so in `cut`.
    init(_ path: FilePath) throws {
        self.path = path
        let (file, size) = try MediumFiles.open(path)
        defer { try? file.close() }
        var header = [UInt8](repeating: 0, count: Tar.blockSize)
        while true {
            guard end + Tar.blockSize <= size else {
                cut = "ends after '\(order.last ?? "nothing")', without an archive's end"
                return
            }
            do {
                var filled = 0
                while filled < header.count {
                    let count = try header.withUnsafeMutableBytes {
                        try file.read(
                            fromAbsoluteOffset: Int64(end + filled), into: .init(rebasing: $0[filled...]))
                    }
                    guard count > 0 else { break }
                    filled += count
                }
            } catch {
                throw CarryingError("cannot read", path, error)
            }
            guard let member = try Self.member(header, at: end, of: path) else { return }
            let start = end + Tar.blockSize
            guard start + member.paddedSize <= size else {
                cut = "ends within '\(member.name)'"
                return
            }
            try add(member, at: start)
            end = start + member.paddedSize
        }
    }

    private mutating func add(_ member: Tar.Member, at start: Int) throws {
        guard !member.isDirectory else { return }
        guard places.updateValue(start..<start + member.size, forKey: member.name) == nil else {
            throw CarryingError("'\(path)'", "has '\(member.name)' twice", kind: .corrupt)
        }
        guard places.count <= Self.mostMembers else {
            throw CarryingError("'\(path)'", "has more than \(Self.mostMembers) members", kind: .corrupt)
        }
        order.append(member.name)
    }

    /// A member whose name a medium can have.
    static func member(_ header: [UInt8], at offset: Int, of path: FilePath) throws -> Tar.Member? {
        do {
            guard var member = try Tar.member(header) else { return nil }
            // As 'tar c .' names them.
            if member.name.hasPrefix("./") { member.name.removeFirst(2) }
            if member.isDirectory, member.name.isEmpty || member.name == "." { return member }
            try MediumManifest.checkName(member.name)
            return member
        } catch {
            throw CarryingError(
                "'\(path)'", "is no medium at byte \(offset): \(error)", kind: .corrupt,
                remedy: "name the file that 'bootferry export --to FILE.tar' wrote, or a folder")
        }
    }
}
