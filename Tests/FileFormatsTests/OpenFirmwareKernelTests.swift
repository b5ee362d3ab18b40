import ByteCoding
import Testing

@testable import FileFormats

@Suite struct OpenFirmwareKernelTests {
    /// As Debian's little-endian `vmlinux` is laid out, with a second segment.
    private var image: ELF.File {
        ELF.File(
            class: .bits64, byteOrder: .little, kind: .executable, machine: 21, flags: 2, entry: 0xC000_0000_0000_0100,
            segments: [
                ELF.Segment(
                    type: ELF.Segment.load, offset: 0x8000, virtualAddress: 0xC000_0000_0001_0000,
                    physicalAddress: 0x1_0000, fileSize: 0x500, memorySize: 0x9000),
                ELF.Segment(
                    type: ELF.Segment.load, offset: 0x1000, virtualAddress: 0xC000_0000_0000_0000, physicalAddress: 0,
                    fileSize: 0x5000, memorySize: 0x6000),
                ELF.Segment(
                    type: 4, offset: 0x2000, virtualAddress: 0xC000_0000_0000_1000, physicalAddress: 0x1000,
                    fileSize: 0x84, memorySize: 0x84),
            ], sections: [])
    }
    private let bytes = (0..<0x8500).map { UInt8(truncatingIfNeeded: $0 / 256 + 1) }

    private func whole(_ line: String, initramfs: [UInt8]) throws -> [UInt8] {
        try OpenFirmware.layout(image: image, size: bytes.count, commandLine: line, initramfs: initramfs.count)
            .flatMap { piece -> [UInt8] in
                switch piece {
                case .literal(let bytes): bytes
                case .zeros(let count): [UInt8](repeating: 0, count: count)
                case .image(let range): Array(bytes[range])
                case .initramfs: initramfs
                }
            }
    }

    @Test func `each segment of a kernel is moved up as far as all the others, and the highest first`() throws {
        let initramfs = [UInt8](repeating: 0x5A, count: 10_001)
        let whole = try whole("quiet a=b", initramfs: initramfs)
        let read = try ELF.read(whole)
        #expect(read.class == .bits32 && read.byteOrder == .big && read.machine == 20 && read.kind == .executable)
        #expect(read.segments.allSatisfy { $0.type == ELF.Segment.load })
        #expect(read.segments.allSatisfy { $0.virtualAddress == UInt64(0x400_0000 + $0.offset) })
        #expect(read.segments.map(\.offset) == [0x30000, 0x20000, 0x10000])
        #expect(read.segments.map(\.memorySize) == [UInt64(4096 + initramfs.count), 0x9000, 0x6000])
        #expect(Array(whole[0x10000..<0x15000]) == Array(bytes[0x1000..<0x6000]))
        #expect(Array(whole[0x20000..<0x20500]) == Array(bytes[0x8000..<0x8500]))
        #expect(whole[0x15000..<0x20000].allSatisfy { $0 == 0 } && whole[0x20500..<0x30000].allSatisfy { $0 == 0 })
        #expect(read.entry == 0x403_0000 && Array(whole.suffix(initramfs.count)) == initramfs)
    }

