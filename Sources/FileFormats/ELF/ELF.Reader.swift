import ByteCoding

extension ELF {
    /// Gives `count` bytes at an offset of a file; fewer where it ends.
    public typealias ByteSource = (_ offset: Int, _ count: Int) throws -> [UInt8]

    /// Program or section headers; files with more (`e_phnum` 0xffff and the like) are refused.
    private static let maximumHeaders = 65_000
    private static let maximumNames = 16 << 20

    /// Reads the headers of a file.
    ///
    /// - Parameters:
    ///   - size: bytes of the file: nothing may lie beyond.
    ///   - source: where its bytes come from; only headers and names are asked for.
    /// - Throws: `Malformed`, or what `source` throws.
    public static func read(size: Int, from source: @escaping ByteSource) throws -> File {
        do {
            return try readFile(size, source)
        } catch let failure as ByteReader.Failure {
            throw Malformed(description: "an ELF header runs past the file's \(size) bytes (at \(failure.subject))")
        }
    }

    /// The same of a file in memory.
    public static func read(_ bytes: [UInt8]) throws -> File {
        try read(size: bytes.count) { offset, count in
            guard offset >= 0, offset < bytes.count else { return [] }
            return Array(bytes[offset..<min(bytes.count, offset + count)])
        }
    }

    private static func readFile(_ size: Int, _ source: @escaping ByteSource) throws -> File {
        let head = try source(0, 64)
        guard head.count >= 16, head.starts(with: magic) else { throw Malformed(description: "no ELF file") }
        guard let wordSize = Class(rawValue: head[4]) else { throw Malformed(description: "ELF class \(head[4])") }
        guard let order = ByteOrder(rawValue: head[5]) else {
            throw Malformed(description: "ELF byte order \(head[5])")
        }
        var fields = Fields(head, wordSize, order)
        try fields.skip(16)
        let kind = Kind(try fields.half())
        let machine = try fields.half()
        try fields.skip(4)
        let entry = try fields.word()
        let (programs, sections) = (try fields.word(), try fields.word())
        let flags = try fields.long()
        try fields.skip(2)
        let (programSize, programCount) = (Int(try fields.half()), Int(try fields.half()))
        let (sectionSize, sectionCount) = (Int(try fields.half()), Int(try fields.half()))
        let nameSection = Int(try fields.half())
        guard programCount < maximumHeaders, sectionCount < maximumHeaders else {
            throw Malformed(description: "an ELF file of \(max(programCount, sectionCount)) headers")
        }
        let file = Input(size: size, source: source, wordSize: wordSize, order: order)
        let segments = try file.table(at: programs, programCount, programSize, least: wordSize == .bits64 ? 56 : 32)
            .map { try segment($0, wordSize) }
        let rows = try file.table(at: sections, sectionCount, sectionSize, least: wordSize == .bits64 ? 64 : 40)
            .map { try section($0) }
        let names = rows.indices.contains(nameSection) ? rows[nameSection].section : nil
        let text = try names.map { try file.bytes(at: $0.offset, min($0.size, maximumNames)) } ?? []
        var interpreter: String?
        if let place = segments.first(where: { $0.type == Segment.interpreter }) {
            let path = try file.bytes(at: place.offset, min(place.fileSize, 4096))
            interpreter = String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
        }
        return File(
            class: wordSize, byteOrder: order, kind: kind, machine: machine, flags: flags, entry: entry,
            segments: segments, sections: rows.map { $0.section.named(in: text, at: $0.name) }, interpreter: interpreter
        )
    }

    private static func segment(_ row: Fields, _ wordSize: Class) throws -> Segment {
        var row = row
        let type = try row.long()
        if wordSize == .bits64 { try row.skip(4) }
        return Segment(
            type: type, offset: try row.offset(), virtualAddress: try row.word(), physicalAddress: try row.word(),
            fileSize: try row.offset(), memorySize: try row.word())
    }

    private static func section(_ row: Fields) throws -> (name: Int, section: Section) {
        var row = row
        let (name, type) = (Int(try row.long()), try row.long())
        _ = (try row.word(), try row.word())
        return (name, Section(name: "", type: type, offset: try row.offset(), size: try row.offset()))
    }
}

extension ELF {
    /// Bytes of a dynamic section that are read at most.
    private static let maximumDynamic = 1 << 16

