import SeededRandomness
import Testing

@testable import BootProtocols

@Suite struct TFTPPacketTests {
    static let request = TFTP.ReadRequest(
        file: "boot/a/kernel", options: [TFTP.Option("blksize", "1468"), TFTP.Option("tsize", "0")])
    static let packets: [TFTP.Packet] = [
        .readRequest(request), .data(block: 0xfffe, payload: [1, 2, 3]), .acknowledgement(block: 7),
        .error(code: .fileNotFound, message: "no"), .optionAcknowledgement([TFTP.Option("tsize", "9")]),
    ]

    @Test func `packets have the bytes of RFC 1350 and 2347`() {
        #expect(TFTP.Packet.acknowledgement(block: 0x0102).bytes == [0, 4, 1, 2])
        #expect(TFTP.Packet.data(block: 1, payload: [9]).bytes == [0, 3, 0, 1, 9])
        #expect(TFTP.Packet.error(code: .refusedOptions, message: "a").bytes == [0, 5, 0, 8, 0x61, 0])
        #expect(
            TFTP.Packet.readRequest(TFTP.ReadRequest(file: "f", options: [TFTP.Option("a", "1")])).bytes
                == [0, 1, 0x66, 0] + Array("octet".utf8) + [0, 0x61, 0, 0x31, 0])
    }

    @Test(arguments: packets)
    func `a packet survives being written and read again`(_ packet: TFTP.Packet) {
        #expect(TFTP.Packet.read(packet.bytes).packet == packet)
    }

    @Test func `cut and mutated packets never trap`() {
        var random = SeededGenerator(seed: 2)
        for packet in Self.packets {
            let original = packet.bytes
            for count in 0...original.count { _ = TFTP.Packet.read(Array(original.prefix(count))) }
            for _ in 0..<2000 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                _ = TFTP.Packet.read(bytes)
            }
        }
    }

    @Test func `a request without its last NUL is read, and one without a mode is not`() {
        #expect(TFTP.Packet.read([0, 1, 0x66, 0] + Array("octet".utf8)).packet != nil)
        #expect(TFTP.Packet.read([0, 1, 0x66, 0]).packet == nil)
        #expect(TFTP.Packet.read([0, 1] + [UInt8](repeating: 0x61, count: 2000)).packet == nil)
        #expect(TFTP.Packet.read([0, 1, 0x66, 0, 0x6f, 0] + [UInt8](repeating: 0, count: 500)).packet == nil)
    }
}
