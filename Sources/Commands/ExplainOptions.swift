import ArgumentParser
import BootPolicy
import BootProtocols
import LinuxCalls
import LocalStore
import NetbootServer
import SystemModel

extension Explanation.Firmware: ExpressibleByArgument {}
extension ForeignServer: ExpressibleByArgument {}

/// Options of `serve` that tell what it would do, and do nothing.
struct ExplainOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Print what this machine would be told, packet by packet, and why.", valueName: "MAC"))
    var explain: String?
    @Option(help: ArgumentHelp("Its option 93: 0 is BIOS, 7 is x64 UEFI, 16 x64 UEFI HTTP Boot.", valueName: "number"))
    var arch: UInt16 = 7
    @Option(name: .customLong("as"), help: "Explain as 'full' or 'proxy', where the site leaves it to what it finds.")
    var mode: SiteNetwork.DHCPMode?
    @Option(help: "pxe, http, ipxe or plain; by its architecture.")
    var firmware: Explanation.Firmware?
    @Option(help: ArgumentHelp("Its SMBIOS UUID.", valueName: "UUID"))
    var uuid: String?
    @Option(help: ArgumentHelp("Its serial number, as iPXE would tell it.", valueName: "text"))
    var serial: String?
    @Option(help: ArgumentHelp("The relay that it is behind.", valueName: "address"))
    var relay: String?
    @Option(help: ArgumentHelp("The site's network that it asks on; the first by default.", valueName: "interface"))
    var on: String?
    @Option(
        help: ArgumentHelp(
            "Print what another DHCP server must be told: dnsmasq, kea, dhcpd or mikrotik.", valueName: "server"))
    var otherServer: ForeignServer?

    var isAsked: Bool { explain != nil || otherServer != nil }

    func run(
        _ source: SiteSource, _ workspace: Workspace,
        _ existing: (Workspace) throws -> (systems: [String: ServedSystem], missing: [String])
    ) throws {
        let site = source.site
        guard let network = on == nil ? site.networks.first : site.networks.first(where: { $0.interface == on }) else {
            throw CommandError(
                kind: .usage, subject: on ?? "", message: "is none of the site's networks",
                remedy: "they are: \(site.networks.map(\.interface).joined(separator: ", "))")
        }
        let (address, own) = Self.address(of: network)
        let (systems, missing) = try existing(workspace)
        for name in missing {
            workspace.terminal.message("'\(name)' is not built yet, so it is not served here: bootferry build \(name)")
        }
        var policy = BootPolicy(
            serverAddress: address, httpPort: site.httpPort, site: site, systems: systems,
            templates: try workspace.data.templates())
        policy.httpsPort = site.https?.port
        policy.provisions = try SiteSource.provisions(
            for: site, in: workspace.store.directory, makesSecret: false)
        policy.generations =
            try GenerationWatch(
                systems: systems.keys.sorted(), store: workspace.store, platforms: workspace.data.platforms()
            ) { [terminal = workspace.terminal] in terminal.message($0) }.changes() ?? [:]
        if let otherServer {
            workspace.terminal.result(policy.configuration(of: otherServer, tftpPort: site.tftpPort))
            return
        }
        guard let mac = explain.flatMap(MACAddress.init) else {
            throw ValidationError("--explain takes a MAC address, such as 52:54:00:12:34:56, found '\(explain ?? "")'")
        }
        if let uuid, MachineUUID(uuid) == nil {
            throw ValidationError("--uuid takes a UUID as dmidecode prints it, found '\(uuid)'")
        }
        var dhcp = mode ?? network.dhcp
        if dhcp == .auto {
            workspace.terminal.message(
                "'auto' looks for another server first; this is without one, '--as proxy' beside one")
            dhcp = .full
        }
        policy.isProxy = dhcp == .proxy
        var lending = network.lending
        if lending.ranges.isEmpty, network.relayed.isEmpty, let range = Subnet.upperHalf(of: own, without: address) {
            lending.ranges = [range]
        }
        let subnets =
            [Subnet(network: own, serverAddress: address, lending: lending)]
            + network.relayed.map {
                Subnet(network: $0.network, serverAddress: address, lending: $0.lending, isOwn: false)
            }
        let remembered = try LeaseDatabase(path: workspace.store.directory.leases()).load()
        policy.seen = SightingsFile(path: workspace.store.directory.sightings).load()
        let known = policy.seen.machine(mac)
        let architecture = ClientArchitecture(rawValue: arch)
        let explanation = Explanation.play(
            Machine(mac: mac, uuid: uuid.flatMap(MachineUUID.init) ?? known.uuid, serial: serial ?? known.serial),
            firmware: firmware ?? (architecture.row?.isHTTP == true ? .http : .pxe), architecture: architecture,
            policy: policy,
            responder: dhcp == .off
                ? nil : DHCPResponder(mode: dhcp == .full ? .full : .proxy, subnets: subnets, remembered: remembered),
            attempts: try BootLogFiles.attempts(below: workspace.store.directory.netboot),
            interface: network.interface, relay: try relay.map(QuickSiteOptions.address),
            now: .seconds(secondsSince1970()))
        workspace.terminal.result(
            workspace.json ? try encodeJSON(explanation) : explanation.rendered())
    }

    /// The server's address on a network: as written, else the interface's, else one for examples (RFC 5737).
    private static func address(of network: SiteNetwork) -> (IPv4Address, IPv4Network) {
        let found = try? NetworkInterface(named: network.interface).address
        let address = network.address ?? found.map { IPv4Address(value: $0.value) } ?? IPv4Address(value: 0xc000_0201)
        return (address, IPv4Network(containing: address, prefixLength: found?.prefixLength ?? 24))
    }
}