    /// Reads which libraries a file asks for; nothing of a file without a dynamic section.
    ///
    /// Layout: pairs of words, a tag and a value; `DT_NULL` 0 ends them, `DT_NEEDED` 1 and `DT_SONAME` 14 count bytes within the
    /// names, which lie at the address of `DT_STRTAB` 5 and have `DT_STRSZ` 10 bytes.
    public static func linkage(
        of file: File, size: Int, from source: @escaping ByteSource
    ) throws -> Linkage {
        guard let dynamic = file.segments.first(where: { $0.type == Segment.dynamic }) else { return Linkage() }
        let input = Input(size: size, source: source, wordSize: file.class, order: file.byteOrder)
        let rowSize = file.class.bits / 4
        let count = min(dynamic.fileSize / rowSize, maximumDynamic / rowSize)
        let bytes = try input.bytes(at: dynamic.offset, count * rowSize)
        var fields = Fields(bytes, file.class, file.byteOrder)
        var values: [(tag: UInt64, value: UInt64)] = []
        for _ in 0..<count {
            let (tag, value) = (try fields.word(), try fields.word())
            if tag == 0 { break }
            values.append((tag, value))
        }
        func first(_ tag: UInt64) -> UInt64? { values.first { $0.tag == tag }?.value }
        guard let address = first(5), let length = first(10), length <= UInt64(maximumNames) else {
            throw Malformed(description: "a dynamic section without names")
        }
        let place = file.segments.first {
            $0.type == Segment.load && address >= $0.virtualAddress
                && address - $0.virtualAddress < UInt64(clamping: $0.fileSize)
        }
        guard let place else { throw Malformed(description: "a dynamic section whose names are not loaded") }
        let names = try input.bytes(at: place.offset &+ Int(address - place.virtualAddress), Int(length))
        func name(_ offset: UInt64) throws(Malformed) -> String {
            guard offset < UInt64(names.count) else {
                throw Malformed(
                    description: "a dynamic section of \(names.count) bytes of names asks for one at \(offset)")
            }
            return String(decoding: names[Int(offset)...].prefix { $0 != 0 }, as: UTF8.self)
        }
        return Linkage(
            name: try first(14).map(name), needed: try values.filter { $0.tag == 1 }.map { try name($0.value) })
    }

    /// The first 64 bytes of a file, saying nothing of sections: for a copy that is cut off after what is loaded.
    public static func headerWithoutSections(_ header: [UInt8]) -> [UInt8] {
        var header = header
        // e_shoff; e_shnum and e_shstrndx.
        let fields = header[4] == Class.bits64.rawValue ? [40..<48, 60..<64] : [32..<36, 48..<52]
        for field in fields { header.replaceSubrange(field, with: [UInt8](repeating: 0, count: field.count)) }
        return header
    }
}

extension ELF.Section {
    fileprivate func named(in table: [UInt8], at offset: Int) -> ELF.Section {
        guard offset < table.count else { return self }
        var named = self
        named.name = String(decoding: table[offset...].prefix { $0 != 0 }, as: UTF8.self)
        return named
    }
}

/// A file that is being read, and how its numbers are written.
private struct Input {
    let size: Int
    let source: ELF.ByteSource
    let wordSize: ELF.Class
    let order: ELF.ByteOrder

    func bytes(at offset: Int, _ count: Int) throws -> [UInt8] {
        let found = offset >= 0 && count >= 0 && count <= size - min(offset, size) ? try source(offset, count) : []
        guard found.count == count else {
            throw ELF.Malformed(description: "an ELF file of \(size) bytes names \(count) bytes at \(offset)")
        }
        return found
    }

    /// A table's rows, each to be read from its start.
    func table(at offset: UInt64, _ count: Int, _ rowSize: Int, least: Int) throws -> [Fields] {
        if count == 0 || offset == 0 { return [] }
        guard rowSize >= least, offset < UInt64(size) else {
            throw ELF.Malformed(
                description: "an ELF file of \(size) bytes has \(count) headers of \(rowSize) at \(offset)")
        }
        let all = try bytes(at: Int(offset), count * rowSize)
        return (0..<count).map { Fields(Array(all[$0 * rowSize..<($0 + 1) * rowSize]), wordSize, order) }
    }
}

/// Numbers in the file's own byte order and word size.
private struct Fields {
    private var reader: ByteReader
    private let wordSize: ELF.Class
    private let order: ELF.ByteOrder

    init(_ bytes: [UInt8], _ wordSize: ELF.Class, _ order: ELF.ByteOrder) {
        reader = ByteReader(bytes)
        self.wordSize = wordSize
        self.order = order
    }

    mutating func skip(_ count: Int) throws { try reader.skip(count) }

    private mutating func number<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        order == .big ? try reader.readBigEndian(type) : try reader.readLittleEndian(type)
    }

    mutating func half() throws -> UInt16 { try number(UInt16.self) }
    mutating func long() throws -> UInt32 { try number(UInt32.self) }
    mutating func word() throws -> UInt64 { wordSize == .bits64 ? try number(UInt64.self) : UInt64(try long()) }

    /// A word that counts bytes of the file.
    mutating func offset() throws -> Int {
        let value = try word()
        guard let small = Int(exactly: value) else { throw ELF.Malformed(description: "an ELF offset of \(value)") }
        return small
    }
}
