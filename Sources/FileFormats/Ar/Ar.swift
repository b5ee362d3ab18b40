/// The archives of object files that ar(1) makes: `.a` libraries.
///
/// Layout: `!<arch>\n`; each member a header of 60 characters (name, date, owner, group, mode, size in decimal, `` `\n ``), its
/// bytes, and one more where their number is odd. Names that do not fit stand in the member `//` (System V, as GNU and
/// LLVM write it) or, BSD's way, before the member's bytes (`#1/LENGTH`). Thin archives (`!<thin>\n`), which only name
/// files elsewhere, are refused.
public enum Ar {
    /// Bytes that are no archive, or a damaged one.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// A file in the archive, by where its bytes stand.
    public struct Member: Equatable, Sendable {
        public var name: String
        public var offset: Int
        public var size: Int
    }

    public static let magic = Array("!<arch>\n".utf8)
    public static let thinMagic = Array("!<thin>\n".utf8)
    private static let headerSize = 60
    private static let maximumMembers = 1 << 20
    private static let maximumNames = 16 << 20

    /// The members of an archive of `size` bytes, without its own tables (symbols, long names).
    ///
    /// - Throws: `Malformed`, or what `source` throws.
    public static func members(size: Int, from source: ELF.ByteSource) throws -> [Member] {
        let head = try source(0, magic.count)
        guard head == magic else {
            throw Malformed(description: head == thinMagic ? "a thin archive, whose files are elsewhere" : "no archive")
        }
        var members: [Member] = []
        var names: [UInt8] = []
        var offset = magic.count
        while offset < size {
            let header = try source(offset, headerSize)
            guard header.count == headerSize, header.suffix(2) == [0x60, 0x0A],
                let length = Int(text(header[48..<58])), length >= 0, length <= size - offset - headerSize
            else { throw Malformed(description: "an archive whose member at \(offset) is damaged") }
            guard members.count < maximumMembers else { throw Malformed(description: "an archive of too many members") }
            var member = Member(name: text(header[..<16]), offset: offset + headerSize, size: length)
            offset += headerSize + length + length % 2
            switch member.name {
            case "/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED": continue
            case "//": names = try source(member.offset, min(length, maximumNames))
            default:
                try settleName(of: &member, names, source)
                if !member.name.hasPrefix("__.SYMDEF") { members.append(member) }
            }
        }
        return members
    }

    private static func settleName(of member: inout Member, _ names: [UInt8], _ source: ELF.ByteSource) throws {
        if member.name.hasPrefix("#1/"), let count = Int(member.name.dropFirst(3)), count >= 0, count <= member.size {
            member.name = text(try source(member.offset, min(count, 4096))[...])
            member.offset += count
            member.size -= count
        } else if member.name.hasPrefix("/"), let start = Int(member.name.dropFirst()), names.indices.contains(start) {
            member.name = text(names[start...].prefix { $0 != 0x0A })
        }
        if member.name.hasSuffix("/") { member.name.removeLast() }
    }

    /// A field without the blanks or zeros at its end.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes
        while let last = bytes.last, last == 0x20 || last == 0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
