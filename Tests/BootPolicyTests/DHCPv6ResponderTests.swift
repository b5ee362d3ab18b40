import BootProtocols
import Testing

@testable import BootPolicy

@Suite struct DHCPv6ResponderTests {
    static let server = IPv6Address("fd00:77::1")!
    static let source = IPv6Address("fe80::5054:ff:fe12:3456")!
    static let responder = DHCPv6Responder(
        prefix: IPv6Prefix("fd00:77::/64")!, serverAddress: server, card: Sample.stranger, leaseSeconds: 3600)
    static let identifier: [UInt8] = [0, 3, 0, 1] + Sample.node.bytes

    static func policy() throws -> BootPolicy {
        var policy = try Sample.policy()
        policy.ipv6Address = server
        return policy
    }

    static func message(
        _ type: DHCPv6.MessageType, server: [UInt8]? = nil, vendor: String? = "HTTPClient:Arch:00016:UNDI:003001",
        architecture: UInt8 = 16, _ more: [DHCPv6.Option] = []
    ) -> DHCPv6.Message {
        DHCPv6.Message(
            type: type, transaction: 5,
            options: [.init(.clientIdentifier, identifier)] + (server.map { [.init(.serverIdentifier, $0)] } ?? [])
                + [
                    .init(.addresses, [0, 0, 0, 9] + [UInt8](repeating: 0, count: 8)),
                    .init(.architectures, [0, architecture]),
                ]
                + (vendor.map { [DHCPv6.Option(vendorClass: $0)] } ?? []) + more)
    }

    static func answer(_ message: DHCPv6.Message, _ attempts: inout BootAttempts) throws -> DHCPv6Responder.Answer {
        responder.answer(
            message, from: source, now: .seconds(1), policy: try policy(), attempts: &attempts, newIdentifier: { "a1" })
    }

    @Test func `UEFI HTTP Boot gets its card's address and the URL of its system, in all four steps`() throws {
        var attempts = BootAttempts()
        let ours = Self.responder.serverIdentifier
        let advertise = try #require(try Self.answer(Self.message(.solicit), &attempts).reply)
        #expect(advertise.type == .advertise && advertise.transaction == 5)
        let reply = try #require(try Self.answer(Self.message(.request, server: ours), &attempts).reply)
        #expect(reply.type == .reply)
        for answer in [advertise, reply] {
            #expect(answer[.clientIdentifier] == Self.identifier && answer[.serverIdentifier] == ours)
            #expect(answer.associations.first?.addresses.first?.description == "fd00:77::5054:ff:fe12:3456")
            #expect(
                answer[.bootFileURL] == Array("http://[fd00:77::1]:8080/boot/a1/lab-node.efi".utf8))
            #expect(answer.vendorClass == "HTTPClient")
        }
        #expect(attempts.all.count == 1)
        let rapid = try #require(try Self.answer(Self.message(.solicit, [.init(.rapidCommit, [])]), &attempts).reply)
        #expect(rapid.type == .reply && rapid[.rapidCommit] == [])
    }

    @Test func `UEFI's PXE over IPv6 is told of the same system by TFTP`() throws {
        var attempts = BootAttempts()
        let message = Self.message(.solicit, vendor: "PXEClient:Arch:00007:UNDI:003001", architecture: 7)
        let advertise = try #require(try Self.answer(message, &attempts).reply)
        #expect(advertise[.bootFileURL] == Array("tftp://[fd00:77::1]/boot/a1/lab-node.efi".utf8))
        #expect(advertise.vendorClass == nil)
    }

    @Test func `what is for another server, or a server's own, is left alone`() throws {
        var attempts = BootAttempts()
        for message in [
            Self.message(.request, server: [0, 3, 0, 1, 9, 9, 9, 9, 9, 9]), Self.message(.request),
            Self.message(.solicit, server: Self.responder.serverIdentifier), Self.message(.advertise),
            Self.message(.reply), DHCPv6.Message(type: .solicit, transaction: 1),
        ] { #expect(try Self.answer(message, &attempts).reply == nil, "\(message.type)") }
        #expect(attempts.all.isEmpty)
    }

    @Test func `a network whose addresses come from elsewhere is told of the boot file alone`() throws {
        var attempts = BootAttempts()
        let reply = try #require(try Self.answer(Self.message(.informationRequest), &attempts).reply)
        #expect(reply.type == .reply && reply.associations.isEmpty && reply[.bootFileURL] != nil)
    }

    @Test func `a running system gets an address and nothing to boot, and may confirm and release it`() throws {
        var attempts = BootAttempts()
        let plain = DHCPv6.Message(
            type: .solicit, transaction: 5,
            options: Self.message(.solicit, vendor: nil).options.filter { $0.code != .architectures })
        let reply = try #require(try Self.answer(plain, &attempts).reply)
        #expect(reply[.bootFileURL] == nil && reply.associations.first?.addresses.count == 1 && attempts.all.isEmpty)
        let held = reply.options.filter { $0.code == .addresses }
        func confirm(_ associations: [DHCPv6.Option]) throws -> [UInt8]? {
            let message = DHCPv6.Message(
                type: .confirm, transaction: 5, options: [.init(.clientIdentifier, Self.identifier)] + associations)
            return try Self.answer(message, &attempts).reply?[.status]
        }
        #expect(try confirm(held) == [0, 0])
        let other = DHCPv6.Option(.init(identifier: 9, addresses: []), .address(Self.source, seconds: 60))
        #expect(try confirm([other]) == [0, 4])
        #expect(
            try Self.answer(Self.message(.release, server: Self.responder.serverIdentifier), &attempts)
                .reply?[.status] == [0, 0])
    }
}
