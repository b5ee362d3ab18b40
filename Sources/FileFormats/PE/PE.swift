import ByteCoding

/// The Portable Executable format of EFI programs (Microsoft PE/COFF specification), headers only.
///
/// Layout: a DOS header whose 32 bits at 0x3c say where `PE\0\0` stands; the 20-byte COFF header; the optional
/// header (PE32+, magic 0x20b); 40 bytes for each section. All little-endian.
public enum PE {
    /// Bytes that are not the headers of a 64-bit PE file.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public struct Section: Equatable, Sendable {
        /// At most 8 bytes.
        public var name: String
        public var virtualSize: UInt32
        public var virtualAddress: UInt32
        public var rawSize: UInt32
        public var rawOffset: UInt32
        public var characteristics: UInt32
    }

    /// What the headers say, and where the fields that a rewriter changes stand.
    public struct Headers: Equatable, Sendable {
        /// COFF machine: 0x8664 x64, 0xaa64 arm64, 0x5064 riscv64, 0x6264 loongarch64.
        public var machine: UInt16
        public var sectionAlignment: UInt32
        public var fileAlignment: UInt32
        /// Bytes at the start of the file that headers take, rounded up to `fileAlignment`.
        public var headersSize: UInt32
        public var imageSize: UInt32
        public var sections: [Section]

        /// Offset of the COFF header, after `PE\0\0`.
        let coffOffset: Int
        var optionalOffset: Int { coffOffset + 20 }
        let sectionTableOffset: Int
        /// Entries of the data directory that the optional header has room for.
        let directoryCount: Int

        static let sectionHeaderSize = 40
        /// Far more than any stub or UKI has.
        static let maximumSections = 96
    }
}

extension PE.Headers {
    /// Reads the headers of a PE32+ file from its first bytes.
    public static func read(_ bytes: [UInt8]) throws(PE.Malformed) -> PE.Headers {
        do {
            return try readHeaders(bytes)
        } catch let failure as PE.Malformed {
            throw failure
        } catch {
            throw PE.Malformed(description: "the PE headers run past the \(bytes.count) bytes given")
        }
    }

    private static func readHeaders(_ bytes: [UInt8]) throws -> PE.Headers {
        var reader = ByteReader(bytes)
        guard try reader.readBytes(2).elementsEqual("MZ".utf8) else {
            throw PE.Malformed(description: "not a PE file: it does not begin with \"MZ\"")
        }
        try reader.seek(to: 0x3c)
        let start = Int(try reader.readLittleEndian(UInt32.self))
        try reader.seek(to: start)
        guard try reader.readBytes(4).elementsEqual([0x50, 0x45, 0, 0]) else {
            throw PE.Malformed(description: "not a PE file: no \"PE\" signature at byte \(start)")
        }
        let coffOffset = reader.offset
        let machine = try reader.readLittleEndian(UInt16.self)
        let sectionCount = Int(try reader.readLittleEndian(UInt16.self))
        guard sectionCount <= maximumSections else {
            throw PE.Malformed(description: "\(sectionCount) sections; at most \(maximumSections) are read")
        }
        try reader.skip(12)
        let optionalSize = Int(try reader.readLittleEndian(UInt16.self))
        try reader.skip(2)
        let magic = try reader.readLittleEndian(UInt16.self)
        guard magic == 0x20b else {
            throw PE.Malformed(description: "optional header magic \(magic); 64-bit EFI programs have 523 (PE32+)")
        }
        guard optionalSize >= 112 else {
            throw PE.Malformed(description: "an optional header of \(optionalSize) bytes; PE32+ has at least 112")
        }
        try reader.skip(30)
        let sectionAlignment = try reader.readLittleEndian(UInt32.self)
        let fileAlignment = try reader.readLittleEndian(UInt32.self)
        guard fileAlignment.nonzeroBitCount == 1, sectionAlignment.nonzeroBitCount == 1,
            fileAlignment <= 65_536, sectionAlignment <= 1 << 21
        else {
            throw PE.Malformed(
                description: "alignments \(sectionAlignment) and \(fileAlignment) are not usable powers of two")
        }
        try reader.skip(16)
        let imageSize = try reader.readLittleEndian(UInt32.self)
        let headersSize = try reader.readLittleEndian(UInt32.self)
        try reader.skip(44)
        let directoryCount = Int(min(try reader.readLittleEndian(UInt32.self), UInt32((optionalSize - 112) / 8)))
        let sectionTableOffset = coffOffset + 20 + optionalSize
        try reader.seek(to: sectionTableOffset)
        var sections: [PE.Section] = []
        for _ in 0..<sectionCount {
            let name = try reader.readBytes(8).prefix { $0 != 0 }
            let virtualSize = try reader.readLittleEndian(UInt32.self)
            let virtualAddress = try reader.readLittleEndian(UInt32.self)
            let rawSize = try reader.readLittleEndian(UInt32.self)
            let rawOffset = try reader.readLittleEndian(UInt32.self)
            try reader.skip(12)
            sections.append(
                PE.Section(
                    name: String(decoding: name, as: UTF8.self), virtualSize: virtualSize,
                    virtualAddress: virtualAddress, rawSize: rawSize, rawOffset: rawOffset,
                    characteristics: try reader.readLittleEndian(UInt32.self)))
        }
        return PE.Headers(
            machine: machine, sectionAlignment: sectionAlignment, fileAlignment: fileAlignment,
            headersSize: headersSize, imageSize: imageSize, sections: sections, coffOffset: coffOffset,
            sectionTableOffset: sectionTableOffset, directoryCount: directoryCount)
    }
}
