import BootProtocols
import Diagnostics
import Foundation
import SystemModel
import Testing

@testable import BootPolicy

/// Values that the suites share.
enum Sample {
    static let node = MACAddress("52:54:00:12:34:56")!
    static let server = IPv4Address("10.77.0.1")!
    static let path = "/nix/store/abc-x"

    /// The least that reads as a PE32+ header without sections.
    static let stubHead: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 1024)
        bytes.replaceSubrange(0..<2, with: [0x4d, 0x5a])
        bytes[0x3c] = 0x80
        bytes.replaceSubrange(0x80..<0x84, with: [0x50, 0x45, 0, 0])
        bytes.replaceSubrange(0x84..<0x86, with: [0x64, 0x86])
        bytes[0x94] = 240
        bytes.replaceSubrange(0x98..<0x9a, with: [0x0b, 0x02])
        bytes.replaceSubrange(0xb8..<0xc0, with: [0, 0x10, 0, 0, 0, 2, 0, 0])
        bytes[0x98 + 108] = 16
        return bytes
    }()

    static func manifest(_ name: String = "lab-node", parameters: [String] = ["quiet"]) -> ImageManifest {
        func part(_ file: String, _ size: Int) -> ImageManifest.Part { .init(path: "\(path)/\(file)", size: size) }
        func segment(_ name: String, _ size: Int) -> ImageManifest.Segment {
            .init(part: part(name, size), summary: .init(name: name, size: size, unpackedBytes: size, inodes: 1))
        }
        return ImageManifest(
            system: name, platform: "x86_64", kernel: part("vmlinuz", 1000), kernelRelease: "6.1",
            kernelParameters: parameters, segments: [segment("init", 10), segment("a", 12), segment("settings", 7)],
            loaders: [
                "undionly.kpxe": part("undionly.kpxe", 70), "snponly.efi": part("snponly.efi", 80),
                "linuxx64.efi.stub": part("stub", 4096),
            ], peakMemory: 0)
    }

    static func system(_ name: String = "lab-node", generation: Int? = nil) throws -> ServedSystem {
        try ServedSystem(manifest: manifest(name), generation: generation, boots: boots(), stubHead: stubHead)
    }

    static func policy(isProxy: Bool = false, loader: BootPolicy.UEFILoader = .uki) throws -> BootPolicy {
        BootPolicy(
            serverAddress: server, httpPort: 8080, uefiLoader: loader, isProxy: isProxy, everyone: try system(),
            templates: try templates())
    }

    /// What a platform's file says of its machines.
    static func boots(_ platform: String = "x86_64") throws -> [Platform.Boot] {
        try Platform.read("targets/platforms/\(platform).yaml") { .bytes(Array((try? projectFile($0)) ?? Data())) }
            .boots
    }

    private static func projectFile(_ path: String) throws -> Data {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try Data(contentsOf: root.appending(path: path))
    }

    static func templates() throws -> NetbootTemplates {
        try NetbootTemplates(
            ipxe: "#!ipxe\nkernel {{{base}}}/kernel {{{parameters}}}\ninitrd {{{base}}}/initrd\n",
            menu: "#!ipxe\n{{#systems}}chain {{{base}}}/{{{name}}}/boot.ipxe\n{{/systems}}default {{{default}}}\n",
            identify: "#!ipxe\nchain {{{base}}}/serial.${serial}/boot.ipxe\n",
            pxelinux: "KERNEL {{{base}}}kernel\nINITRD {{{base}}}initrd\nAPPEND {{{parameters}}}\n",
            wholeNames: shipped("../pxelinux/whole-names.cfg"), grub: shipped("grub.cfg"),
            grubMenu: shipped("menu.cfg"), grubIdentify: shipped("identify.cfg"),
            uBoot: shipped("../uboot/boot.txt"), uBootMenu: shipped("../uboot/pxelinux.cfg"))
    }

    /// A file of `netboot/grub`.
    static func shipped(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "netboot/grub/\(name)"), encoding: .utf8)
    }

    /// A site with a node by MAC address, one by UUID, one by serial number, and two systems.
    static func site(_ unknown: UnknownMachines = .init(answer: .nothing), serials: Bool = false) -> Site {
        let place = SourcePosition(file: "site.yaml", line: 7, column: 3)
        func node(_ name: String, _ identity: NodeIdentity, _ choices: NodeChoices, _ address: String? = nil) -> Node {
            Node(
                name: name, position: place, identity: identity, address: address.flatMap(IPv4Address.init),
                group: "bench", settings: choices)
        }
        return Site(
            path: "site.yaml", networks: [],
            systems: ["lab-node", "other"].map { SiteSystem(name: $0, source: $0, position: place) },
            groups: [
                NodeGroup(
                    name: "bench", position: place,
                    settings: NodeChoices(system: "lab-node", kernelParameters: ["group=1"]))
            ],
            nodes: [
                node(
                    "by-mac", NodeIdentity(macs: [Sample.node]),
                    NodeChoices(hostname: "first", kernelParameters: ["own=2"]),
                    "10.77.0.11"),
                node("by-uuid", NodeIdentity(uuid: uuid), NodeChoices(system: "other")),
            ] + (serials ? [node("by-serial", NodeIdentity(serial: "S1"), NodeChoices(system: "other"))] : []),
            unknown: unknown)
    }

    /// A payload of `BootProtocolsTests/Fixtures`, as a real client sent it.
    static func captured(_ name: String) throws -> DHCP.Message {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "BootProtocolsTests/Fixtures/\(name).hex")
        let digits = try String(contentsOf: fixture, encoding: .utf8).compactMap(\.hexDigitValue)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        return try #require(DHCP.Message.read(bytes).packet, "\(name)")
    }

    static let uuid = MachineUUID("4c4c4544-0042-3510-8054-b4c04f4d3132")!
    static let stranger = MACAddress("02:00:00:00:00:01")!

    static func policy(_ site: Site, isProxy: Bool = false) throws -> BootPolicy {
        BootPolicy(
            serverAddress: server, httpPort: 8080, isProxy: isProxy, site: site,
            systems: ["lab-node": try system(), "other": try system("other")], templates: try templates())
    }

    static func message(
        _ kind: DHCP.MessageType, vendor: String? = nil, user: String? = nil, architecture: UInt16? = nil,
        _ more: [DHCP.Option] = []
    ) -> DHCP.Message {
        var options = [DHCP.Option(.messageType, [kind.rawValue])]
        if let vendor { options.append(DHCP.Option(.vendorClass, vendor)) }
        if let user { options.append(DHCP.Option(.userClass, user)) }
        if let architecture {
            options.append(DHCP.Option(.architectures, [UInt8(architecture >> 8), UInt8(architecture & 255)]))
        }
        return DHCP.Message(isReply: false, hardwareAddress: node.bytes, transaction: 7, options: options + more)
    }
}
