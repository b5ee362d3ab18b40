import SeededRandomness
import Testing

@testable import BootProtocols

@Suite struct DHCPv6Tests {
    static let card = MACAddress("52:54:00:12:34:56")!

    @Test func `addresses are read as RFC 4291 has them and written as RFC 5952 asks`() {
        for text in [
            "fd00:77::1", "::", "::1", "fe80::5054:ff:fe12:3456", "1:0:0:2::3", "1:2:3:4:5:6:7:8", "1::", "0:1::1",
        ] {
            #expect(IPv6Address(text)?.description == text)
        }
        #expect(IPv6Address("FD00:0077:0:0:0:0:0:0001")?.description == "fd00:77::1")
        for wrong in [
            "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7::8",
            "fe80::1%eth0", "+1::",
        ] {
            #expect(IPv6Address(wrong) == nil, "\(wrong)")
        }
        #expect(IPv6Prefix("fd00:77::/64")?.description == "fd00:77::/64")
        for wrong in ["fd00:77::1/64", "fd00:77::/48", "fe80::/64", "ff02::/64", "::/64", "fd00:77::"] {
            #expect(IPv6Prefix(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `a card's address in a prefix follows from it, and tells it again`() throws {
        let address = IPv6Address(prefix: try #require(IPv6Prefix("fd00:77::/64")), card: Self.card)
        #expect(address.description == "fd00:77::5054:ff:fe12:3456" && address.card == Self.card)
        #expect(IPv6Address("fd00:77::1")?.card == nil)
    }

    static var solicit: DHCPv6.Message {
        DHCPv6.Message(
            type: .solicit, transaction: 0x12_3456,
            options: [
                .init(.clientIdentifier, [0, 1, 0, 1, 1, 2, 3, 4] + card.bytes),
                .init(.addresses, [0, 0, 0, 9] + [UInt8](repeating: 0, count: 8)),
                .init(.requested, [0, 59, 0, 60]), .init(.architectures, [0, 16]), .init(.networkInterface, [1, 3, 1]),
                .init(vendorClass: "HTTPClient:Arch:00016:UNDI:003001"),
            ])
    }

    @Test func `a message is what its layout says, and survives being written and read again`() throws {
        let message = Self.solicit
        #expect(Array(message.bytes.prefix(8)) == [1, 0x12, 0x34, 0x56, 0, 1, 0, 14])
        #expect(DHCPv6.Message.read(message.bytes).packet == message)
        #expect(message.card(sentFrom: nil) == Self.card)
        #expect(message.architectures == [16] && message.vendorClass == "HTTPClient:Arch:00016:UNDI:003001")
        #expect(message.associations == [.init(identifier: 9, addresses: [])])
        let source = try #require(IPv6Address("fe80::5054:ff:fe12:3456"))
        #expect(DHCPv6.Message(type: .solicit, transaction: 1).card(sentFrom: source) == Self.card)
        let granted = DHCPv6.Option(message.associations[0], .address(source, seconds: 3600))
        #expect(
            DHCPv6.Message(type: .reply, transaction: 1, options: [granted]).associations
                == [.init(identifier: 9, addresses: [source])])
        #expect(Array(granted.value[4..<12]) == [0, 0, 7, 8, 0, 0, 0x0c, 0x4e])
    }

    @Test func `a message cut anywhere or mutated is read or ignored, never a trap`() {
        let bytes = Self.solicit.bytes
        for count in 0..<bytes.count { _ = DHCPv6.Message.read(Array(bytes.prefix(count))) }
        var random = SeededGenerator(seed: 6)
        for _ in 0..<20_000 {
            guard let message = DHCPv6.Message.read(random.mutated(bytes, most: 8)).packet else { continue }
            _ = (message.associations, message.architectures, message.vendorClass, message.userClasses)
            _ = (message.card(sentFrom: nil), message.machineUUID)
            #expect(DHCPv6.Message.read(message.bytes).packet == message)
        }
        #expect(DHCPv6.Message.read([1, 0, 0, 0] + [UInt8](repeating: 0, count: 4 * 65)).packet == nil)
    }
}
