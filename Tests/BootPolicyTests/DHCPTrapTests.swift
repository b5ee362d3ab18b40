import BootProtocols
import SystemModel
import Testing

@testable import BootPolicy

/// What DHCP servers get wrong with firmware and relays, one test each.
@Suite struct DHCPTrapTests {
    static func address(_ text: String) -> IPv4Address { IPv4Address(text)! }
    static let range = [address("10.77.0.100")...address("10.77.0.101")]
    static let pxe = "PXEClient:Arch:00007:UNDI:003000"

    static func behindRelay(_ message: DHCP.Message, _ relay: String = "10.78.0.1") -> DHCP.Message {
        var message = message
        message.relayAddress = address(relay)
        message.hops = 1
        return message
    }

    static let relayed = Subnet(
        network: IPv4Network("10.78.0.0/24")!, serverAddress: Sample.server,
        lending: AddressLending(
            ranges: [address("10.78.0.50")...address("10.78.0.60")], router: address("10.78.0.1"),
            domain: "far.example",
            leaseSeconds: 600), isOwn: false)

    @Test func `the relay's address chooses the network, and the answer goes to the relay's port 67`() throws {
        var talk = try Conversation(Self.range, more: [Self.relayed])
        let answer = talk.say(
            Self.behindRelay(Sample.message(.discover, [DHCP.Option(.relayAgent, [1, 2, 0xab, 0xcd])])))
        let offer = try #require(answer.reply)
        #expect(answer.destination == .unicast(Self.address("10.78.0.1"), port: 67))
        #expect(offer.relayAddress == Self.address("10.78.0.1"))
        #expect(Self.relayed.lending.ranges[0].contains(offer.yourAddress))
        #expect(offer[.router] == Self.address("10.78.0.1").bytes)
        #expect(offer[.broadcastAddress] == Self.address("10.78.0.255").bytes)
        #expect(offer[.domainName] == Array("far.example".utf8))
        #expect(offer[.leaseSeconds] == [0, 0, 2, 88])
        #expect(offer.options.last == DHCP.Option(.relayAgent, [1, 2, 0xab, 0xcd]))
        var request = Self.behindRelay(Sample.message(.request))
        request.options.append(DHCP.Option(.requestedAddress, offer.yourAddress))
        #expect(talk.say(request).reply?.messageType == .acknowledge)
        // The same machine on the interface's own network has another address there.
        let here = try #require(talk.say(Sample.message(.discover)).reply)
        #expect(Self.range[0].contains(here.yourAddress))
    }

    @Test func `a relay of a network that is not ours is not answered`() throws {
        var talk = try Conversation(Self.range, more: [Self.relayed])
        let answer = talk.say(Self.behindRelay(Sample.message(.discover), "10.99.0.1"))
        #expect(answer.reply == nil)
        #expect(answer.ignored == "relayed by 10.99.0.1, whose network is not one of this interface's")
    }

    @Test func `a client behind a relay that wants an address of this side is refused through the relay`() throws {
        var talk = try Conversation(Self.range, more: [Self.relayed])
        var request = Self.behindRelay(Sample.message(.request))
        request.options.append(DHCP.Option(.requestedAddress, Self.address("10.77.0.100")))
        let answer = talk.say(request)
        #expect(answer.reply?.messageType == .refuse)
        #expect(answer.destination == .unicast(Self.address("10.78.0.1"), port: 67))
        // RFC 2131 section 4.3.2: the relay must not send it to the wrong address.
        #expect(answer.reply?.wantsBroadcast == true)
    }

    @Test func `who has an address behind a relay renews and gives it back past the relay`() throws {
        var talk = try Conversation(Self.range, more: [Self.relayed])
        let offered = talk.say(Self.behindRelay(Sample.message(.discover)))
        // ARP hears nothing from there.
        #expect(offered.newlyLent == nil)
        let address = try #require(offered.reply).yourAddress
        let request = Sample.message(.request, [DHCP.Option(.requestedAddress, address)])
        #expect(talk.say(Self.behindRelay(request)).reply?.messageType == .acknowledge)
        talk.now += 300
        var renewal = Sample.message(.request)
        renewal.clientAddress = address
        renewal.wantsBroadcast = false
        let answer = talk.say(renewal)
        #expect(answer.reply?.messageType == .acknowledge && answer.reply?[.domainName] == Array("far.example".utf8))
        #expect(answer.destination == .unicast(address, port: 68))
        var release = Sample.message(.release)
        release.clientAddress = address
        #expect(talk.say(release).leasesChanged)
    }

