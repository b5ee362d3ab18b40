import BootProtocols
import SystemModel
import Testing

@testable import BootPolicy

@Suite struct SitePolicyTests {
    static func offer(
        _ site: Site, _ mac: MACAddress, uuid: MachineUUID? = nil, client: BootRequest.Client = .pxe,
        architecture: ClientArchitecture = .uefiX64, isProxy: Bool = false
    ) throws -> BootOffer {
        try Sample.policy(site, isProxy: isProxy).offer(
            to: BootRequest(mac: mac, client: client, architecture: architecture, machineUUID: uuid?.bytes),
            attempt: "a1")
    }

    @Test func `a node gets its own system or its group's, and the reasons say by what it was known`() throws {
        let first = try Self.offer(Sample.site(), Sample.node)
        #expect(first.answer == .boot("boot/a1/lab-node.efi"))
        #expect(first.why[0] == "node `by-mac`, by its MAC address (site.yaml:7:3)")
        #expect(first.why[1] == "its group `bench` boots `lab-node`")
        for uuid in [Sample.uuid, Sample.uuid.swapped] {
            let second = try Self.offer(Sample.site(), Sample.stranger, uuid: uuid)
            #expect(second.answer == .boot("boot/a1/other.efi"))
            #expect(second.why[0].hasPrefix("node `by-uuid`, by its UUID"))
        }
    }

