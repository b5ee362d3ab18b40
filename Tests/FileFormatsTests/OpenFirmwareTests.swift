import Testing

@testable import FileFormats

@Suite struct OpenFirmwareTests {
    /// As Linux's zImage is laid out: a note, and one segment that takes more memory than bytes.
    private var image: ELF.File {
        ELF.File(
            class: .bits32, byteOrder: .big, kind: .executable, machine: 20, flags: 0, entry: 0x400_0200,
            segments: [
                ELF.Segment(
                    type: ELF.Segment.load, offset: 0x10000, virtualAddress: 0x400_0000, physicalAddress: 0x400_0000,
                    fileSize: 0x8000, memorySize: 0x9123),
                ELF.Segment(
                    type: 4, offset: 0x200, virtualAddress: 0, physicalAddress: 0, fileSize: 0x20, memorySize: 0),
            ],
            sections: [ELF.Section(name: "__builtin_cmdline", type: 1, offset: 0x12000, size: 512)])
    }
    private let bytes = (0..<0x18100).map { UInt8(truncatingIfNeeded: $0 / 256) }

    private func assembled(_ pieces: [OpenFirmware.Piece], initramfs: [UInt8]) -> [UInt8] {
        pieces.flatMap { piece -> [UInt8] in
            switch piece {
            case .literal(let bytes): bytes
            case .zeros(let count): [UInt8](repeating: 0, count: count)
            case .image(let range): Array(bytes[range])
            case .initramfs: initramfs
            }
        }
    }

    @Test func `what firmware gets is the zImage, a command line in it, and the initramfs behind it`()
        throws
    {
        let initramfs = [UInt8](repeating: 0x5A, count: 10_001)
        let pieces = try OpenFirmware.layout(
            image: image, size: bytes.count, commandLine: "quiet a=b", initramfs: initramfs.count)
        let whole = assembled(pieces, initramfs: initramfs)
        let read = try ELF.read(whole)
        #expect(read.class == .bits32 && read.byteOrder == .big && read.machine == 20 && read.sections.isEmpty)
        #expect(read.segments[1] == image.segments.first)
        let note = read.segments[2]
        #expect(note.type == 4 && note.offset == 52 + 3 * 32)
        #expect(Array(whole[note.offset..<note.offset + note.fileSize]) == Array(bytes[0x200..<0x220]))
        let extra = try #require(read.segments.first)
        // Behind the first segment's memory, and before it in the headers: SLOF moves the highest first.
        #expect(extra.offset == 0x20000 && extra.virtualAddress == 0x402_0000 && read.entry == extra.virtualAddress)
        #expect(extra.fileSize == 4096 + initramfs.count && whole.count == extra.offset + extra.fileSize)
        #expect(Array(whole[0x10000..<0x12000]) == Array(bytes[0x10000..<0x12000]))
        #expect(Array(whole[0x12200..<0x18000]) == Array(bytes[0x12200..<0x18000]))
        #expect(whole[0x12000..<0x12200].prefix { $0 != 0 } == ArraySlice("quiet a=b".utf8))
        #expect(Array(whole.suffix(initramfs.count)) == initramfs)
        // lis/ori r3 = 0x04021000, r4 = 10001, r12 = 0x04000200; mtctr r12; bctr
        #expect(
            Array(whole[0x20000..<0x20020]) == [
                0x3C, 0x60, 0x04, 0x02, 0x60, 0x63, 0x10, 0x00, 0x3C, 0x80, 0x00, 0x00, 0x60, 0x84, 0x27, 0x11, 0x3D,
                0x80, 0x04, 0x00, 0x61, 0x8C, 0x02, 0x00, 0x7D, 0x89, 0x03, 0xA6, 0x4E, 0x80, 0x04, 0x20,
            ])
    }

    @Test func `what is no such zImage, or does not fit, is refused by its reason`() {
        func reason(_ line: String = "", initramfs: Int = 1, _ change: (inout ELF.File) -> Void = { _ in }) -> String? {
            var changed = image
            change(&changed)
            do throws(OpenFirmware.Unsuitable) {
                _ = try OpenFirmware.layout(
                    image: changed, size: bytes.count, commandLine: line, initramfs: initramfs)
                return nil
            } catch { return error.description }
        }
        #expect(reason() == nil)
        #expect(reason { $0.byteOrder = .little } == "no 32-bit big-endian program, as Open Firmware starts")
        #expect(reason { $0.class = .bits64 } == "no kernel for 64-bit PowerPC")
        #expect(reason { $0.segments[0].virtualAddress = 0x1000 } == "a zImage that loads elsewhere than at 4000000")
        #expect(reason { $0.segments[0].fileSize = 0x9000 } == "a zImage that loads elsewhere than at 4000000")
        #expect(reason { $0.sections = [] } == "a zImage without '__builtin_cmdline'")
        #expect(
            reason(String(repeating: "a", count: 512)) == "a command line of 512 bytes, where 511 fit")
        #expect(reason { $0.segments[0].offset = 0x40 } != nil)
        #expect(reason(initramfs: 2 << 30) == "an initramfs of 2147483648 bytes, which does not fit below 2 GiB")
    }
}
