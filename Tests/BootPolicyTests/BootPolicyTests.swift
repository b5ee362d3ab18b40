import BootProtocols
import Foundation
import SystemModel
import Testing

@testable import BootPolicy
@testable import FileFormats

@Suite struct BootPolicyTests {
    @Test(arguments: [
        (BootRequest.Client.pxe, UInt16(0), BootPolicy.UEFILoader.uki, "boot/a1/undionly.kpxe", "PXEClient"),
        (.pxe, 7, .uki, "boot/a1/lab-node.efi", "PXEClient"), (.pxe, 9, .uki, "boot/a1/lab-node.efi", "PXEClient"),
        (.pxe, 7, .ipxe, "boot/a1/snponly.efi", "PXEClient"),
        (.uefiHTTP, 16, .ipxe, "http://10.77.0.1:8080/boot/a1/lab-node.efi", "HTTPClient"),
        (.iPXE, 0, .uki, "http://10.77.0.1:8080/boot/a1/boot.ipxe", ""),
        (.iPXE, 7, .ipxe, "http://10.77.0.1:8080/boot/a1/boot.ipxe", ""),
    ])
    func `each firmware is offered what it can boot`(
        client: BootRequest.Client, architecture: UInt16, loader: BootPolicy.UEFILoader, file: String, vendor: String
    ) throws {
        let request = BootRequest(mac: Sample.node, client: client, architecture: .init(rawValue: architecture))
        let offer = try Sample.policy(loader: loader).offer(to: request, attempt: "a1")
        #expect(offer.answer == .boot(file))
        #expect(offer.vendorClass ?? "" == vendor)
        #expect(!offer.why.isEmpty)
    }

    @Test func `a machine of another architecture gets an address at most, with the reason`() throws {
        let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .init(rawValue: 11))
        let full = try Sample.policy().offer(to: request, attempt: "a")
        #expect(full.answer == .addressOnly && full.why.contains { $0.contains("ARM64 UEFI cannot run") })
        guard case .ignored(let reason) = try Sample.policy(isProxy: true).offer(to: request, attempt: "a").answer
        else {
            Issue.record("it was answered")
            return
        }
        #expect(reason.contains("ARM64 UEFI"))
    }

    @Test func `a running system gets an address from a full server and nothing from a proxy`() throws {
        let request = BootRequest(mac: Sample.node, client: .plain)
        #expect(try Sample.policy().offer(to: request, attempt: "a").answer == .addressOnly)
        if case .ignored = try Sample.policy(isProxy: true).offer(to: request, attempt: "a").answer {
        } else {
            Issue.record("a proxy answered a plain client")
        }
    }

    @Test func `UEFI behind a proxy sees no option 43, and every other PXE does`() throws {
        let uefi = BootRequest(mac: Sample.node, client: .pxe, architecture: .uefiX64)
        let bios = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
        let control = DHCP.Option(.vendorSpecific, [6, 1, 8, 255])
        #expect(try Sample.policy(isProxy: true).offer(to: uefi, attempt: "a").options == [])
        #expect(try Sample.policy().offer(to: uefi, attempt: "a").options == [control])
        #expect(try Sample.policy(isProxy: true).offer(to: bios, attempt: "a").options == [control])
    }

    @Test func `requests are told apart by user class, vendor class and architecture`() {
        func client(_ vendor: String?, _ user: String? = nil) -> BootRequest.Client? {
            BootRequest(Sample.message(.discover, vendor: vendor, user: user))?.client
        }
        #expect(client("PXEClient:Arch:00000:UNDI:002001") == .pxe)
        #expect(client("PXEClient:Arch:00000:UNDI:002001", "iPXE") == .iPXE)
        #expect(client("HTTPClient:Arch:00016:UNDI:003000") == .uefiHTTP)
        #expect(client("U-Boot.armv8") == .uBoot)
        #expect(client("udhcp 1.35.0") == .plain)
        #expect(client(nil) == .plain)
        #expect(
            BootRequest(Sample.message(.discover, vendor: "PXEClient:Arch:00007:UNDI:003000"))?.architecture == .uefiX64
        )
    }

    @Test func `kernel parameters that would escape from a script are refused by name`() throws {
        for parameter in ["a=${net0/ip}", "a\nreboot"] {
            #expect(throws: BootPolicyError.self) {
                try ServedSystem(
                    manifest: Sample.manifest(parameters: [parameter]), boots: Sample.boots(), stubHead: nil)
            }
        }
        #expect(throws: BootPolicyError.self) {
            try ServedSystem(manifest: Sample.manifest("a/b"), boots: Sample.boots(), stubHead: nil)
        }
        #expect(throws: BootPolicyError.self) {
            try ServedSystem(manifest: Sample.manifest(), boots: Sample.boots(), stubHead: [1, 2, 3])
        }
        #expect(throws: BootPolicyError.self) { try NetbootTemplates(ipxe: "{{#open}}") }
    }
}

