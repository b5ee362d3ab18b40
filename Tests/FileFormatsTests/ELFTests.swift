import ByteCoding
import SeededRandomness
import Testing

@testable import FileFormats

/// An ELF file as small as one can be: a loader's name and a section, where asked for.
struct SmallELF {
    var bits = 64
    var bigEndian = true
    var kind: UInt16 = 2
    var machine: UInt16 = 21
    var flags: UInt32 = 2
    var interpreter: String?
    var section: String?
    var linkage: ELF.Linkage?

    var bytes: [UInt8] {
        var writer = ByteWriter()
        func half(_ value: UInt16) { bigEndian ? writer.append(bigEndian: value) : writer.append(littleEndian: value) }
        func long(_ value: UInt32) { bigEndian ? writer.append(bigEndian: value) : writer.append(littleEndian: value) }
        func word(_ value: Int) {
            guard bits == 64 else { return long(UInt32(value)) }
            bigEndian ? writer.append(bigEndian: UInt64(value)) : writer.append(littleEndian: UInt64(value))
        }
        let wide = bits == 64
        let (headerSize, programSize, sectionSize) = wide ? (64, 56, 64) : (52, 32, 40)
        let path: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
        let names = [UInt8(0)] + Array((section ?? "").utf8) + [0]
        let programs = (interpreter == nil ? 0 : 1) + (linkage == nil ? 0 : 2)
        let pathOffset = headerSize + programs * programSize
        let namesOffset = pathOffset + path.count
        let dynamicOffset = namesOffset + names.count
        let words = dynamicWords(at: dynamicOffset)
        let sections = dynamicOffset + words.values.count * (wide ? 8 : 4) + words.names.count
        writer.append([0x7F, 0x45, 0x4C, 0x46, wide ? 2 : 1, bigEndian ? 2 : 1, 1] + [UInt8](repeating: 0, count: 9))
        half(kind)
        half(machine)
        long(1)
        word(0x1000)
        word(programs == 0 ? 0 : headerSize)
        word(section == nil ? 0 : sections)
        long(flags)
        for value in [headerSize, programSize, programs, sectionSize, section == nil ? 0 : 2, section == nil ? 0 : 1] {
            half(UInt16(value))
        }
        if interpreter != nil {
            long(ELF.Segment.interpreter)
            if wide { long(4) }
            for value in [pathOffset, 0, 0, path.count, path.count] { word(value) }
            if !wide { long(4) }
            word(1)
        }
        if linkage != nil {
            // One segment has all, at an address that is not its offset.
            let dynamicSize = words.values.count * (wide ? 8 : 4)
            for (type, offset, size) in [
                (ELF.Segment.load, 0, sections), (ELF.Segment.dynamic, dynamicOffset, dynamicSize),
            ] {
                long(type)
                if wide { long(4) }
                for value in [offset, Self.loadAddress + offset, 0, size, size] { word(value) }
                if !wide { long(4) }
                word(1)
            }
        }
        writer.append(path)
        writer.append(names)
        for value in words.values { word(value) }
        writer.append(words.names)
        if section != nil {
            writer.append(repeating: 0, count: sectionSize)
            long(1)
            long(3)
            for value in [0, 0, namesOffset, names.count] { word(value) }
            writer.append(repeating: 0, count: sectionSize - (wide ? 40 : 24))
        }
        return writer.bytes
    }

    private static let loadAddress = 0x10000

    /// The dynamic section, and the names that follow it.
    private func dynamicWords(at offset: Int) -> (values: [Int], names: [UInt8]) {
        guard let linkage else { return ([], []) }
        var names: [UInt8] = [0]
        var values: [Int] = []
        for (tag, name) in linkage.needed.map({ (1, $0) }) + [linkage.name].compactMap({ $0 }).map({ (14, $0) }) {
            values += [tag, names.count]
            names += Array(name.utf8) + [0]
        }
        let size = (values.count + 6) * (bits == 64 ? 8 : 4)
        values += [5, Self.loadAddress + offset + size, 10, names.count, 0, 0]
        return (values, names)
    }
}

@Suite struct ELFTests {
    /// 64-bit PowerPC, big-endian, ELFv2.
    let abi = ELF.ABI(
        bits: 64, byteOrder: "big", machine: 21, flags: 2, flagsMask: 3, interpreter: "ld-musl-powerpc64.so.1",
        foreignSections: [".opd"])

    private func faults(_ file: SmallELF) throws -> [String] { abi.faults(of: try ELF.read(file.bytes)) }

    @Test(arguments: [(32, false), (32, true), (64, false), (64, true)])
    func `headers are read in both classes and byte orders`(bits: Int, bigEndian: Bool) throws {
        let file = try ELF.read(
            SmallELF(bits: bits, bigEndian: bigEndian, interpreter: "/lib/ld.so", section: ".names").bytes)
        #expect(file.class.bits == bits && file.byteOrder.word == (bigEndian ? "big" : "little"))
        #expect(file.kind == .executable && file.machine == 21 && file.flags == 2 && file.entry == 0x1000)
        #expect(file.interpreter == "/lib/ld.so")
        #expect(file.sections.map(\.name) == ["", ".names"])
        #expect(file.segments.map(\.type) == [ELF.Segment.interpreter])
    }

