import ByteCoding

/// The few PowerPC instructions that Bootferry puts before a kernel, big-endian and such as 32- and 64-bit mode both know
/// (Power ISA, Book I).
struct PowerPCCode {
    private(set) var bytes: [UInt8] = []

    private mutating func append(_ instruction: UInt32) {
        var writer = ByteWriter()
        writer.append(bigEndian: instruction)
        bytes += writer.bytes
    }

    /// `lis rN,high; ori rN,rN,low`
    mutating func load(_ register: UInt32, _ value: UInt32) {
        append(0x3C00_0000 | register << 21 | value >> 16)
        append(0x6000_0000 | register << 21 | register << 16 | value & 0xFFFF)
    }

    /// `or to,from,from`, which people call `mr`.
    mutating func copy(_ from: UInt32, to: UInt32) {
        append(0x7C00_0378 | from << 21 | to << 16 | from << 11)
    }

    /// `lwz rN,offset(rBase)`
    mutating func read(_ register: UInt32, at offset: UInt32, from base: UInt32) {
        append(0x8000_0000 | register << 21 | base << 16 | offset)
    }

    /// `stw rN,offset(rBase)`
    mutating func write(_ register: UInt32, at offset: UInt32, from base: UInt32) {
        append(0x9000_0000 | register << 21 | base << 16 | offset)
    }

    /// `mtctr rN; bctrl`
    mutating func call(_ register: UInt32) {
        append(0x7C09_03A6 | register << 21)
        append(0x4E80_0421)
    }

    /// `mtctr rN; bctr`
    mutating func go(_ register: UInt32) {
        append(0x7C09_03A6 | register << 21)
        append(0x4E80_0420)
    }

    /// To an entry, with the place and size of an initramfs in registers 3 and 4, where Linux looks for one.
    mutating func start(_ entry: UInt32, initramfs extra: OpenFirmware.Extra) {
        load(3, extra.initramfsAddress)
        load(4, UInt32(extra.initramfs))
        load(12, entry)
        go(12)
    }

    /// Zeros behind the last instruction.
    func padded(to size: Int) -> [UInt8] { bytes + [UInt8](repeating: 0, count: max(0, size - bytes.count)) }
}