@Suite struct BootFileTests {
    static func attempts() throws -> BootAttempts {
        var attempts = BootAttempts()
        let request = BootRequest(mac: Sample.node, client: .iPXE)
        _ = attempts.begin(request, system: try Sample.system(), now: .seconds(1)) { "a1" }
        return attempts
    }

    @Test func `the initramfs is its segments, each padded to four bytes`() throws {
        let file = try #require(try Sample.policy().bootFile(named: "boot/a1/initrd", for: Self.attempts())).file
        #expect(
            file.extents == [
                .stored(path: "\(Sample.path)/init", offset: 0, length: 10), .literal([0, 0]),
                .stored(path: "\(Sample.path)/a", offset: 0, length: 12),
                .stored(path: "\(Sample.path)/settings", offset: 0, length: 7), .literal([0]),
            ])
        #expect(file.size == Sample.manifest().initramfsSize)
    }

    @Test func `the script and the unified kernel name the boot they belong to`() throws {
        let policy = try Sample.policy()
        let script = try #require(policy.bootFile(named: "/boot/a1/boot.ipxe", for: Self.attempts())).file
        guard case .literal(let bytes) = script.extents.first else {
            Issue.record("the script is no literal")
            return
        }
        let parameters =
            "quiet bootferry.server=http://10.77.0.1:8080 bootferry.boot=a1 BOOTIF=01-52-54-00-12-34-56"
        let line = "kernel http://10.77.0.1:8080/boot/a1/kernel \(parameters)"
        #expect(String(decoding: bytes, as: UTF8.self).contains(line))
        let unified = try #require(policy.bootFile(named: "boot/a1/lab-node.efi", for: Self.attempts())).file
        #expect(unified.contentType == "application/efi")
        #expect(unified.extents.contains(.literal(Array(parameters.utf8))))
        #expect(unified.extents.contains(.stored(path: "\(Sample.path)/vmlinuz", offset: 0, length: 1000)))
    }

    @Test(arguments: [
        "", "/", "boot", "boot/a1", "boot/a1/", "boot/a2/kernel", "boot/a1/../kernel", "boot//a1/kernel",
        "boot/a1/kernel/",
        "..\\boot\\a1\\kernel", "boot/A1/kernel", "boot/a1/kernel\u{0}", "/etc/passwd", "boot/a1/linuxx64.efi.stub",
        "boot/a1/other.efi", "boot/a1/%6bernel", "nix/store/abc-x/vmlinuz",
    ])
    func `a name that is none of ours is nothing`(_ name: String) throws {
        #expect(try Sample.policy().bootFile(named: name, for: Self.attempts()) == nil)
    }

    @Test func `a node in flight keeps the system it began with`() throws {
        var policy = try Sample.policy()
        let attempts = try Self.attempts()
        policy.site = .serving("newer")
        policy.systems = ["newer": try Sample.system("newer")]
        #expect(policy.bootFile(named: "boot/a1/lab-node.efi", for: attempts) != nil)
        #expect(policy.bootFile(named: "boot/a1/newer.efi", for: attempts) == nil)
        #expect(policy.bootFile(named: "newer.efi", for: attempts) != nil)
    }

    @Test func `a range is cut from the extents it touches`() throws {
        let file = try #require(try Sample.policy().bootFile(named: "boot/a1/initrd", for: Self.attempts())).file
        #expect(
            file.extents(in: 8..<14) == [
                .stored(path: "\(Sample.path)/init", offset: 8, length: 2), .literal([0, 0]),
                .stored(path: "\(Sample.path)/a", offset: 0, length: 2),
            ])
        #expect(file.extents(in: 0..<file.size) == file.extents)
        #expect(file.extents(in: 40..<90).isEmpty)
    }

    /// A system for Open Firmware, and the policy that gives it to everybody.
    private func openFirmwarePolicy() throws -> (ImageManifest, BootPolicy) {
        var manifest = Sample.manifest("rescue")
        manifest.platform = "ppc64-elfv2"
        manifest.loaders = ["zImage": .init(path: "\(Sample.path)/zImage", size: 0x20000)]
        let image = ELF.File(
            class: .bits32, byteOrder: .big, kind: .executable, machine: 20, flags: 0, entry: 0x400_0000,
            segments: [
                ELF.Segment(
                    type: ELF.Segment.load, offset: 0x10000, virtualAddress: 0x400_0000, physicalAddress: 0x400_0000,
                    fileSize: 0x8000, memorySize: 0x8000)
            ], sections: [ELF.Section(name: "__builtin_cmdline", type: 1, offset: 0x11000, size: 512)])
        let policy = BootPolicy(
            serverAddress: Sample.server, httpPort: 8080,
            everyone: try ServedSystem(
                manifest: manifest, boots: Sample.boots("ppc64-elfv2"), stubHead: nil, openFirmware: image),
            templates: try Sample.templates())
        return (manifest, policy)
    }

    @Test func `SLOF's own request is answered with a boot file alone, though it asks for PXELINUX's options`() throws {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "BootProtocolsTests/Fixtures/slof-request.hex")
        let digits = try String(contentsOf: fixture, encoding: .utf8).compactMap(\.hexDigitValue)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        let message = try #require(DHCP.Message.read(bytes).packet)
        #expect(try #require(BootRequest(message)).client == .openFirmware)
        var conversation = try Conversation(
            [IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.120")!], policy: openFirmwarePolicy().1)
        let reply = try #require(conversation.say(message).reply)
        #expect(reply.messageType == .acknowledge && reply.yourAddress == IPv4Address("10.77.0.69"))
        #expect(reply.nextServer == Sample.server && reply.file == Array("boot/a1/rescue.elf".utf8))
        #expect(reply[.bootFileName] == Array("boot/a1/rescue.elf".utf8))
        #expect(reply[.configurationFile] == nil && reply[.pathPrefix] == nil)
        // Its discover does not say what it is: the next boot begins with its next request, which asks more than once.
        _ = conversation.attempts.record(.phonedHome(message: ""), of: "a1", now: .seconds(conversation.now))
        for identifier in ["a2", "a3"] {
            conversation.identifier = identifier
            #expect(conversation.say(message).reply?.file == Array("boot/a2/rescue.elf".utf8))
        }
    }

    @Test func `Open Firmware gets one program, with the command line of its boot and the initramfs in it`() throws {
        // SLOF names no vendor class.
        let request = try #require(BootRequest(Sample.message(.request, architecture: 12)))
        #expect(request.client == .openFirmware)
        var (manifest, policy) = try openFirmwarePolicy()
        #expect(policy.offer(to: request, attempt: "a1").answer == .boot("boot/a1/rescue.elf"))
        var attempts = BootAttempts()
        _ = attempts.begin(request, system: try #require(policy.systems["rescue"]), now: .seconds(1)) { "a1" }
        let file = try #require(policy.bootFile(named: "boot/a1/rescue.elf", for: attempts)).file
        #expect(file.extents.contains(.stored(path: "\(Sample.path)/zImage", offset: 0x11200, length: 0x6E00)))
        #expect(file.extents.contains(.stored(path: "\(Sample.path)/init", offset: 0, length: 10)))
        let texts = file.extents.compactMap {
            if case .literal(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil }
        }
        #expect(
            texts.contains { $0.hasPrefix("quiet bootferry.server=http://10.77.0.1:8080 bootferry.boot=a1 BOOTIF=01-") }
        )
        // Only as a part of that program is the zImage given out.
        #expect(policy.bootFile(named: "boot/a1/zImage", for: attempts) == nil)
        policy.systems["rescue"] = try ServedSystem(
            manifest: manifest, boots: Sample.boots("ppc64-elfv2"), stubHead: nil)
        #expect(policy.offer(to: request, attempt: "a2").answer == .addressOnly)
    }
}
