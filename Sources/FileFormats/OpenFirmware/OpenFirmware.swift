import ByteCoding

/// A program for Open Firmware (IEEE 1275, PowerPC binding): Linux's zImage, with an initramfs and a command line put in as it
/// is given out, so that no linker runs and one zImage in the store serves every boot.
///
/// What firmware gets is the zImage's own 32-bit big-endian ELF file with new headers: its segments as they are; its section
/// `__builtin_cmdline` overwritten; and one more segment of 4 KiB and the initramfs, at whose start a few instructions hand
/// the initramfs's place over in registers 3 and 4, where the zImage (arch/powerpc/boot/of.c) looks for one, and go on to
/// the zImage's own entry. SLOF reads the file to 0x4000 (its `load-base`) and moves each segment up to its place, in the order
/// of the headers. The highest comes first: what is moved later could be moved onto it where it still lies.
///
/// Of a kernel for which there is no zImage, a 64-bit ELF file of either byte order, such a program is made as well
/// (`OpenFirmware.Kernel`).
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

    /// Where Linux's zImage is linked.
    static let linkBase = 0x400_0000
    static let commandLineSection = "__builtin_cmdline"
    static let headerSize = 52
    static let programSize = 32
    static let pageSize = 1 << 16
    static let trampolineSize = 4096

    /// The file as pieces, in order.
    ///
    /// - Parameters:
    ///   - image: the headers of the zImage, or of a 64-bit kernel.
    ///   - size: its bytes.
    ///   - initramfs: bytes of the initramfs.
    public static func layout(
        image: ELF.File, size: Int, commandLine: String, initramfs: Int
    ) throws(Unsuitable) -> [Piece] {
        if image.class == .bits64 {
            return try Kernel(image, size: size).layout(commandLine: commandLine, initramfs: initramfs)
        }
        guard image.byteOrder == .big, image.kind == .executable else {
            throw Unsuitable(description: "no 32-bit big-endian program, as Open Firmware starts")
        }
        let loaded = image.segments.filter { $0.type == ELF.Segment.load && $0.fileSize > 0 }
        guard let first = loaded.first, let start = loaded.map(\.offset).min(),
            let end = loaded.map({ $0.offset + $0.fileSize }).max(),
            let memoryEnd = loaded.map({ Int($0.virtualAddress) + Int(clamping: $0.memorySize) }).max(),
            Int(first.virtualAddress) >= linkBase, end <= size, memoryEnd < 0x7000_0000
        else { throw Unsuitable(description: "a zImage that loads elsewhere than at \(String(linkBase, radix: 16))") }
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
        // Behind what the segments take in memory and in the file.
        let place = (max(memoryEnd - linkBase, end) + pageSize - 1) / pageSize * pageSize
        let extra = try Extra(place: place, initramfs: initramfs)
        var code = PowerPCCode()
        code.start(UInt32(image.entry), initramfs: extra)
        let header = header(image, notes: (start, headers), extra)
        return [.literal(header)] + notes.map { .image($0.offset..<$0.offset + $0.fileSize) } + [
            .zeros(start - head), .image(start..<line.offset),
            .literal(Array(commandLine.utf8) + [UInt8](repeating: 0, count: line.size - commandLine.utf8.count)),
            .image(line.offset + line.size..<end), .zeros(place - end), .literal(code.padded(to: trampolineSize)),
            .initramfs,
        ]
    }

    /// The segment that every such file has besides: instructions, then the initramfs.
    struct Extra {
        var place: Int
        var initramfs: Int

        init(place: Int, initramfs: Int) throws(Unsuitable) {
            guard linkBase + place + trampolineSize + initramfs < 0x7FFF_0000 else {
                throw Unsuitable(description: "an initramfs of \(initramfs) bytes, which does not fit below 2 GiB")
            }
            (self.place, self.initramfs) = (place, initramfs)
        }

        /// In RAM, where it begins.
        var address: UInt32 { UInt32(linkBase + place) }
        var initramfsAddress: UInt32 { address + UInt32(trampolineSize) }
        var size: Int { trampolineSize + initramfs }
    }

    /// The file header and the program headers; no section headers.
    ///
    /// - Parameter notes: what ends before `end` stands, in order, from `place` on.
    private static func header(_ image: ELF.File, notes: (end: Int, place: Int), _ extra: Extra) -> [UInt8] {
        var place = notes.place
        let rows = image.segments.map { segment -> ELF.Segment in
            guard segment.fileSize > 0, segment.offset + segment.fileSize <= notes.end else { return segment }
            defer { place += segment.fileSize }
            var moved = segment
            moved.offset = place
            return moved
        }
        return header(machine: image.machine, flags: image.flags, rows, extra)
    }

    /// The file header, and the program headers from the highest segment down: those given, and the one that Bootferry adds, where
    /// the program begins.
    static func header(machine: UInt16, flags: UInt32, _ segments: [ELF.Segment], _ extra: Extra) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(ELF.magic + [1, 2, 1] + [UInt8](repeating: 0, count: 9))
        writer.append(bigEndian: UInt16(2))
        writer.append(bigEndian: machine)
        writer.append(bigEndian: UInt32(1))
        writer.append(bigEndian: extra.address)
        writer.append(bigEndian: UInt32(headerSize))
        writer.append(bigEndian: UInt32(0))
        writer.append(bigEndian: flags)
        for value in [headerSize, programSize, segments.count + 1, 0, 0, 0] {
            writer.append(bigEndian: UInt16(value))
        }
        func program(_ segment: ELF.Segment) {
            writer.append(bigEndian: segment.type)
            for value in [
                UInt64(segment.offset), segment.virtualAddress, segment.virtualAddress, UInt64(segment.fileSize),
                segment.memorySize,
            ] {
                writer.append(bigEndian: UInt32(truncatingIfNeeded: value))
            }
            // Readable, writable, executable: no firmware heeds it.
            writer.append(bigEndian: UInt32(7))
            writer.append(bigEndian: UInt32(4))
        }
        let added = ELF.Segment(
            type: ELF.Segment.load, offset: extra.place, virtualAddress: UInt64(extra.address),
            physicalAddress: UInt64(extra.address), fileSize: extra.size, memorySize: UInt64(extra.size))
        ([added] + segments).sorted { $0.virtualAddress > $1.virtualAddress }.forEach(program)
        return writer.bytes
    }
}
