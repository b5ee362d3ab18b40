import Foundation
import SeededRandomness
import Testing

@testable import BootProtocols

/// The DHCP payloads of real firmware; see Fixtures/README.md.
enum Captured: String, CaseIterable {
    case ipxeDiscover = "ipxe-bios-discover"
    case uefiPXEDiscover = "ovmf-pxe-discover"
    case uefiHTTPDiscover = "ovmf-http-discover"
    case slofDiscover = "slof-discover"
    case slofRequest = "slof-request"
    case uBootDiscover = "uboot-ppc-discover"
    case uBootRequest = "uboot-ppc-request"
    case udhcpcDiscover = "udhcpc-discover"
    case dhclientDiscover = "dhclient-discover"
    case dhclientRequest = "dhclient-request"

    var bytes: [UInt8] {
        get throws {
            let url = try #require(
                Bundle.module.url(forResource: rawValue, withExtension: "hex", subdirectory: "Fixtures"))
            let digits = try String(contentsOf: url, encoding: .utf8).filter(\.isHexDigit)
            return stride(from: 0, to: digits.count - 1, by: 2).compactMap { offset in
                let start = digits.index(digits.startIndex, offsetBy: offset)
                return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
            }
        }
    }
}

@Suite struct DHCPMessageTests {
    @Test func `iPXE's raw user class and architecture are read`() throws {
        let message = try #require(DHCP.Message.read(try Captured.ipxeDiscover.bytes).packet)
        #expect(message.messageType == .discover)
        #expect(message.userClasses == ["iPXE"])
        #expect(message.architectures == [0])
        #expect(message.macAddress == MACAddress("52:54:00:12:34:56"))
        #expect(message[.ipxe] != nil)
    }

    @Test func `UEFI PXE and UEFI HTTP Boot say what they are`() throws {
        let pxe = try #require(DHCP.Message.read(try Captured.uefiPXEDiscover.bytes).packet)
        #expect(pxe.architectures == [7])
        #expect(pxe.vendorClass?.hasPrefix("PXEClient:Arch:00007") == true)
        #expect(pxe.machineUUID?.count == 16)
        let http = try #require(DHCP.Message.read(try Captured.uefiHTTPDiscover.bytes).packet)
        #expect(http.architectures == [16])
        #expect(http.vendorClass?.hasPrefix("HTTPClient:Arch:00016") == true)
    }

    @Test(arguments: Captured.allCases)
    func `a real packet survives being written and read again`(_ captured: Captured) throws {
        let message = try #require(DHCP.Message.read(try captured.bytes).packet)
        #expect(DHCP.Message.read(message.bytes).packet == message)
    }

    @Test(arguments: Captured.allCases)
    func `a packet cut anywhere is read or ignored`(_ captured: Captured) throws {
        let bytes = try captured.bytes
        for count in 0..<bytes.count {
            let reading = DHCP.Message.read(Array(bytes.prefix(count)))
            if count < 240 { #expect(reading.packet == nil, "cut to \(count)") }
        }
    }

    @Test(arguments: Captured.allCases)
    func `mutated packets never trap, and what is read can be written`(_ captured: Captured) throws {
        let original = try captured.bytes
        var random = SeededGenerator(seed: 1)
        for _ in 0..<3000 {
            let bytes = random.mutated(original, most: 12)
            guard let message = DHCP.Message.read(bytes).packet else { continue }
            _ = (message.userClasses, message.architectures, message.vendorClass, message.bootFileName)
            #expect(message.bytes.count >= 300)
        }
    }

    @Test func `a reply has the bytes of the specification's layout`() {
        var message = DHCP.Message(
            isReply: true, hardwareAddress: [0x52, 0x54, 0, 0x12, 0x34, 0x56], transaction: 0x0102_0304,
            wantsBroadcast: true, yourAddress: IPv4Address(value: 0x0a4d_0064), file: Array("a".utf8))
        message.options = [DHCP.Option(.messageType, [2])]
        var expected: [UInt8] = [2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0, 0, 0, 0, 0, 10, 77, 0, 100]
        expected += [UInt8](repeating: 0, count: 8) + [0x52, 0x54, 0, 0x12, 0x34, 0x56]
        expected += [UInt8](repeating: 0, count: 10 + 64) + [0x61] + [UInt8](repeating: 0, count: 127)
        expected += [0x63, 0x82, 0x53, 0x63, 53, 1, 2, 255]
        expected += [UInt8](repeating: 0, count: 300 - expected.count)
        #expect(message.bytes == expected)
    }

    @Test func `a value over 255 bytes is split and joined again`() {
        let long = (0..<600).map { UInt8(truncatingIfNeeded: $0) }
        var message = DHCP.Message(isReply: true, hardwareAddress: [1, 2, 3, 4, 5, 6], transaction: 1)
        message.options = [DHCP.Option(.vendorSpecific, long), DHCP.Option(.messageType, [5])]
        #expect(DHCP.Message.read(message.bytes).packet == message)
    }

    @Test func `options in an overloaded file and sname are found, in the order file then sname`() {
        var bytes = DHCP.Message(isReply: false, hardwareAddress: [1, 2, 3, 4, 5, 6], transaction: 1).bytes
        bytes.replaceSubrange(240..<248, with: [52, 1, 3, 53, 1, 1, 255, 0])
        bytes.replaceSubrange(108..<113, with: [77, 2, 0x69, 0x50, 255])
        bytes.replaceSubrange(44..<49, with: [77, 2, 0x58, 0x45, 255])
        let message = DHCP.Message.read(bytes).packet
        #expect(message?.userClasses == ["iPXE"])
        #expect(message?.file == [])
        #expect(message?.serverName == [])
    }

    @Test func `a file name that fills its field has no NUL and is whole`() {
        var bytes = DHCP.Message(isReply: false, hardwareAddress: [1, 2, 3, 4, 5, 6], transaction: 1).bytes
        bytes.replaceSubrange(108..<236, with: [UInt8](repeating: 0x61, count: 128))
        #expect(DHCP.Message.read(bytes).packet?.bootFileName == String(repeating: "a", count: 128))
    }

    @Test func `user classes are read as RFC 3004 lists them too`() {
        var message = DHCP.Message(isReply: false, hardwareAddress: [], transaction: 0)
        message.options = [DHCP.Option(.userClass, [4] + Array("iPXE".utf8) + [1, 0x78])]
        #expect(message.userClasses == ["iPXE", "x"])
        message.options = [DHCP.Option(.userClass, [UInt8]())]
        #expect(message.userClasses == [])
    }

    @Test func `addresses are read strictly and written as they were`() {
        #expect(IPv4Address("10.77.0.1")?.description == "10.77.0.1")
        for wrong in ["10.77.0", "10.77.0.256", "10.77.0.1.", " 10.77.0.1", "+1.2.3.4", "0x1.2.3.4", ""] {
            #expect(IPv4Address(wrong) == nil, "\(wrong)")
        }
        #expect(MACAddress("52-54-00-12-34-56")?.description == "52:54:00:12:34:56")
        for wrong in ["52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:+6", "525400123456"] {
            #expect(MACAddress(wrong) == nil, "\(wrong)")
        }
    }
}