    @Test func `HTTP Boot is named https where node, group or site says so and there is one, in this order`() throws {
        func url(_ change: (inout Site) -> Void, port: Int? = 8443, _ client: BootRequest.Client = .uefiHTTP) throws
            -> BootOffer
        {
            var site = Sample.site()
            change(&site)
            var policy = try Sample.policy(site)
            policy.httpsPort = port
            return policy.offer(
                to: BootRequest(mac: Sample.node, client: client, architecture: .httpX64), attempt: "a1")
        }
        let (plain, secure) = (
            BootOffer.Answer.boot("http://10.77.0.1:8080/boot/a1/lab-node.efi"),
            BootOffer.Answer.boot("https://10.77.0.1:8443/boot/a1/lab-node.efi")
        )
        // What cannot be asked whether it knows TLS gets what every firmware knows.
        #expect(try url { _ in }.answer == plain)
        let bySite = try url { $0.offersHTTPS = true }
        #expect(bySite.answer == secure && bySite.vendorClass == "HTTPClient")
        #expect(bySite.why.last == "x64 UEFI HTTP (option 93): a unified kernel image by HTTPS, as the site says")
        #expect(try url({ $0.offersHTTPS = true }, port: nil).answer == plain)
        #expect(try url { $0.groups[0].settings.https = true }.answer == secure)
        #expect(
            try url {
                $0.offersHTTPS = true
                $0.groups[0].settings.https = false
            }.answer == plain)
        #expect(
            try url {
                $0.groups[0].settings.https = false
                $0.nodes[0].settings.https = true
            }.answer == secure)
        #expect(
            try url({ $0.offersHTTPS = true }, port: 443).answer
                == .boot("https://10.77.0.1/boot/a1/lab-node.efi"))
        #expect(
            try url({ $0.offersHTTPS = true }, .iPXE).answer == .boot("http://10.77.0.1:8080/boot/a1/boot.ipxe"))
    }

    @Test func `an unknown machine gets nothing, a system, or a menu, as the site says`() throws {
        let nothing = try Self.offer(Sample.site(), Sample.stranger)
        #expect(nothing.answer == .addressOnly)
        #expect(nothing.why.last == "unknown machines get nothing: an address and nothing to boot")
        if case .ignored = try Self.offer(Sample.site(), Sample.stranger, isProxy: true).answer {
        } else {
            Issue.record("a proxy answered a machine that gets nothing")
        }
        let system = try Self.offer(Sample.site(.init(answer: .system, system: "other")), Sample.stranger)
        #expect(system.answer == .boot("boot/a1/other.efi"))
        let menu = Sample.site(.init(answer: .menu, system: "other"))
        // Only iPXE shows a menu, so every firmware is given iPXE first.
        #expect(try Self.offer(menu, Sample.stranger).answer == .boot("boot/a1/snponly.efi"))
        #expect(
            try Self.offer(menu, Sample.stranger, client: .uefiHTTP, architecture: .httpX64).answer
                == .boot("http://10.77.0.1:8080/boot/a1/snponly.efi"))
        #expect(try Self.offer(menu, Sample.stranger, architecture: .bios).answer == .boot("boot/a1/undionly.kpxe"))
    }

    @Test func `a BIOS that boots by HTTP is given no UEFI image`() throws {
        let offer = try Self.offer(
            Sample.site(), Sample.node, client: .uefiHTTP, architecture: ClientArchitecture(rawValue: 20))
        #expect(offer.answer == .addressOnly)
    }

    @Test func `a machine of another server's DHCP gets the generation that is published, and after a rollback too`()
        throws
    {
        var policy = try Sample.policy(Sample.site(.init(answer: .system, system: "other")))
        let (first, second) = (try Sample.system("other", generation: 1), try Sample.system("other", generation: 2))
        policy.systems["other"] = second
        for generation in [2, 1] {
            policy.generations["other"] = ServedGenerations(
                rollout: Rollout(system: "other", generation: generation, since: 0), systems: [1: first, 2: second])
            #expect(policy.anySystem?.generation == generation)
        }
    }

    static func text(_ policy: BootPolicy, _ name: String, _ attempts: BootAttempts) throws -> String {
        let file = try #require(policy.bootFile(named: name, for: attempts), "\(name)").file
        guard case .literal(let bytes) = file.extents.first else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func attempts(of mac: MACAddress, _ policy: BootPolicy) throws -> BootAttempts {
        var attempts = BootAttempts()
        let request = BootRequest(mac: mac, client: .iPXE, architecture: .bios)
        let system = try #require(policy.system(for: request.machine))
        _ = attempts.begin(request, system: system, now: .seconds(1)) { "a1" }
        return attempts
    }

    @Test func `the menu lists every system, and what is chosen boots by a name of its own`() throws {
        let policy = try Sample.policy(Sample.site(.init(answer: .menu, system: "other")))
        var attempts = try Self.attempts(of: Sample.stranger, policy)
        let menu = try Self.text(policy, "boot/a1/boot.ipxe", attempts)
        #expect(menu.contains("chain http://10.77.0.1:8080/boot/a1/lab-node/boot.ipxe\n"))
        #expect(menu.contains("chain http://10.77.0.1:8080/boot/a1/other/boot.ipxe\n"))
        #expect(menu.contains("default other"))
        let name = "boot/a1/lab-node/boot.ipxe"
        let chosen = try #require(policy.choice(madeBy: name, for: attempts))
        #expect(chosen.system.manifest.system == "lab-node")
        _ = attempts.change(chosen.attempt, to: chosen.system, reason: chosen.reason, now: .seconds(2))
        #expect(attempts.attempt("a1")?.system == "lab-node")
        #expect(policy.choice(madeBy: name, for: attempts) == nil)
        #expect(
            try Self.text(policy, name, attempts).contains("kernel http://10.77.0.1:8080/boot/a1/kernel quiet"))
        #expect(policy.bootFile(named: "boot/a1/initrd", for: attempts) != nil)
        for name in ["boot/a1/none/boot.ipxe", "boot/a1/lab-node/initrd", "boot/a1/other/boot.ipxe"] {
            #expect(policy.bootFile(named: name, for: attempts) == nil, "\(name)")
        }
        // A machine that has a system of its own chooses no other.
        let node = try Self.attempts(of: Sample.node, policy)
        #expect(policy.choice(madeBy: "boot/a1/other/boot.ipxe", for: node) == nil)
        #expect(policy.bootFile(named: "boot/a1/lab-node/../kernel", for: attempts) == nil)
    }

    @Test func `a machine known by its serial number alone is asked for it by iPXE`() throws {
        var policy = try Sample.policy(Sample.site(serials: true))
        policy.seen.note(BootRequest(mac: Sample.stranger, client: .iPXE), on: "eth1", now: 1)
        var attempts = try Self.attempts(of: Sample.stranger, policy)
        #expect(try Self.text(policy, "boot/a1/boot.ipxe", attempts).contains("serial.${serial}"))
        for name in ["serial.S2", "serial."] {
            #expect(
                try Self.text(policy, "boot/a1/\(name)/boot.ipxe", attempts).contains("unknown machines get nothing"))
        }
        // Once it has told, it is known by it from the first packet on.
        let told = try #require(policy.choice(madeBy: "boot/a1/serial.S1/boot.ipxe", for: attempts))
        #expect(told.system.manifest.system == "other" && told.reason == "known by its serial number")
        _ = attempts.change(told.attempt, to: told.system, reason: told.reason, now: .seconds(2))
        policy.seen.note(serial: "S1", of: Sample.stranger)
        let known = try Self.text(policy, "boot/a1/serial.S1/boot.ipxe", attempts)
        #expect(known.contains("kernel http://10.77.0.1:8080/boot/a1/kernel") && known.contains("group=1"))
        #expect(policy.choice(for: policy.seen.machine(Sample.stranger)).node?.name == "by-serial")
        #expect(BootFileName.serial(in: "/boot/a1/serial.S1/boot.ipxe") == "S1")
        #expect(BootFileName.serial(in: "boot/a1/serial./boot.ipxe") == nil)
    }

    @Test func `a node's kernel parameters come after the system's and its group's`() throws {
        let policy = try Sample.policy(Sample.site())
        let script = try Self.text(policy, "boot/a1/boot.ipxe", try Self.attempts(of: Sample.node, policy))
        #expect(script.contains("kernel http://10.77.0.1:8080/boot/a1/kernel quiet "))
        #expect(script.contains(" group=1 own=2\n"))
    }

    @Test func `every architecture of option 93 has a row of its own, and platforms' files say which run them`() throws
    {
        #expect(Set(ClientArchitecture.table.map(\.number)).count == ClientArchitecture.table.count)
        for number in [0, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 25, 27, 31, 37, 39, 41] as [UInt16] {
            #expect(ClientArchitecture(rawValue: number).row != nil, "\(number)")
        }
        #expect(try Sample.boots("x86_64").flatMap(\.architectures).sorted() == [0, 7, 9, 16, 20])
        #expect(try Sample.boots("arm64").flatMap(\.architectures).sorted() == [11, 19, 22, 24, 41])
        #expect(ClientArchitecture(rawValue: 999).description == "architecture 999")
    }

    @Test func `a platform's machines get its own stub and iPXE, and no other platform's system`() throws {
        var manifest = Sample.manifest("arm")
        manifest.platform = "arm64"
        manifest.loaders = [
            "linuxaa64.efi.stub": .init(path: "\(Sample.path)/stub", size: 4096),
            "ipxe-arm64.efi": .init(path: "\(Sample.path)/ipxe", size: 100),
        ]
        #expect(throws: BootPolicyError.self) {
            try ServedSystem(manifest: manifest, boots: Sample.boots("arm64"), stubHead: Sample.stubHead)
        }
        var head = Sample.stubHead
        head.replaceSubrange(0x84..<0x86, with: [0x64, 0xaa])
        let system = try ServedSystem(manifest: manifest, boots: Sample.boots("arm64"), stubHead: head)
        func answer(
            _ number: UInt16, _ client: BootRequest.Client = .pxe, loader: BootPolicy.UEFILoader = .uki
        ) throws -> BootOffer.Answer {
            let policy = BootPolicy(
                serverAddress: Sample.server, httpPort: 8080, uefiLoader: loader, everyone: system,
                templates: try Sample.templates())
            return policy.offer(
                to: BootRequest(mac: Sample.node, client: client, architecture: .init(rawValue: number)), attempt: "a1"
            ).answer
        }
        #expect(try answer(11) == .boot("boot/a1/arm.efi"))
        #expect(try answer(11, loader: .ipxe) == .boot("boot/a1/ipxe-arm64.efi"))
        #expect(try answer(19, .uefiHTTP) == .boot("http://10.77.0.1:8080/boot/a1/arm.efi"))
        #expect(try answer(7) == .addressOnly)
        #expect(try answer(0) == .addressOnly)
    }

    @Test func `who was seen is remembered within bounds, and a card in another machine loses its serial number`() {
        var seen = Sightings()
        func request(_ mac: MACAddress, uuid: MachineUUID? = nil) -> BootRequest {
            BootRequest(mac: mac, client: .pxe, architecture: .uefiX64, machineUUID: uuid?.bytes)
        }
        let isNews = seen.note(request(Sample.node, uuid: Sample.uuid), on: "eth1", now: 10)
        let isNewsAgain = seen.note(request(Sample.node, uuid: Sample.uuid), on: "eth1", now: 20)
        #expect(isNews && !isNewsAgain)
        seen.note(serial: "S1", of: Sample.node)
        seen.note(request(Sample.node, uuid: Sample.uuid.swapped), on: "eth1", now: 90)
        #expect(seen.machine(Sample.node).serial == "S1")
        seen.note(request(Sample.node, uuid: MachineUUID("00000000-0000-0000-0000-000000000001")), on: "eth1", now: 99)
        #expect(seen.machine(Sample.node).serial == nil)
        for number in 0..<UInt32(Sightings.maximum + 10) {
            let mac = MACAddress(bytes: [2, 0] + IPv4Address(value: number).bytes)!
            seen.note(request(mac), on: "eth1", now: 1000 + Int(number))
        }
        #expect(seen.all.count <= Sightings.maximum)
        #expect(seen[Sample.node] == nil)
    }
}