    @Test(arguments: [true, false])
    func `the broadcast flag is given back, and who has an address and does not ask for it is answered there`(
        flag: Bool
    ) throws {
        var talk = try Conversation(Self.range)
        var discover = Sample.message(.discover)
        discover.wantsBroadcast = flag
        let offer = talk.say(discover)
        #expect(offer.reply?.wantsBroadcast == flag && offer.destination == .broadcast)
        var renewal = Sample.message(.request)
        renewal.clientAddress = try #require(offer.reply).yourAddress
        renewal.wantsBroadcast = flag
        let answer = talk.say(renewal)
        #expect(answer.destination == (flag ? .broadcast : .unicast(renewal.clientAddress, port: 68)))
    }

    @Test func `a node always gets its own address, and nobody else does`() throws {
        var site = Sample.site()
        site.nodes[0].address = Self.address("10.77.0.100")
        var talk = try Conversation(Self.range, policy: try Sample.policy(site))
        let offer = try #require(talk.say(Sample.message(.discover)).reply)
        #expect(offer.yourAddress == Self.address("10.77.0.100"))
        #expect(offer[.hostName] == Array("first".utf8))
        var stranger = Sample.message(.discover, [DHCP.Option(.requestedAddress, Self.address("10.77.0.100"))])
        stranger.hardwareAddress = Sample.stranger.bytes
        #expect(talk.say(stranger).reply?.yourAddress == Self.address("10.77.0.101"))
        var theft = Sample.message(.request, [DHCP.Option(.requestedAddress, Self.address("10.77.0.100"))])
        theft.hardwareAddress = Sample.stranger.bytes
        #expect(talk.say(theft).reply?.messageType == .refuse)
        // The node that insists on another than its own is told so, and asks anew.
        let other = Sample.message(.request, [DHCP.Option(.requestedAddress, Self.address("10.77.0.101"))])
        #expect(talk.say(other).reply?.messageType == .refuse)
    }

    @Test func `a node far from the network of its own address gets one that works there, and the reason says so`()
        throws
    {
        var talk = try Conversation(Self.range, policy: try Sample.policy(Sample.site()), more: [Self.relayed])
        let answer = talk.say(Self.behindRelay(Sample.message(.discover)))
        #expect(Self.relayed.lending.ranges[0].contains(try #require(answer.reply).yourAddress))
        #expect(answer.why.contains { $0.contains("its own address 10.77.0.11 is not in 10.78.0.0/24") })
    }

    @Test func `an address that another machine was found to use is taken back, and the boot goes on with the next`()
        throws
    {
        var talk = try Conversation(Self.range)
        let first = talk.say(Sample.message(.discover))
        let address = try #require(first.newlyLent)
        #expect(first.reply?.yourAddress == address)
        let isTaken = talk.responder.isTaken(address, by: Sample.stranger, now: talk.now)
        let isTakenAgain = talk.responder.isTaken(address, by: Sample.stranger, now: talk.now)
        #expect(isTaken && !isTakenAgain)
        let request = Sample.message(.request, [DHCP.Option(.requestedAddress, address)])
        #expect(talk.say(request).reply?.messageType == .refuse)
        let second = try #require(talk.say(Sample.message(.discover)).reply).yourAddress
        #expect(second != address)
        // Its own answer to the question is no conflict.
        let isOwn = talk.responder.isTaken(second, by: Sample.node, now: talk.now)
        #expect(!isOwn)
    }

    @Test func `a known client's discover is not looked into again`() throws {
        var talk = try Conversation(Self.range)
        #expect(talk.say(Sample.message(.discover)).newlyLent != nil)
        #expect(talk.say(Sample.message(.discover)).newlyLent == nil)
    }

    @Test func `option 97 comes back as it was, and not where it is malformed`() throws {
        var talk = try Conversation(Self.range)
        for (value, comesBack) in [
            ([0] + Sample.uuid.bytes, true), ([1] + Sample.uuid.bytes, false), ([0, 1, 2], false), ([], false),
        ] as [([UInt8], Bool)] {
            let message = Sample.message(
                .discover, vendor: Self.pxe, architecture: 7, [DHCP.Option(.machineIdentifier, value)])
            #expect(talk.say(message).reply?[.machineIdentifier] == (comesBack ? value : nil))
        }
    }

