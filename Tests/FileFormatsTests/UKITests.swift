import ByteCoding
import SeededRandomness
import Testing

@testable import FileFormats

/// A PE file as small as a stub can be: two sections, PE32+.
struct SmallStub {
    var machine: UInt16 = 0x8664
    var sectionAlignment: UInt32 = 4096
    var fileAlignment: UInt32 = 512
    var headersSize = 1024

    /// Headers, then 700 bytes of `.text` and 300 of `.data`, each padded to 512.
    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(utf8: "MZ")
        writer.append(repeating: 0, count: 0x3c - 2)
        writer.append(littleEndian: UInt32(0x80))
        writer.append(repeating: 0xaa, count: 0x80 - writer.count)
        writer.append([0x50, 0x45, 0, 0])
        writer.append(littleEndian: machine)
        writer.append(littleEndian: UInt16(2))
        writer.append(littleEndian: UInt32(0))
        writer.append(littleEndian: UInt64(0x0000_0009_0000_1234))
        writer.append(littleEndian: UInt16(240))
        writer.append(littleEndian: UInt16(0x22e))
        let optional = writer.count
        writer.append(littleEndian: UInt16(0x20b))
        writer.append(repeating: 0, count: 30)
        writer.append(littleEndian: sectionAlignment)
        writer.append(littleEndian: fileAlignment)
        writer.append(repeating: 0, count: 16)
        writer.append(littleEndian: UInt32(0x3000))
        writer.append(littleEndian: UInt32(headersSize))
        writer.append(littleEndian: UInt32(0xdead_beef))
        writer.append(repeating: 0, count: optional + 108 - writer.count)
        writer.append(littleEndian: UInt32(16))
        writer.append(repeating: 0x11, count: 128)
        for (name, size, address, raw) in [
            (".text", 700, 0x1000, headersSize), (".data", 300, 0x2000, headersSize + 1024),
        ] {
            writer.append(utf8: name)
            writer.append(repeating: 0, count: 8 - name.utf8.count)
            writer.append(littleEndian: UInt32(size))
            writer.append(littleEndian: UInt32(address))
            writer.append(littleEndian: UInt32((size + 511) / 512 * 512))
            writer.append(littleEndian: UInt32(raw))
            writer.append(repeating: 0, count: 12)
            writer.append(littleEndian: UInt32(0x6000_0020))
        }
        writer.append(repeating: 0, count: headersSize - writer.count)
        writer.append(repeating: 0x54, count: 1024)
        writer.append(repeating: 0x44, count: 512)
        return writer.bytes
    }
}

@Suite struct UKITests {
    static let payloads: [(name: String, bytes: [UInt8])] = [
        (".osrel", Array("ID=x\n".utf8)), (".cmdline", Array("quiet".utf8)),
        (".linux", [UInt8](repeating: 1, count: 5000)), (".initrd", [UInt8](repeating: 2, count: 513)),
    ]

    static func file(_ layout: UKI.Layout, stub: [UInt8]) -> [UInt8] {
        layout.pieces.flatMap { piece -> [UInt8] in
            switch piece {
            case .literal(let bytes): bytes
            case .stub(let range): Array(stub[range])
            case .payload(let index): payloads[index].bytes
            case .zeros(let count): [UInt8](repeating: 0, count: count)
            }
        }
    }

    static let sections = payloads.map { UKI.Section(name: $0.name, size: $0.bytes.count) }

