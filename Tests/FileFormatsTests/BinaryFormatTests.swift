import Testing

@testable import FileFormats

@Suite struct BinaryFormatTests {
    /// As Debian's own `binfmt.d/qemu-*.conf` have them, but for the OS ABI and what ELF leaves empty.
    @Test(arguments: [
        (64, "little", 183, "7f454c46020101000000000000000000" + "0200b700", "feffffff"),
        (64, "big", 22, "7f454c46020201000000000000000000" + "00020016", "fffeffff"),
        (32, "little", 40, "7f454c46010101000000000000000000" + "02002800", "feffffff"),
    ])
    func `a registration fits programs of one processor, fixed or position-independent`(
        bits: Int, byteOrder: String, machine: Int, magic: String, maskEnd: String
    ) {
        let line = BinaryFormat(bits: bits, byteOrder: byteOrder, machine: machine)
            .registration(name: "bootferry", interpreter: "/s/a:b/program")
        let fields = line.split(separator: BinaryFormat.delimiter, omittingEmptySubsequences: false).map(String.init)
        #expect(fields.count == 8 && fields[0].isEmpty)
        #expect(fields[1...3] == ["bootferry", "M", "0"])
        #expect(fields[4].replacing("\\x", with: "") == magic)
        #expect(fields[5].replacing("\\x", with: "") == "ffffffffffffff000000000000000000" + maskEnd)
        #expect(fields[6...] == ["/s/a:b/program", "PF"])
    }
}