@Suite struct ExplanationTests {
    static func play(
        _ site: Site, _ firmware: Explanation.Firmware, _ architecture: ClientArchitecture, isProxy: Bool = false,
        mac: MACAddress = Sample.node, relay: IPv4Address? = nil
    ) throws -> Explanation {
        var subnet = Subnet(serverAddress: Sample.server, prefixLength: 24)
        subnet.lending.ranges = [IPv4Address("10.77.0.100")!...IPv4Address("10.77.0.199")!]
        return Explanation.play(
            Machine(mac: mac), firmware: firmware, architecture: architecture,
            policy: try Sample.policy(site, isProxy: isProxy),
            responder: DHCPResponder(mode: isProxy ? .proxy : .full, subnets: [subnet]), interface: "eth1",
            relay: relay,
            now: .seconds(1))
    }

    @Test func `UEFI's boot is four packets and a file, with the reasons`() throws {
        let explanation = try Self.play(Sample.site(), .pxe, .uefiX64)
        #expect(explanation.boots && explanation.node == "by-mac")
        #expect(explanation.steps.count == 3)
        #expect(explanation.steps[0].answer == "OFFER to everyone" && explanation.steps[1].answer == "ACK to everyone")
        #expect(explanation.steps[2].request == "TFTP read boot/example/lab-node.efi from 10.77.0.1")
        #expect(explanation.steps[0].answerDetails.contains("yiaddr 10.77.0.11"))
        #expect(explanation.steps[0].answerDetails.contains(#"option 67 boot file "boot/example/lab-node.efi""#))
        #expect(explanation.steps[0].why.contains("10.77.0.11 is its own"))
        #expect(explanation.steps[0].answerDetails.contains(#"option 12 hostname "first""#))
        #expect(explanation.rendered().contains("because node `by-mac`, by its MAC address (site.yaml:7:3)"))
    }