    @Test(arguments: [(UInt16(0x8664), UInt32(4096)), (0xaa64, 65_536), (0x5064, 512)])
    func `every section is where its header says, aligned, and does not overlap`(
        machine: UInt16, alignment: UInt32
    ) throws {
        var small = SmallStub(machine: machine)
        if alignment < 4096 { small.sectionAlignment = alignment }
        let stub = small.bytes
        let layout = try UKI.layout(stub: Array(stub.prefix(1024)), stubSize: stub.count, sections: Self.sections)
        let file = Self.file(layout, stub: stub)
        #expect(file.count == layout.size)
        let headers = try PE.Headers.read(file)
        #expect(headers.machine == machine)
        #expect(headers.sections.map(\.name) == [".text", ".data"] + Self.payloads.map(\.name))
        var address: UInt32 = headers.headersSize
        var offset = headers.headersSize
        for section in headers.sections {
            #expect(section.virtualAddress >= address && section.rawOffset >= offset)
            #expect(section.virtualAddress % headers.sectionAlignment == 0 || section.name.hasPrefix(".text"))
            #expect(section.rawOffset % headers.fileAlignment == 0 && section.rawSize % headers.fileAlignment == 0)
            address = section.virtualAddress + section.virtualSize
            offset = section.rawOffset + section.rawSize
        }
        #expect(headers.imageSize >= address && headers.imageSize % headers.sectionAlignment == 0)
        #expect(Int(offset) == file.count)
        for (payload, section) in zip(Self.payloads, headers.sections.dropFirst(2)) {
            let start = Int(section.rawOffset)
            #expect(Array(file[start..<start + Int(section.virtualSize)]) == payload.bytes)
        }
        #expect(file[Int(headers.sections[0].rawOffset)] == 0x54 && file[Int(headers.sections[1].rawOffset)] == 0x44)
    }

    @Test func `headers that outgrow their room push the stub's sections back in the file, not in memory`() throws {
        var small = SmallStub()
        small.headersSize = 512
        let stub = small.bytes
        let many = (0..<8).map { UKI.Section(name: ".s\($0)", size: 1) }
        let layout = try UKI.layout(stub: stub, stubSize: stub.count, sections: many)
        #expect(layout.headers.headersSize == 1024)
        #expect(layout.headers.sections[0].rawOffset == 1024)
        #expect(layout.headers.sections[0].virtualAddress == 0x1000)
    }

    @Test func `checksum, symbols and certificates are cleared`() throws {
        let stub = SmallStub().bytes
        let layout = try UKI.layout(stub: stub, stubSize: stub.count, sections: Self.sections)
        let file = Self.file(layout, stub: stub)
        #expect(Array(file[0x84 + 8..<0x84 + 16]) == [UInt8](repeating: 0, count: 8))
        let optional = 0x84 + 20
        #expect(Array(file[optional + 64..<optional + 68]) == [0, 0, 0, 0])
        #expect(Array(file[optional + 112 + 32..<optional + 112 + 40]) == [UInt8](repeating: 0, count: 8))
        #expect(file[optional + 112 + 24] == 0x11)
    }

    @Test func `what cannot be laid out is refused`() throws {
        let stub = SmallStub().bytes
        let huge = [UKI.Section(name: ".linux", size: 5 << 30)]
        #expect(throws: PE.Malformed.self) { try UKI.layout(stub: stub, stubSize: stub.count, sections: huge) }
        for name in ["", ".text", ".toolongname"] {
            #expect(throws: PE.Malformed.self, "\(name)") {
                try UKI.layout(stub: stub, stubSize: stub.count, sections: [UKI.Section(name: name, size: 1)])
            }
        }
        #expect(throws: PE.Malformed.self) { try UKI.layout(stub: stub, stubSize: 2000, sections: Self.sections) }
        let many = (0..<95).map { UKI.Section(name: ".s\($0)", size: 1) }
        #expect(throws: PE.Malformed.self) { try UKI.layout(stub: stub, stubSize: stub.count, sections: many) }
    }

    @Test func `cut and mutated headers throw and never trap`() {
        let stub = Array(SmallStub().bytes.prefix(512))
        for count in 0..<472 {
            #expect(throws: PE.Malformed.self) { try PE.Headers.read(Array(stub.prefix(count))) }
        }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes = stub
            for _ in 0...random.below(6) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            _ = try? UKI.layout(stub: bytes, stubSize: 4000, sections: Self.sections)
        }
    }
}
