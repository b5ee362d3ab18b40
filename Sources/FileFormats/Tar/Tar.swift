import ByteCoding

/// The headers of a tar archive in POSIX's ustar form (IEEE 1003.1, pax, "ustar Interchange Format"): files and directories
/// with short names, nothing else.
///
/// A header of 512 bytes stands before each member, whose content is padded with zeros to 512; two blocks of zeros end the
/// archive. Numbers are octal text. What is written has modes 0644 and 0755, owner 0 and the time 0, so that the same members
/// make the same bytes.
public enum Tar {
    public static let blockSize = 512
    /// Of a member: eleven octal digits.
    public static let largestFile = 1 << 33 - 1
    static let longestName = 100

    /// Bytes that are no such header.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public struct Member: Equatable, Sendable {
        /// Without the slash that ends a directory's.
        public var name: String
        public var size: Int
        public var isDirectory: Bool
        /// Of a file: whether its owner may run it.
        public var isExecutable: Bool

        public init(name: String, size: Int, isDirectory: Bool = false, isExecutable: Bool = false) {
            self.name = name
            self.size = size
            self.isDirectory = isDirectory
            self.isExecutable = isExecutable
        }

        /// Bytes that its content takes in the archive.
        public var paddedSize: Int { (size + Tar.blockSize - 1) / Tar.blockSize * Tar.blockSize }
    }

    /// What ends an archive.
    public static let end = [UInt8](repeating: 0, count: 2 * blockSize)

    /// A member's header.
    public static func header(of member: Member) throws(Malformed) -> [UInt8] {
        let name = Array(member.name.utf8) + (member.isDirectory ? [UInt8(ascii: "/")] : [])
        guard (1...longestName).contains(name.count), (0...largestFile).contains(member.size) else {
            throw Malformed(
                description:
                    "'\(member.name)' of \(member.size) bytes: a tar archive takes names of up to \(longestName) "
                    + "bytes, and files of up to \(largestFile)")
        }
        var writer = ByteWriter(reservingCapacity: blockSize)
        func octal(_ value: Int, digits: Int) -> [UInt8] {
            let text = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: UInt8(ascii: "0"), count: digits - text.count) + text + [0]
        }
        writer.append(name)
        writer.append(repeating: 0, count: longestName - name.count)
        writer.append(octal(member.isDirectory || member.isExecutable ? 0o755 : 0o644, digits: 7))
        writer.append(octal(0, digits: 7))
        writer.append(octal(0, digits: 7))
        writer.append(octal(member.size, digits: 11))
        writer.append(octal(0, digits: 11))
        writer.append(utf8: "        ")
        writer.append(byte: UInt8(ascii: member.isDirectory ? "5" : "0"))
        writer.append(repeating: 0, count: longestName)
        writer.append(utf8: "ustar\u{0}00")
        writer.append(repeating: 0, count: blockSize - writer.count)
        var bytes = writer.bytes
        bytes.replaceSubrange(148..<156, with: octal(sum(bytes), digits: 6) + [0x20])
        return bytes
    }

    /// Reads a header; nil for a block of zeros, which ends an archive.
    public static func member(_ header: [UInt8]) throws(Malformed) -> Member? {
        guard header.count == blockSize else { throw Malformed(description: "a header has \(header.count) bytes") }
        if header.allSatisfy({ $0 == 0 }) { return nil }
        guard Array(header[257..<262]) == Array("ustar".utf8) else {
            throw Malformed(description: "expected a header of a tar archive, found other bytes")
        }
        var blanked = header
        blanked.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        guard try octal(header[148..<156]) == sum(blanked) else {
            throw Malformed(description: "a header's checksum is wrong")
        }
        guard header[345] == 0, let name = String(validating: header[..<100].prefix { $0 != 0 }, as: UTF8.self) else {
            throw Malformed(description: "a name has more than \(longestName) bytes, or is not UTF-8")
        }
        let size = try octal(header[124..<136])
        switch header[156] {
        case UInt8(ascii: "0"), 0:
            return Member(name: name, size: size, isExecutable: try octal(header[100..<108]) & 0o100 != 0)
        case UInt8(ascii: "5"):
            guard size == 0 else { throw Malformed(description: "the directory '\(name)' has content") }
            return Member(name: name.hasSuffix("/") ? String(name.dropLast()) : name, size: 0, isDirectory: true)
        default:
            throw Malformed(description: "'\(name)' is neither a file nor a directory")
        }
    }

    private static func sum(_ header: [UInt8]) -> Int { header.reduce(0) { $0 + Int($1) } }

    private static func octal(_ field: ArraySlice<UInt8>) throws(Malformed) -> Int {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        guard digits.count <= 12, digits.allSatisfy({ (0x30...0x37).contains($0) }) else {
            throw Malformed(description: "a number is not octal")
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}
