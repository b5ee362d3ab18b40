import ByteCoding

extension OpenFirmware {
    /// A 64-bit kernel as its own ELF file (`vmlinux`), as Debian has it for POWER: firmware would not load that (its virtual
    /// addresses are none that a real machine has), so it gets a 32-bit big-endian program with the kernel's segments in it.
    ///
    /// They are moved to where a zImage would be (`linkBase`); the kernel, which may begin anywhere and in either byte order and
    /// word size (arch/powerpc/kernel/head_64.S), moves itself down to 0. There is no zImage to take the command line from its
    /// section, so the instructions before it tell the firmware of it: `setprop` of `bootargs` in `/chosen` (IEEE 1275,
    /// 6.3.2.2 and 3.5), where the kernel looks.
    struct Kernel {
        private let image: ELF.File
        private let segments: [ELF.Segment]
        /// How far the kernel's physical addresses are moved up.
        private let shift: Int

        /// PowerPC's number for 32-bit programs (`EM_PPC`).
        private static let machine: UInt16 = 20
        private static let limit = 0x7000_0000

        init(_ image: ELF.File, size: Int) throws(Unsuitable) {
            self.image = image
            segments = image.segments.filter { $0.type == ELF.Segment.load && $0.memorySize > 0 }
                .sorted { $0.physicalAddress < $1.physicalAddress }
            guard image.kind == .executable, image.machine == 21, let first = segments.first else {
                throw Unsuitable(description: "no kernel for 64-bit PowerPC")
            }
            guard first.physicalAddress < UInt64(pageSize) else {
                throw Unsuitable(
                    description: "a kernel that is linked to \(String(first.physicalAddress, radix: 16)), and not to 0")
            }
            var end: UInt64 = 0
            for segment in segments {
                guard segment.physicalAddress >= end, segment.physicalAddress < UInt64(Self.limit),
                    segment.memorySize < UInt64(Self.limit), segment.memorySize >= UInt64(clamping: segment.fileSize),
                    segment.offset >= 0, segment.fileSize >= 0, segment.offset <= size - segment.fileSize
                else {
                    throw Unsuitable(description: "a kernel whose segments overlap, or lie beyond its \(size) bytes")
                }
                end = segment.physicalAddress + segment.memorySize
            }
            shift = linkBase + pageSize
        }

        /// The file as pieces, in order.
        func layout(commandLine: String, initramfs: Int) throws(Unsuitable) -> [Piece] {
            guard
                let entry = segments.first(where: { covers($0, image.entry) }).map({ address(of: image.entry, in: $0) })
            else { throw Unsuitable(description: "a kernel that begins outside its segments") }
            let memoryEnd = segments.reduce(0) { max($0, Int($1.physicalAddress) + Int($1.memorySize)) }
            let extra = try Extra(
                place: (pageSize + memoryEnd + pageSize - 1) / pageSize * pageSize, initramfs: initramfs)
            let moved = segments.map { segment -> ELF.Segment in
                var moved = segment
                moved.offset = pageSize + Int(segment.physicalAddress)
                moved.virtualAddress = UInt64(shift) + segment.physicalAddress
                return moved
            }
            let header = OpenFirmware.header(machine: Self.machine, flags: 0, moved, extra)
            var pieces: [Piece] = [.literal(header)]
            var end = header.count
            for (segment, moved) in zip(segments, moved) {
                pieces += [.zeros(moved.offset - end), .image(segment.offset..<segment.offset + segment.fileSize)]
                end = moved.offset + segment.fileSize
            }
            return pieces + [
                .zeros(extra.place - end), .literal(try code(commandLine, entry: entry, extra)), .initramfs,
            ]
        }

        private func covers(_ segment: ELF.Segment, _ address: UInt64) -> Bool {
            address >= segment.virtualAddress && address - segment.virtualAddress < segment.memorySize
        }

        private func address(of address: UInt64, in segment: ELF.Segment) -> UInt32 {
            UInt32(UInt64(shift) + segment.physicalAddress + (address - segment.virtualAddress))
        }

        /// Calls the client interface (its entry comes in register 5, its arguments go as an array of 32-bit numbers, whose place
        /// goes in register 3), then begins the kernel as firmware would. What the firmware answers to `setprop` is not
        /// looked at: a kernel without its parameters still says on its console what it lacks.
        private func code(_ commandLine: String, entry: UInt32, _ extra: Extra) throws(Unsuitable) -> [UInt8] {
            // Behind the instructions: the two calls' arguments, and the texts that they name.
            let (find, set, texts) = (UInt32(0x100), UInt32(0x140), 0x180)
            var data: [UInt8] = []
            func place(_ text: String) -> UInt32 {
                defer { data += Array(text.utf8) + [0] }
                return extra.address + UInt32(texts + data.count)
            }
            let (finddevice, chosen) = (place("finddevice"), place("/chosen"))
            let (setprop, bootargs) = (place("setprop"), place("bootargs"))
            let line = place(commandLine)
            guard texts + data.count <= trampolineSize else {
                let room = commandLine.utf8.count - (texts + data.count - trampolineSize)
                throw Unsuitable(
                    description: "a command line of \(commandLine.utf8.count) bytes, where \(room) fit")
            }
            var code = PowerPCCode()
            code.copy(5, to: 30)
            code.load(3, extra.address + find)
            code.call(30)
            // Its answer is the other call's first argument.
            code.load(3, extra.address + find)
            code.read(4, at: 16, from: 3)
            code.load(3, extra.address + set)
            code.write(4, at: 12, from: 3)
            code.call(30)
            code.copy(30, to: 5)
            code.start(entry, initramfs: extra)
            // Name of the service, numbers of arguments and of results, both.
            var first = ByteWriter()
            for value in [finddevice, 1, 1, chosen, 0] { first.append(bigEndian: value) }
            var second = ByteWriter()
            for value in [setprop, 4, 1, 0, bootargs, line, UInt32(commandLine.utf8.count + 1), 0] {
                second.append(bigEndian: value)
            }
            func padded(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
                bytes + [UInt8](repeating: 0, count: size - bytes.count)
            }
            return padded(
                code.padded(to: Int(find)) + padded(first.bytes, Int(set - find))
                    + padded(second.bytes, texts - Int(set))
                    + data, trampolineSize)
        }
    }
}