    @Test(arguments: [Array("iPXE".utf8), [4] + Array("iPXE".utf8), [3, 0x61, 0x62, 0x63, 4] + Array("iPXE".utf8)])
    func `iPXE is known by its user class in either encoding`(value: [UInt8]) throws {
        var talk = try Conversation(Self.range)
        let message = Sample.message(.discover, vendor: Self.pxe, architecture: 7, [DHCP.Option(.userClass, value)])
        #expect(talk.say(message).reply?.bootFileName == "http://10.77.0.1:8080/boot/a1/boot.ipxe")
    }

    @Test func `options that a client put into file and sname are heeded`() throws {
        var talk = try Conversation(Self.range)
        var bytes = Sample.message(.discover, [DHCP.Option(.overload, [3])]).bytes
        let vendor = [60, UInt8(Self.pxe.utf8.count)] + Array(Self.pxe.utf8) + [255]
        bytes.replaceSubrange(108..<(108 + vendor.count), with: vendor)
        bytes.replaceSubrange(44..<49, with: [93, 2, 0, 7, 255])
        let message = try #require(DHCP.Message.read(bytes).packet)
        #expect(talk.say(message).reply?.bootFileName == "boot/a1/lab-node.efi")
    }

    @Test func `the boot server stands in siaddr, file, 66 and 67 alike, and UEFI HTTP's URL in file and 67`() throws {
        var talk = try Conversation(Self.range)
        let reply = try #require(talk.say(Sample.message(.discover, vendor: Self.pxe, architecture: 7)).reply)
        #expect(reply.nextServer == Sample.server)
        #expect(reply[.tftpServerName] == Array("10.77.0.1".utf8))
        #expect(reply.file == reply[.bootFileName])
        let http = try #require(
            talk.say(Sample.message(.discover, vendor: "HTTPClient:Arch:00016:UNDI:003000", architecture: 16)).reply)
        #expect(http[.vendorClass] == Array("HTTPClient".utf8))
        #expect(http.bootFileName == "http://10.77.0.1:8080/boot/a1/lab-node.efi")
        #expect(http[.vendorSpecific] == nil)
    }

    @Test func `every reply fits a datagram that every client takes`() throws {
        var talk = try Conversation(Self.range, policy: try Sample.policy(Sample.site()))
        let uuid = DHCP.Option(.machineIdentifier, [0] + Sample.uuid.bytes)
        for user in [nil, "iPXE"] {
            let message = Sample.message(.discover, vendor: Self.pxe, user: user, architecture: 7, [uuid])
            let bytes = try #require(talk.say(message).reply).bytes
            // 576 bytes of IP (RFC 2132 section 9.10), and BOOTP's least.
            #expect((300...548).contains(bytes.count))
        }
    }

    @Test func `PXELINUX's options are given to whoever asks for them, and the file they name is there`() throws {
        var talk = try Conversation(Self.range)
        let asking = Sample.message(
            .discover, vendor: Self.pxe, architecture: 0, [DHCP.Option(.parameterRequests, [1, 3, 209, 210])])
        let reply = try #require(talk.say(asking).reply)
        #expect(reply[.configurationFile] == Array("pxelinux.cfg".utf8))
        #expect(reply[.pathPrefix] == Array("boot/a1/".utf8))
        let file = try #require(talk.policy.bootFile(named: "boot/a1/pxelinux.cfg", for: talk.attempts)).file
        guard case .literal(let bytes) = file.extents.first else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("KERNEL kernel\n") && text.contains("INITRD initrd\n"))
        #expect(text.contains("APPEND quiet bootferry.server="))
        #expect(talk.say(Sample.message(.discover, vendor: Self.pxe, architecture: 0)).reply?[.pathPrefix] == nil)
    }
}

@Suite struct ARPTests {
    @Test func `a probe asks from no address, and an answer names its sender`() throws {
        let address = try #require(IPv4Address("10.77.0.9"))
        let probe = ARP.probe(for: address, from: Sample.node)
        #expect(
            probe == [0, 1, 8, 0, 6, 4, 0, 1] + Sample.node.bytes + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 77, 0, 9])
        #expect(ARP.sender(probe) == nil)
        let answer =
            [0, 1, 8, 0, 6, 4, 0, 2] + Sample.stranger.bytes + address.bytes + Sample.node.bytes + [0, 0, 0, 0]
        let found = try #require(ARP.sender(answer))
        #expect(found.mac == Sample.stranger && found.address == address)
        for count in 0..<28 { #expect(ARP.sender(Array(answer.prefix(count))) == nil) }
        for place in [0, 1, 2, 3, 4, 5, 6, 7] {
            var wrong = answer
            wrong[place] ^= 0x40
            #expect(ARP.sender(wrong) == nil, "\(place)")
        }
    }
}