    @Test func `BIOS goes through iPXE to a script, and to the kernel and initramfs it names`() throws {
        let explanation = try Self.play(Sample.site(), .pxe, .bios)
        #expect(explanation.boots)
        #expect(
            explanation.steps.map { String($0.request.prefix(22)) } == [
                "DHCP DISCOVER to port ", "DHCP REQUEST to port 6", "TFTP read boot/example", "iPXE: DHCP DISCOVER to",
                "iPXE: DHCP REQUEST to ", "HTTP GET http://10.77.", "HTTP GET http://10.77.", "HTTP GET http://10.77.",
            ])
        #expect(explanation.steps[5].answerDetails.contains { $0.contains("own=2") })
    }

    @Test func `behind a proxy BIOS takes the offer, and UEFI asks on 4011`() throws {
        let bios = try Self.play(Sample.site(), .pxe, .bios, isProxy: true)
        #expect(bios.steps[1].request.hasPrefix("TFTP read"))
        let uefi = try Self.play(Sample.site(), .pxe, .uefiX64, isProxy: true)
        #expect(uefi.steps[1].request == "DHCP REQUEST to port 4011")
        #expect(uefi.steps[1].answer == "ACK to where it came from")
        #expect(uefi.boots)
    }

    @Test func `a machine that gets nothing is told so, with the reason`() throws {
        let nothing = try Self.play(Sample.site(), .pxe, .uefiX64, mac: Sample.stranger)
        #expect(!nothing.boots && nothing.outcome == "it gets an address and nothing to boot")
        #expect(nothing.steps[0].why.contains { $0.contains("unknown machines get nothing") })
        let proxied = try Self.play(Sample.site(), .pxe, .uefiX64, isProxy: true, mac: Sample.stranger)
        #expect(proxied.steps.map(\.answer) == ["no answer: unknown machines get nothing"])
        let relayed = try Self.play(Sample.site(), .pxe, .uefiX64, relay: IPv4Address("10.9.9.9"))
        #expect(relayed.steps[0].answer.hasPrefix("no answer: relayed by 10.9.9.9"))
        let arm = try Self.play(Sample.site(), .pxe, ClientArchitecture(rawValue: 11))
        #expect(arm.steps[0].why.contains { $0.contains("ARM64 UEFI cannot run") })
    }

    @Test(arguments: ForeignServer.allCases)
    func `another server's lines name every boot file that is really served`(server: ForeignServer) throws {
        let policy = try Sample.policy(Sample.site())
        let lines = policy.configuration(of: server, tftpPort: 69)
        for name in ["undionly.kpxe", "lab-node.efi", "boot.ipxe"] {
            #expect(lines.contains(name), "\(name)")
            #expect(policy.bootFile(named: name, for: BootAttempts()) != nil, "\(name)")
        }
        #expect(lines.contains("10.77.0.1"))
        #expect(policy.configuration(of: server, tftpPort: 6969).contains("TFTP is on port 6969"))
    }
}
