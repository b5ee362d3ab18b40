import BootProtocols
import Testing

@testable import BootPolicy

/// One server and its clients, without sockets.
struct Conversation {
    var responder: DHCPResponder
    var attempts = BootAttempts()
    var policy: BootPolicy
    var now = 1000
    /// The next boot's.
    var identifier = "a1"

    /// - Parameter ranges: nil for a proxy.
    init(
        _ ranges: [ClosedRange<IPv4Address>]?, remembered: RememberedLeases? = nil, policy: BootPolicy? = nil,
        more: [Subnet] = []
    ) throws {
        var subnet = Subnet(serverAddress: Sample.server, prefixLength: 24)
        subnet.lending.ranges = ranges ?? []
        responder = DHCPResponder(
            mode: ranges == nil ? .proxy : .full, subnets: [subnet] + more, remembered: remembered)
        self.policy = try policy ?? Sample.policy(isProxy: ranges == nil)
    }

    mutating func say(_ message: DHCP.Message, port: Int = DHCP.serverPort) -> DHCPResponder.Answer {
        now += 1
        let identifier = identifier
        return responder.answer(
            message, port: port, now: .seconds(now), policy: policy, attempts: &attempts, newIdentifier: { identifier })
    }
}

@Suite struct DHCPResponderTests {
    static let full = [IPv4Address("10.77.0.100")!...IPv4Address("10.77.0.101")!]
    static let pxe = "PXEClient:Arch:00007:UNDI:003000"

    static func request(_ address: IPv4Address, server: IPv4Address? = Sample.server) -> DHCP.Message {
        let options =
            [DHCP.Option(.requestedAddress, address)] + (server.map { [DHCP.Option(.serverIdentifier, $0)] } ?? [])
        return Sample.message(.request, vendor: pxe, architecture: 7, options)
    }

    @Test func `a PXE client gets address, boot file and all that firmware looks for`() throws {
        var talk = try Conversation(Self.full)
        let uuid = [UInt8(0)] + [UInt8](repeating: 9, count: 16)
        let discover = Sample.message(
            .discover, vendor: Self.pxe, architecture: 7, [DHCP.Option(.machineIdentifier, uuid)])
        let offer = try #require(talk.say(discover).reply)
        #expect(offer.messageType == .offer)
        #expect(offer.nextServer == Sample.server)
        #expect(offer.bootFileName == "boot/a1/lab-node.efi")
        #expect(offer.file == Array("boot/a1/lab-node.efi".utf8))
        #expect(offer[.vendorClass] == Array("PXEClient".utf8))
        #expect(offer[.machineIdentifier] == uuid)
        #expect(offer[.subnetMask] == [255, 255, 255, 0])
        let answer = talk.say(Self.request(offer.yourAddress))
        #expect(answer.reply?.messageType == .acknowledge)
        #expect(answer.leasesChanged)
        #expect(talk.responder.lease(of: Sample.node, now: talk.now)?.address == offer.yourAddress)
        let reply = try #require(answer.reply)
        #expect(DHCP.Message.read(reply.bytes).packet == reply)
    }

    @Test func `a lease survives a restart of the server`() throws {
        var talk = try Conversation(Self.full)
        let address = try #require(talk.say(Sample.message(.discover)).reply).yourAddress
        _ = talk.say(Self.request(address))
        var again = try Conversation(Self.full, remembered: talk.responder.leases)
        var stranger = Sample.message(.discover, [DHCP.Option(.requestedAddress, address)])
        stranger.hardwareAddress = [2, 2, 2, 2, 2, 2]
        #expect(again.say(stranger).reply?.yourAddress != address)
        var renewal = Sample.message(.request)
        renewal.clientAddress = address
        let answer = again.say(renewal)
        #expect(answer.reply?.messageType == .acknowledge)
        #expect(answer.destination == .unicast(address, port: 68))
    }