    /// The instructions, run by the few rules of the instruction set that they use.
    @Test func `the instructions before it tell firmware the command line, and begin the kernel with its initramfs`()
        throws
    {
        let whole = try whole("quiet a=b", initramfs: [1, 2, 3])
        func text(_ address: UInt32) -> String {
            String(decoding: whole[(Int(address) - 0x400_0000)...].prefix { $0 != 0 }, as: UTF8.self)
        }
        var memory = whole
        func word(_ address: UInt32) throws -> UInt32 {
            var reader = ByteReader(Array(memory[(Int(address) - 0x400_0000)...].prefix(4)))
            return try reader.readBigEndian(UInt32.self)
        }
        func store(_ value: UInt32, _ address: UInt32) {
            var writer = ByteWriter()
            writer.append(bigEndian: value)
            let place = Int(address) - 0x400_0000
            memory.replaceSubrange(place..<place + 4, with: writer.bytes)
        }
        var registers = [UInt32](repeating: 0xDEAD_BEEF, count: 32)
        var (counter, place) = (UInt32(0), UInt32(0x403_0000))
        registers[5] = 0xF1F1_0000
        var calls: [[String]] = []
        var steps = 0
        while counter != 0x401_0100 || place != counter {
            steps += 1
            try #require(steps < 64)
            let code = try word(place)
            let (target, base, low) = (Int(code >> 21 & 31), Int(code >> 16 & 31), code & 0xFFFF)
            place += 4
            switch code >> 26 {
            case 15: registers[target] = low << 16
            case 24: registers[base] = registers[target] | low
            case 32: registers[target] = try word(registers[base] + low)
            case 36: store(registers[target], registers[base] + low)
            case 31 where code & 0x7FF == 0x378: registers[base] = registers[target]
            case 31 where code & 0x7FF == 0x3A6: counter = registers[target]
            case 19 where code == 0x4E80_0420: place = counter
            case 19 where code == 0x4E80_0421:
                try #require(counter == 0xF1F1_0000)
                let arguments = registers[3]
                let count = try word(arguments + 4)
                let values = try (0..<count).map { try word(arguments + 12 + 4 * $0) }
                if text(try word(arguments)) == "finddevice" {
                    calls.append(["finddevice", text(values[0])])
                    store(0x77, arguments + 16)
                } else {
                    calls.append([
                        text(try word(arguments)), "\(values[0])", text(values[1]), text(values[2]), "\(values[3])",
                    ])
                }
                // Whatever a callee may change.
                for number in [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] { registers[number] = 0xBAD0_BAD0 }
            default:
                Issue.record("instruction \(String(code, radix: 16))")
                return
            }
        }
        #expect(calls == [["finddevice", "/chosen"], ["setprop", "119", "bootargs", "quiet a=b", "10"]])
        #expect(registers[3] == 0x403_1000 && registers[4] == 3 && registers[5] == 0xF1F1_0000)
    }

    @Test func `what is no such kernel, or does not fit, is refused by its reason`() {
        func reason(_ line: String = "", initramfs: Int = 1, _ change: (inout ELF.File) -> Void = { _ in }) -> String? {
            var changed = image
            change(&changed)
            do throws(OpenFirmware.Unsuitable) {
                _ = try OpenFirmware.layout(
                    image: changed, size: bytes.count, commandLine: line, initramfs: initramfs)
                return nil
            } catch { return error.description }
        }
        let beyond = "a kernel whose segments overlap, or lie beyond its 34048 bytes"
        #expect(reason() == nil)
        #expect(reason { $0.machine = 62 } == "no kernel for 64-bit PowerPC")
        #expect(reason { $0.segments = [] } == "no kernel for 64-bit PowerPC")
        #expect(
            reason {
                $0.segments[1].physicalAddress = 0x200_0000
                $0.segments.remove(at: 0)
            } == "a kernel that is linked to 2000000, and not to 0")
        #expect(reason { $0.segments[1].memorySize = 0x2_0000 } == beyond)
        #expect(reason { $0.segments[0].offset = 0x8400 } == beyond)
        #expect(reason { $0.segments[0].offset = .max } == beyond)
        #expect(reason { $0.segments[0].memorySize = .max } == beyond)
        #expect(reason { $0.entry = 0 } == "a kernel that begins outside its segments")
        #expect(reason(String(repeating: "a", count: 3600)) == nil)
        #expect(reason(String(repeating: "a", count: 4096)) == "a command line of 4096 bytes, where 3675 fit")
        #expect(reason(initramfs: 2 << 30) == "an initramfs of 2147483648 bytes, which does not fit below 2 GiB")
    }
}
