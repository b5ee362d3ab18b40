import ByteCoding

/// U-Boot's legacy images (its `include/image.h`): a header of 64 bytes, big-endian, and the data.
///
/// Header: magic 27051956, CRC-32 of the header with this field 0, time, bytes of data, load address, entry point, CRC-32 of the
/// data, one byte each for operating system, architecture, type and compression, and a name of 32 bytes. The data of a
/// multi-file image and of a script begins with the parts' sizes, 32 bits each, and a zero; each part but the last is padded to 4
/// bytes. The time is written as 0.
public enum UImage {
    public enum Kind: UInt8, Sendable {
        case kernel = 2
        case ramdisk = 3
        case multi = 4
        case script = 6
        case deviceTree = 8
    }

    public enum Architecture: UInt8, Sendable {
        case arm = 2
        case powerPC = 7
        case arm64 = 22
        case riscV = 26
    }

    public enum Compression: UInt8, Sendable {
        case none = 0
        case gzip = 1
        case zstd = 6
    }

    public struct Header: Equatable, Sendable {
        public var kind: Kind
        public var architecture: Architecture
        public var compression: Compression
        public var load: UInt32
        public var entry: UInt32
        /// At most 32 bytes; longer ones are cut.
        public var name: String
        /// Bytes of the data.
        public var size: UInt32
        /// CRC-32 of the data.
        public var checksum: UInt32

        public init(
            _ kind: Kind, _ architecture: Architecture, compression: Compression = .none, load: UInt32 = 0,
            entry: UInt32 = 0, name: String, size: UInt32, checksum: UInt32
        ) {
            self.kind = kind
            self.architecture = architecture
            self.compression = compression
            self.load = load
            self.entry = entry
            self.name = name
            self.size = size
            self.checksum = checksum
        }
    }

    /// Bytes that are no such image, or a damaged one.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// A part of an image that is given out.
    public struct Part: Equatable, Sendable {
        public var size: Int
        /// CRC-32.
        public var checksum: UInt32

        public init(size: Int, checksum: UInt32) {
            self.size = size
            self.checksum = checksum
        }
    }

    public enum Piece: Equatable, Sendable {
        case literal([UInt8])
        case part(Int)
    }

    static let magic: UInt32 = 0x2705_1956
    public static let headerSize = 64
    private static let linux: UInt8 = 5
    private static let nameSize = 32

    /// The header's 64 bytes.
    public static func encode(_ header: Header) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: headerSize)
        for value in [magic, 0, 0, header.size, header.load, header.entry, header.checksum] {
            writer.append(bigEndian: value)
        }
        writer.append([linux, header.architecture.rawValue, header.kind.rawValue, header.compression.rawValue])
        let name = Array(header.name.utf8.prefix(nameSize))
        writer.append(name + [UInt8](repeating: 0, count: nameSize - name.count))
        writer.overwrite(at: 4, bigEndian: CRC32.of(writer.bytes))
        return writer.bytes
    }

    /// A multi-file image as pieces, in order; its header's size and sum are those of the parts.
    ///
    /// - Throws: `Malformed` where its data were 4 GiB or more.
    public static func layout(multi header: Header, parts: [Part]) throws(Malformed) -> [Piece] {
        var table = ByteWriter()
        for part in parts { table.append(bigEndian: UInt32(truncatingIfNeeded: part.size)) }
        table.append(bigEndian: UInt32(0))
        var sum = CRC32(CRC32.of(table.bytes))
        var (size, pieces) = (table.count, [Piece]())
        for (index, part) in parts.enumerated() {
            sum.append(part.checksum, count: part.size)
            let padding = index < parts.count - 1 ? [UInt8](repeating: 0, count: -part.size & 3) : []
            sum.update(padding)
            size += part.size + padding.count
            pieces.append(.part(index))
            if !padding.isEmpty { pieces.append(.literal(padding)) }
        }
        guard let whole = UInt32(exactly: size) else {
            throw Malformed(description: "a legacy image of \(size) bytes, where 4 GiB is the most")
        }
        var header = header
        (header.kind, header.size, header.checksum) = (.multi, whole, sum.value)
        return [.literal(encode(header) + table.bytes)] + pieces
    }

    /// A script, whole: a header, the table with its size, and its text.
    public static func script(_ text: String, _ architecture: Architecture, name: String) -> [UInt8] {
        var data = ByteWriter()
        data.append(bigEndian: UInt32(truncatingIfNeeded: text.utf8.count))
        data.append(bigEndian: UInt32(0))
        data.append(utf8: text)
        let header = Header(
            .script, architecture, name: name, size: UInt32(truncatingIfNeeded: data.count),
            checksum: CRC32.of(data.bytes))
        return encode(header) + data.bytes
    }
}

extension UImage {
    /// Reads a header, which must be of a kind, architecture and compression that are written here; its own sum is checked.
    public static func header(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> Header {
        guard bytes.count >= headerSize else {
            throw Malformed(description: "\(bytes.count) bytes, where a legacy image's header has \(headerSize)")
        }
        let head = Array(bytes.prefix(headerSize))
        func number(_ place: Int) -> UInt32 { head[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        guard number(0) == magic else {
            throw Malformed(description: "no legacy image: it does not begin with 27051956")
        }
        let unsummed = head[..<4] + [0, 0, 0, 0] + head[8...]
        guard CRC32.of(unsummed) == number(4) else {
            throw Malformed(description: "a legacy image whose header does not have its sum")
        }
        guard head[28] == linux, let architecture = Architecture(rawValue: head[29]),
            let kind = Kind(rawValue: head[30]), let compression = Compression(rawValue: head[31])
        else { throw Malformed(description: "a legacy image of a kind that is not read here") }
        return Header(
            kind, architecture, compression: compression, load: number(16), entry: number(20),
            name: String(decoding: head[32...].prefix { $0 != 0 }, as: UTF8.self), size: number(12),
            checksum: number(24))
    }

    /// Reads an image whole: its header and where in `bytes` its parts stand; one part, unless it is of many files or a script.
    public static func read(_ bytes: [UInt8]) throws(Malformed) -> (header: Header, parts: [Range<Int>]) {
        let header = try header(bytes[...])
        let end = headerSize + Int(header.size)
        guard end <= bytes.count else {
            throw Malformed(description: "a legacy image of \(end) bytes that ends after \(bytes.count)")
        }
        guard CRC32.of(bytes[headerSize..<end]) == header.checksum else {
            throw Malformed(description: "a legacy image whose data do not have their sum")
        }
        guard header.kind == .multi || header.kind == .script else { return (header, [headerSize..<end]) }
        var (sizes, place) = ([Int](), headerSize)
        while true {
            guard place + 4 <= end else {
                throw Malformed(description: "a legacy image whose table of parts has no end")
            }
            let size = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            place += 4
            if size == 0 { break }
            sizes.append(size)
        }
        var parts: [Range<Int>] = []
        for size in sizes {
            guard size <= end - place else {
                throw Malformed(
                    description: "a legacy image with a part of \(size) bytes, where \(end - place) are left")
            }
            parts.append(place..<place + size)
            place = min(end, place + (size + 3) & ~3)
        }
        return (header, parts)
    }
}