    @Test func `only a real change asks for the lease database to be written`() throws {
        var talk = try Conversation(Self.full)
        var release = Sample.message(.release)
        release.clientAddress = try #require(IPv4Address("10.77.0.100"))
        #expect(!talk.say(release).leasesChanged)
        #expect(
            !talk.say(Sample.message(.decline, [DHCP.Option(.requestedAddress, release.clientAddress)])).leasesChanged)
        let address = try #require(talk.say(Sample.message(.discover)).reply).yourAddress
        #expect(talk.say(Self.request(address)).leasesChanged)
        talk.now -= 1
        let repeated = talk.say(Self.request(address))
        #expect(repeated.reply?.messageType == .acknowledge && !repeated.leasesChanged)
        release.clientAddress = address
        #expect(talk.say(release).leasesChanged)
        #expect(!talk.say(release).leasesChanged)
    }

    @Test func `network, broadcast, router, name server and server addresses are given to no one`() throws {
        var subnet = Subnet(
            serverAddress: Sample.server, prefixLength: 24, router: IPv4Address("10.77.0.2"),
            nameServers: [try #require(IPv4Address("10.77.0.3"))])
        let low = try #require(IPv4Address("10.77.0.0"))
        subnet.lending.ranges = [low...IPv4Address(value: low.value + 4)]
        var talk = try Conversation(Self.full)
        talk.responder = DHCPResponder(mode: .full, subnets: [subnet])
        #expect(talk.say(Sample.message(.discover)).reply?.yourAddress == IPv4Address("10.77.0.4"))
        for address in ["10.77.0.0", "10.77.0.1", "10.77.0.2", "10.77.0.3"] {
            #expect(talk.say(Self.request(IPv4Address(address)!)).reply?.messageType == .refuse, "\(address)")
        }
        let last = try #require(IPv4Address("10.77.0.255"))
        subnet.lending.ranges = [last...last]
        talk.responder = DHCPResponder(mode: .full, subnets: [subnet])
        #expect(talk.say(Sample.message(.discover)).reply == nil)
    }

    @Test func `an address that is another's or of another network is refused`() throws {
        var talk = try Conversation(Self.full)
        for address in ["192.168.1.5", "10.77.0.1", "10.77.0.7"] {
            let answer = talk.say(Self.request(IPv4Address(address)!, server: nil))
            #expect(answer.reply?.messageType == .refuse, "\(address)")
            #expect(answer.destination == .broadcast)
        }
    }

    @Test func `a client that chose another server is left alone, and its offer is free again`() throws {
        var talk = try Conversation(Self.full)
        _ = talk.say(Sample.message(.discover))
        let answer = talk.say(Self.request(IPv4Address("10.77.0.60")!, server: IPv4Address("10.77.0.50")!))
        #expect(answer.reply == nil)
        #expect(talk.responder.leases?.leases.isEmpty == true)
    }

    @Test func `a proxy offers no address, leaves requests to the other server, and answers on 4011`() throws {
        var talk = try Conversation(nil)
        let offer = try #require(talk.say(Sample.message(.discover, vendor: Self.pxe, architecture: 7)).reply)
        #expect(offer.yourAddress == .unspecified)
        #expect(offer[.leaseSeconds] == nil && offer[.subnetMask] == nil)
        #expect(offer[.vendorClass] == Array("PXEClient".utf8))
        #expect(talk.say(Sample.message(.discover, vendor: "dhcpcd")).reply == nil)
        #expect(talk.say(Self.request(IPv4Address("10.77.0.60")!, server: IPv4Address("10.77.0.50")!)).reply == nil)
        let asked = talk.say(Sample.message(.request, vendor: Self.pxe, architecture: 7), port: DHCP.proxyPort)
        #expect(asked.reply?.messageType == .acknowledge)
        #expect(asked.reply?.bootFileName == "boot/a1/lab-node.efi")
        #expect(asked.destination == .sender)
    }

    @Test func `a relay gets the answer, with its option as the last`() throws {
        var talk = try Conversation(Self.full)
        var message = Sample.message(.discover, [DHCP.Option(.relayAgent, [1, 2, 3, 4])])
        message.relayAddress = IPv4Address("10.77.0.9")!
        let answer = talk.say(message)
        #expect(answer.destination == .unicast(IPv4Address("10.77.0.9")!, port: 67))
        #expect(answer.reply?.options.last == DHCP.Option(.relayAgent, [1, 2, 3, 4]))
        message.relayAddress = IPv4Address("10.99.0.9")!
        #expect(talk.say(message).reply == nil)
    }

    @Test func `one boot goes on from ROM to iPXE to the running system`() throws {
        var talk = try Conversation(Self.full)
        let rom = talk.say(Sample.message(.discover, vendor: "PXEClient:Arch:00000", architecture: 0))
        #expect(rom.reply?.bootFileName == "boot/a1/undionly.kpxe")
        let ipxe = talk.say(Sample.message(.discover, vendor: "PXEClient:Arch:00000", user: "iPXE", architecture: 0))
        #expect(ipxe.reply?.bootFileName == "http://10.77.0.1:8080/boot/a1/boot.ipxe")
        #expect(ipxe.reply?[.ipxe] == [176, 1, 1])
        #expect(ipxe.reply?.yourAddress == rom.reply?.yourAddress)
        let system = talk.say(Sample.message(.discover, vendor: "systemd"))
        #expect(system.reply?.bootFileName == nil)
        #expect(system.reply?.yourAddress == rom.reply?.yourAddress)
        #expect(talk.attempts.all.count == 1)
    }

    @Test func `what no client sends is ignored, and nothing traps`() throws {
        var talk = try Conversation(Self.full)
        var reply = Sample.message(.discover)
        reply.isReply = true
        #expect(talk.say(reply).reply == nil)
        var infiniband = Sample.message(.discover)
        infiniband.hardwareType = 32
        #expect(talk.say(infiniband).reply == nil)
        #expect(talk.say(Sample.message(.offer)).reply == nil)
        #expect(talk.say(Sample.message(.decline, [DHCP.Option(.requestedAddress, [1])])).reply == nil)
        #expect(talk.say(Sample.message(.request)).reply?.messageType == .refuse)
    }
}