    @Test func `a file of the platform's ABI has no fault`() throws {
        #expect(try faults(SmallELF()).isEmpty)
        #expect(try faults(SmallELF(kind: 3, interpreter: "/nix/store/x/lib/ld-musl-powerpc64.so.1")).isEmpty)
        // Assembler says nothing of an ABI.
        #expect(try faults(SmallELF(kind: 1, flags: 0, section: ".text")).isEmpty)
    }

    @Test func `each way of being another ABI is caught, and named`() throws {
        #expect(try faults(SmallELF(bits: 32)) == ["is of 32 bits, expected 64"])
        #expect(try faults(SmallELF(bigEndian: false)) == ["is little-endian, expected big-endian"])
        #expect(try faults(SmallELF(machine: 62, flags: 0)) == ["is for machine 62, expected 21"])
        #expect(try faults(SmallELF(flags: 1)) == ["has ABI flags 1, expected 2"])
        #expect(try faults(SmallELF(kind: 1, flags: 1)) == ["has ABI flags 1, expected 2"])
        // Linked without a word of its ABI, as ELFv1 programs may be.
        #expect(try faults(SmallELF(flags: 0)) == ["has ABI flags 0, expected 2"])
        #expect(
            try faults(SmallELF(kind: 1, flags: 0, section: ".opd")) == ["has a section '.opd', which another ABI has"])
        #expect(
            try faults(SmallELF(interpreter: "/lib64/ld64.so.1")) == [
                "asks for the loader '/lib64/ld64.so.1', expected 'ld-musl-powerpc64.so.1'"
            ])
    }

    @Test func `a file cut short or altered anywhere is refused or read, never trapped on`() {
        let whole = SmallELF(interpreter: "/lib/ld.so", section: ".opd").bytes
        for count in 0..<whole.count {
            #expect(throws: (any Error).self) { try ELF.read(Array(whole[..<count])) }
        }
        var random = SeededGenerator(seed: 41)
        for _ in 0..<20_000 {
            var altered = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                altered[Int.random(in: 0..<altered.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let file = try? ELF.read(altered) { _ = abi.faults(of: file) }
        }
    }

    private func linkage(_ bytes: [UInt8]) throws -> ELF.Linkage {
        try ELF.linkage(of: try ELF.read(bytes), size: bytes.count) { offset, count in
            offset < bytes.count ? Array(bytes[offset..<min(bytes.count, offset + count)]) : []
        }
    }

    @Test(arguments: [(32, false), (32, true), (64, false), (64, true)])
    func `what a file asks the loader for is read in both classes and byte orders`(bits: Int, bigEndian: Bool) throws {
        let library = ELF.Linkage(name: "libone.so.1", needed: ["libtwo.so.2", "libc.so.6"])
        let program = ELF.Linkage(name: nil, needed: ["libone.so.1"])
        for sample in [library, program] {
            let bytes = SmallELF(bits: bits, bigEndian: bigEndian, section: ".text", linkage: sample).bytes
            #expect(try linkage(bytes) == sample)
            let file = try ELF.read(bytes)
            let cut = ELF.headerWithoutSections(Array(bytes[..<64])) + bytes[64..<file.loadedSize]
            #expect(try linkage(cut) == sample)
            #expect(try ELF.read(cut).sections == [])
            #expect(file.sections.count == 2)
        }
        #expect(try linkage(SmallELF(bits: bits, bigEndian: bigEndian).bytes) == ELF.Linkage())
    }

    @Test func `a dynamic section that is cut short or altered is refused or read, never trapped on`() {
        let whole = SmallELF(linkage: ELF.Linkage(name: "libone.so.1", needed: ["libtwo.so.2"])).bytes
        var random = SeededGenerator(seed: 42)
        for _ in 0..<20_000 {
            var altered = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                altered[Int.random(in: 64..<altered.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? linkage(altered)
            if let file = try? ELF.read(altered) { _ = file.loadedSize }
        }
    }

    private func header(_ name: String, _ size: Int) -> [UInt8] {
        func field(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: width - text.count) }
        return Array(
            (field(name, 16) + field("0", 12) + field("0", 6) + field("0", 6) + field("644", 8)
                + field(String(size), 10) + "`\n").utf8)
    }

    @Test func `an archive's members are found, with long names, and nothing else`() throws {
        let object = SmallELF(kind: 1).bytes
        let long = Array("a_very_long_member_name.o/\n".utf8)
        var bytes = Ar.magic + header("/", 3) + [1, 2, 3, 0x0A] + header("//", long.count) + long + [0x0A]
        bytes += header("short.o/", object.count) + object + (object.count % 2 == 1 ? [0x0A] : [])
        bytes += header("/0", 1) + [9, 0x0A] + header("#1/4", 6) + Array("b.o\0".utf8) + [7, 8]
        func members(_ bytes: [UInt8]) throws -> [Ar.Member] {
            try Ar.members(size: bytes.count) { offset, count in
                offset < bytes.count ? Array(bytes[offset..<min(bytes.count, offset + count)]) : []
            }
        }
        let found = try members(bytes)
        #expect(found.map(\.name) == ["short.o", "a_very_long_member_name.o", "b.o"])
        #expect(found.map(\.size) == [object.count, 1, 2])
        #expect(Array(bytes[found[0].offset..<found[0].offset + found[0].size]) == object)
        #expect(throws: Ar.Malformed.self) { try members(Ar.thinMagic) }
        for count in Ar.magic.count + 1..<bytes.count { _ = try? members(Array(bytes[..<count])) }
    }
}
