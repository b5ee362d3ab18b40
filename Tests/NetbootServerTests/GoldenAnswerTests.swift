import BootPolicy
import BootProtocols
import Foundation
import SystemModel
import Testing

/// What real clients sent (Tests/BootProtocolsTests/Fixtures) is answered, and Wireshark reads every answer without fault.
@Suite(.enabled(if: Laboratory.finds(["tshark", "text2pcap"]), "needs tshark"))
struct GoldenAnswerTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "BootProtocolsTests/Fixtures")
    private static let server = IPv4Address(value: 0x0A4D_0001)

    /// Every captured payload, by its file's name.
    private static func captures() throws -> [(name: String, message: DHCP.Message)] {
        try FileManager.default.contentsOfDirectory(atPath: fixtures.path).filter { $0.hasSuffix(".hex") }.sorted()
            .map { name in
                let digits = Array(try String(contentsOf: fixtures.appending(path: name), encoding: .utf8).utf8)
                    .compactMap { Character(UnicodeScalar($0)).hexDigitValue }
                let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
                return (name, try #require(DHCP.Message.read(bytes).packet, "\(name)"))
            }
    }

    /// The least that reads as a PE32+ header without sections.
    private static var stubHead: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024)
        for (place, part) in [
            (0, [0x4d, 0x5a]), (0x3c, [0x80]), (0x80, [0x50, 0x45, 0, 0, 0x64, 0x86]), (0x94, [240]),
            (0x98, [0x0b, 0x02]), (0xb8, [0, 0x10, 0, 0, 0, 2, 0, 0]), (0x98 + 108, [16]),
        ] as [(Int, [UInt8])] { bytes.replaceSubrange(place..<place + part.count, with: part) }
        return bytes
    }

    private static func policy(isProxy: Bool) throws -> BootPolicy {
        func part(_ name: String) -> ImageManifest.Part { .init(path: "/nix/store/abc-x/\(name)", size: 1000) }
        let manifest = ImageManifest(
            system: "lab-node", platform: "x86_64", kernel: part("kernel"), kernelRelease: "6.1", kernelParameters: [],
            segments: [],
            loaders: [
                "undionly.kpxe": part("undionly.kpxe"), "snponly.efi": part("snponly.efi"),
                "linuxx64.efi.stub": part("stub"),
            ], peakMemory: 0)
        return BootPolicy(
            serverAddress: server, httpPort: 8080, uefiLoader: .ipxe, isProxy: isProxy,
            everyone: try ServedSystem(manifest: manifest, boots: platformBoots("x86_64"), stubHead: stubHead),
            templates: try NetbootTemplates(ipxe: ""))
    }

    @Test(arguments: [DHCPResponder.Mode.full, .proxy])
    func `every real client's packet is answered as the protocol says`(mode: DHCPResponder.Mode) throws {
        let policy = try Self.policy(isProxy: mode == .proxy)
        var dump = ""
        for (name, message) in try Self.captures() {
            var subnet = Subnet(serverAddress: Self.server, prefixLength: 24)
            subnet.lending.ranges = [IPv4Address(value: 0x0A4D_003C)...IPv4Address(value: 0x0A4D_0078)]
            var responder = DHCPResponder(mode: mode, subnets: [subnet])
            var attempts = BootAttempts()
            let answer = responder.answer(
                message, port: DHCP.serverPort, now: .seconds(1), policy: policy, attempts: &attempts
            ) { "a1" }
            guard let reply = answer.reply else {
                // A proxy leaves running systems to the other server, and has nothing here for Open Firmware or U-Boot.
                #expect(
                    mode == .proxy && ["udhcpc", "dhclient", "slof", "uboot"].contains { name.hasPrefix($0) }, "\(name)"
                )
                continue
            }
            #expect(reply.transaction == message.transaction && reply.hardwareAddress == message.hardwareAddress)
            let digits = reply.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            dump += "000000 " + digits.joined(separator: " ") + "\n\n"
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "answers-\(UInt32.random(in: 0 ... .max))")
        defer {
            for end in ["txt", "pcap"] { try? FileManager.default.removeItem(at: file.appendingPathExtension(end)) }
        }
        try Data(dump.utf8).write(to: file.appendingPathExtension("txt"))
        let packets = file.appendingPathExtension("pcap").path
        let made = try Laboratory.run(
            "text2pcap", ["-q", "-u", "67,68", file.appendingPathExtension("txt").path, packets])
        try #require(made.status == 0, "\(made.output)")
        let all = try Laboratory.run("tshark", ["-r", packets, "-Y", "dhcp", "-T", "fields", "-e", "dhcp.option.dhcp"])
        let wanted = dump.split(separator: "\n").count
        #expect(all.output.split(separator: "\n").filter { Int($0) != nil }.count == wanted, "\(all.output)")
        let faults = try Laboratory.run(
            "tshark", ["-r", packets, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456", "-V"])
        #expect(!faults.output.contains("Dynamic Host Configuration"), "\(faults.output)")
    }
}
