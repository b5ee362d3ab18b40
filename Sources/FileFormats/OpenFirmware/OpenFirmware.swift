import ByteCoding

/// A program for Open Firmware (IEEE 1275, PowerPC binding): Linux's zImage, with an initramfs and a command line put in as it
/// is given out, so that no linker runs and one zImage in the store serves every boot.
///
/// What firmware gets is the zImage's own 32-bit big-endian ELF file with new headers: its segments as they are; its section
/// `__builtin_cmdline` overwritten; and one more segment of 4 KiB and the initramfs, at whose start a few instructions hand
/// the initramfs's place over in registers 3 and 4, where the zImage (arch/powerpc/boot/of.c) looks for one, and go on to
/// the zImage's own entry. SLOF loads the file at `loadBase` and moves each segment to its place, so the
/// additional one stands where its place already is: moving the others cannot write over it.
public enum OpenFirmware {
    /// A file that is no such zImage, or what does not fit into one.
    public struct Unsuitable: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// A part of the file that is given out.
    public enum Piece: Equatable, Sendable {
        case literal([UInt8])
        case zeros(Int)
        /// Bytes of the zImage.
        case image(Range<Int>)
        case initramfs
    }

    /// Where SLOF reads a file to (its `load-base`), and where Linux's zImage is linked.
    static let loadBase = 0x400_0000
    static let commandLineSection = "__builtin_cmdline"
    private static let headerSize = 52
    private static let programSize = 32
    private static let pageSize = 1 << 16
    private static let trampolineSize = 4096

    /// The file as pieces, in order.
    ///
    /// - Parameters:
    ///   - image: the zImage's headers.
    ///   - size: its bytes.
    ///   - initramfs: bytes of the initramfs.
    public static func layout(
        image: ELF.File, size: Int, commandLine: String, initramfs: Int
    ) throws(Unsuitable) -> [Piece] {
        guard image.class == .bits32, image.byteOrder == .big, image.kind == .executable else {
            throw Unsuitable(description: "no 32-bit big-endian program, as Open Firmware starts")
        }
        let loaded = image.segments.filter { $0.type == ELF.Segment.load && $0.fileSize > 0 }
        guard let first = loaded.first, let start = loaded.map(\.offset).min(),
            let end = loaded.map({ $0.offset + $0.fileSize }).max(),
            let memoryEnd = loaded.map({ Int($0.virtualAddress) + Int(clamping: $0.memorySize) }).max(),
            Int(first.virtualAddress) >= loadBase, end <= size, memoryEnd < 0x7000_0000
        else { throw Unsuitable(description: "a zImage that loads elsewhere than at \(String(loadBase, radix: 16))") }
        guard let line = image.sections.first(where: { $0.name == commandLineSection }), line.offset >= start,
            line.offset + line.size <= end
        else { throw Unsuitable(description: "a zImage without '\(commandLineSection)'") }
        guard commandLine.utf8.count < line.size else {
            throw Unsuitable(
                description: "a command line of \(commandLine.utf8.count) bytes, where \(line.size - 1) fit")
        }
        // What is not loaded, as the notes that tell firmware how it is to be called, stands before the rest.
        let notes = image.segments.filter { $0.fileSize > 0 && $0.offset + $0.fileSize <= start }
        let headers = headerSize + (image.segments.count + 1) * programSize
        let head = notes.reduce(headers) { $0 + $1.fileSize }
        guard head <= start else { throw Unsuitable(description: "a zImage without room for one more header") }
        // Behind what the segments take in memory and in the file; at the same distance from `loadBase` as from its start.
        let place = (max(memoryEnd - loadBase, end) + pageSize - 1) / pageSize * pageSize
        guard loadBase + place + trampolineSize + initramfs < 0x7FFF_0000 else {
            throw Unsuitable(description: "an initramfs of \(initramfs) bytes, which does not fit below 2 GiB")
        }
        let trampoline = trampoline(
            initramfs: UInt32(loadBase + place + trampolineSize), size: UInt32(initramfs), entry: UInt32(image.entry))
        let header = header(
            image, notes: (start, headers), extra: place, extraSize: trampolineSize + initramfs)
        return [.literal(header)] + notes.map { .image($0.offset..<$0.offset + $0.fileSize) } + [
            .zeros(start - head), .image(start..<line.offset),
            .literal(Array(commandLine.utf8) + [UInt8](repeating: 0, count: line.size - commandLine.utf8.count)),
            .image(line.offset + line.size..<end), .zeros(place - end),
            .literal(trampoline + [UInt8](repeating: 0, count: trampolineSize - trampoline.count)), .initramfs,
        ]
    }

    /// The file header and the program headers, the new one last; no section headers.
    ///
    /// - Parameter notes: what ends before `end` stands, in order, from `place` on.
    private static func header(
        _ image: ELF.File, notes: (end: Int, place: Int), extra: Int, extraSize: Int
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(ELF.magic + [1, 2, 1] + [UInt8](repeating: 0, count: 9))
        writer.append(bigEndian: UInt16(2))
        writer.append(bigEndian: image.machine)
        writer.append(bigEndian: UInt32(1))
        writer.append(bigEndian: UInt32(loadBase + extra))
        writer.append(bigEndian: UInt32(headerSize))
        writer.append(bigEndian: UInt32(0))
        writer.append(bigEndian: image.flags)
        for value in [headerSize, programSize, image.segments.count + 1, 0, 0, 0] {
            writer.append(bigEndian: UInt16(value))
        }
        func program(_ type: UInt32, _ offset: Int, _ address: UInt64, _ size: Int, _ memory: UInt64, _ flags: UInt32) {
            writer.append(bigEndian: type)
            for value in [UInt64(offset), address, address, UInt64(size), memory] {
                writer.append(bigEndian: UInt32(truncatingIfNeeded: value))
            }
            writer.append(bigEndian: flags)
            writer.append(bigEndian: UInt32(4))
        }
        var place = notes.place
        for segment in image.segments {
            let isMoved = segment.fileSize > 0 && segment.offset + segment.fileSize <= notes.end
            defer { if isMoved { place += segment.fileSize } }
            program(
                segment.type, isMoved ? place : segment.offset, segment.virtualAddress, segment.fileSize,
                segment.memorySize,
                // Readable, writable, executable: no firmware heeds it.
                7)
        }
        program(ELF.Segment.load, extra, UInt64(loadBase + extra), extraSize, UInt64(extraSize), 7)
        return writer.bytes
    }

    /// `r3 = initramfs; r4 = size; goto entry`, in instructions that both 32- and 64-bit mode know.
    private static func trampoline(initramfs: UInt32, size: UInt32, entry: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        for (register, value) in [(UInt32(3), initramfs), (4, size), (12, entry)] {
            // lis rN,high; ori rN,rN,low
            writer.append(bigEndian: 0x3C00_0000 | register << 21 | value >> 16)
            writer.append(bigEndian: 0x6000_0000 | register << 21 | register << 16 | value & 0xFFFF)
        }
        // mtctr r12; bctr
        writer.append(bigEndian: UInt32(0x7D89_03A6))
        writer.append(bigEndian: UInt32(0x4E80_0420))
        return writer.bytes
    }
}
