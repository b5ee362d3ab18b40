import ArgumentParser
import BootPolicy
import BootProtocols
import Dispatch
import Glibc
import LinuxCalls
import Logging
import NetbootServer
import OpenSSL
import SystemModel
import SystemPackage

extension UEFILoader: ExpressibleByArgument {}
extension SiteNetwork.DHCPMode: ExpressibleByArgument {}

/// `bootferry serve`: whatever boots from the network there gets what the site says.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a site, or one system to every machine that boots from a network.",
        discussion: """
            A site file says which interfaces to serve on, which systems there are, and which machine gets what;
            'netboot/site.yaml' is one to start from. With a system and an interface instead, every machine there gets
            that system. Systems are built if need be. Then DHCP, TFTP and HTTP are answered, and each boot is shown as
            it goes, from its first packet to the system's phone-home. Ctrl-C ends it.

            DHCP
              auto   look for another DHCP server first: beside one, serve as a proxy, which gives out no addresses;
                     where there is none, be the DHCP server, with the upper half of the interface's network
              proxy  boot data only, beside the DHCP server that is there
              full   be the DHCP server; refused where another one answers
              off    TFTP and HTTP only; '--other-server' prints what the DHCP server that is there must be told

            What a machine gets: BIOS gets iPXE by TFTP and then the system by HTTP; UEFI gets the system as one file,
            by TFTP or, with HTTP Boot, by HTTP (or HTTPS, where a certificate is given and the site says so). A node of a site also gets its hostname, a machine-id and an SSH host key
            that it keeps from boot to boot, and its own files; secret ones, and the key, once a boot, for a token of that
            boot, after its system has started. The files are read when the server starts. While it runs it takes over
            what changes in the site file or the nodes file of nodes, groups and unknown machines, and reads their files
            again then; all else needs a new start. A GRUB of another server's may ask here for its grub/grub.cfg. '--explain' prints what one machine would be told, packet by packet, and opens
            no socket.

            '--binary-cache' gives the store itself, every object of it, to whoever asks: a Nix binary cache, at
            http://ADDRESS:PORT/binary-cache, that builds elsewhere take what is built here from.

              bootferry serve netboot/site.yaml
              bootferry serve netboot/site.yaml --explain 52:54:00:12:34:56 --arch 7
              bootferry serve netboot/site.yaml --other-server dnsmasq
              bootferry serve lab-node --interface eth1
              bootferry serve lab-node --interface eth1 --dhcp full --range 10.0.0.100-10.0.0.199
            """)

    @Argument(help: ArgumentHelp("A site file, or a system.", valueName: "site"))
    var subject: String
    @Flag(name: .customLong("no-build"), help: "Serve the newest generations there are, such as were imported.")
    var noBuild = false
    @OptionGroup(title: "Explaining") var explaining: ExplainOptions
    @OptionGroup(title: "Serving one system") var quick: QuickSiteOptions
    @OptionGroup(title: "Serving one system by HTTPS") var quickHTTPS: QuickHTTPSOptions
    @OptionGroup var page: PageOptions
    @OptionGroup(title: "Serving the store") var cache: BinaryCacheOptions
    @OptionGroup var process: ServerProcessOptions
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        if try SiteSource.isSite(subject) {
            try quick.refuse(for: subject, besides: quickHTTPS.given)
            let workspace = try Workspace(options)
            let source =
                try noBuild
                ? SiteSource(site: SiteSource.read(subject), systems: [])
                : SiteSource(subject, data: workspace.data)
            if explaining.isAsked { return try explaining.run(source, workspace) { try existing(of: source, in: $0) } }
            // Before a build: what cannot be read should not cost one.
            let provisions = try SiteSource.provisions(for: source.site, in: workspace.store.directory)
            let tls = try SiteSource.tls(for: source.site)
            for line in SiteSource.openSecrets(of: source.site) { workspace.terminal.message(line) }
            return try await serve(
                source.site, try await images(of: source, in: workspace), provisions, tls, workspace)
        }
        // The interface first: a typing error should not cost a build.
        var site = try quick.site()
        site.https = try quickHTTPS.settings(beside: site.httpPort)
        site.offersHTTPS = quickHTTPS.https
        let tls = try SiteSource.tls(for: site)
        let workspace = try Workspace(options)
        // Of an imported system, the configuration may not be here.
        let isKnown = try noBuild && !workspace.store.generationNumbers(of: subject).isEmpty
        let system = try isKnown ? nil : SystemSource(subject, data: workspace.data)
        let name = system?.system.name ?? subject
        site.systems = [SiteSystem(name: name, source: subject, position: .init(file: subject, line: 1, column: 1))]
        site.unknown = UnknownMachines(answer: .system, system: name)
        let source = SiteSource(site: site, systems: system.map { [(name, $0)] } ?? [])
        if explaining.isAsked { return try explaining.run(source, workspace) { try existing(of: source, in: $0) } }
        try await serve(site, try await images(of: source, in: workspace), nil, tls, workspace)
    }

    /// Every system's image: built where need be, or, without building, as it is here.
    private func images(of source: SiteSource, in workspace: Workspace) async throws -> [String: ServedSystem] {
        if noBuild { return try SiteSource.imported(source.site.systems.map(\.name), in: workspace) }
        return try await source.published(in: workspace, mirror: mirror)
    }

    private func existing(
        of source: SiteSource, in workspace: Workspace
    ) throws -> (systems: [String: ServedSystem], missing: [String]) {
        noBuild
            ? (try SiteSource.imported(source.site.systems.map(\.name), in: workspace), [])
            : try source.existing(in: workspace)
    }

    private func serve(
        _ site: Site, _ systems: [String: ServedSystem], _ provisions: NodeProvisions?, _ tls: TLSServer?,
        _ workspace: Workspace
    ) async throws {
        let directory = workspace.store.directory
        var configuration = NetbootConfiguration(
            site: site, systems: systems, templates: try workspace.data.templates(),
            storeDirectory: directory.store,
            leaseDatabase: directory.leases(of: site.networks.map(\.interface).joined(separator: "+")),
            sightings: directory.sightings,
            bootLog: BootLogFiles.directory(
                below: directory.netboot, interface: site.networks.map(\.interface).joined(separator: "+")))
        let watch = GenerationWatch(
            systems: systems.keys.sorted(), store: workspace.store, platforms: try workspace.data.platforms()
        ) { [terminal = workspace.terminal] in terminal.message($0) }
        configuration.generations = { try watch.changes() }
        if !site.path.isEmpty {
            let nodes = NodesWatch(site: site, secret: try SiteSource.secret(in: directory))
            configuration.nodes = { try nodes.changes() }
        }
        configuration.provisions = provisions
        configuration.tls = tls
        configuration.page = try page.configuration(workspace, site: site)
        let offered = try cache.offered(in: workspace)
        if let store = offered?.store { configuration.binaryCache = { try store.file(named: $0) } }
        configuration.tftpSinglePort = process.tftpSinglePort
        configuration.rights = try process.rights(
            directory, systems: systems.keys.sorted(), actsOnPage: configuration.page?.token != nil)
        let (terminal, settings) = (workspace.terminal, configuration)
        let server = Task {
            try await NetbootServer.run(
                settings, surroundings: .host,
                logger: Logger(label: "serve") { _ in TerminalLog(terminal: terminal) },
                show: { terminal.result($0) },
                ready: { listening in
                    for network in listening.networks {
                        terminal.message(Self.line(network))
                        if let offered {
                            terminal.message(
                                "the store: http://\(network.address):\(network.httpPort)/binary-cache, signed by \(offered.key)"
                            )
                        }
                    }
                    if let page = listening.page { terminal.message("the page: http://\(page)/") }
                    if let rights = listening.rights {
                        terminal.message("as user \(rights.user), without capabilities and unable to gain any")
                    }
                    terminal.message("Ctrl-C ends it")
                })
        }
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { server.cancel() }
            source.resume()
            return source
        }
        defer {
            for signal in signals { signal.cancel() }
        }
        try await server.value
    }

    private static func line(_ network: NetbootServer.Listening.Network) -> String {
        let ranges = network.ranges.map { "\($0.lowerBound) to \($0.upperBound)" }.joined(separator: ", ")
        let mode =
            switch network.dhcp {
            case .full, .auto: "DHCP for \(ranges.isEmpty ? "nodes with an address of their own" : ranges)"
            case .proxy: network.otherServer.map { "proxyDHCP beside \($0)" } ?? "proxyDHCP"
            case .off: "no DHCP"
            }
        return "serving on \(network.interface), \(network.address): \(mode), TFTP port \(network.tftpPort), "
            + "HTTP port \(network.httpPort)" + (network.httpsPort.map { ", HTTPS port \($0)" } ?? "")
    }
}

/// What a site file says, for one interface on the command line.
struct QuickSiteOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The interface to serve on; nothing is served on any other.", valueName: "name"))
    var interface: String?
    @Option(help: "auto, proxy, full or off; auto by default.")
    var dhcp: SiteNetwork.DHCPMode?
    @Option(help: ArgumentHelp("Addresses to give out as a full DHCP server.", valueName: "first-last"))
    var range: String?
    @Option(help: ArgumentHelp("The router to tell clients of, as a full DHCP server.", valueName: "address"))
    var router: String?
    @Option(help: ArgumentHelp("A name server to tell clients of; may be given several times.", valueName: "address"))
    var dns: [String] = []
    @Option(help: ArgumentHelp("How long an address is lent; 3600 by default.", valueName: "seconds"))
    var lease: Int?
    @Option(help: ArgumentHelp("The port for HTTP; 8080 by default.", valueName: "port"))
    var httpPort: Int?
    @Option(help: ArgumentHelp("The port for TFTP; firmware asks on 69.", valueName: "port"))
    var tftpPort: Int?
    @Option(help: "What UEFI machines get by PXE: 'uki', the system as one file, or 'ipxe', which then uses HTTP.")
    var uefiLoader: UEFILoader?
    @Flag(help: "Answer IPv6 router solicitations with 'no router here', which saves iPXE 13 s; never as a proxy.")
    var routerAdvertisements = false
    @Flag(help: "Be a full DHCP server even where another one answers.")
    var authoritative = false

    /// A site file says all of this itself.
    func refuse(for path: String, besides others: [(String, Bool)]) throws {
        let given: [(String, Bool)] =
            [
                ("--interface", interface != nil), ("--dhcp", dhcp != nil), ("--range", range != nil),
                ("--router", router != nil), ("--dns", !dns.isEmpty), ("--lease", lease != nil),
                ("--http-port", httpPort != nil), ("--tftp-port", tftpPort != nil),
                ("--uefi-loader", uefiLoader != nil), ("--router-advertisements", routerAdvertisements),
                ("--authoritative", authoritative),
            ] + others
        if let option = given.first(where: \.1)?.0 {
            throw ValidationError("'\(path)' is a site file, which says that itself: leave '\(option)' out")
        }
    }

    /// What the site file's keys of these names may be.
    func validate() throws {
        func check(_ value: Int?, _ range: ClosedRange<Int>, _ option: String) throws {
            if let value, !range.contains(value) {
                throw ValidationError(
                    "\(option) takes a number from \(range.lowerBound) to \(range.upperBound), found \(value)")
            }
        }
        try check(lease, 60...Int(UInt32.max) - 1, "--lease")
        try check(httpPort, 1...65535, "--http-port")
        try check(tftpPort, 1...65535, "--tftp-port")
    }

    /// The site without its system.
    func site() throws -> Site {
        guard let interface else {
            throw ValidationError("a system is served on an interface that you name: --interface eth1")
        }
        _ = try NetworkInterface(named: interface)
        let lending = AddressLending(
            ranges: try range.map { [try Self.range($0)] } ?? [], router: try router.map(Self.address),
            nameServers: try dns.map(Self.address), leaseSeconds: lease ?? SiteDefaults.leaseSeconds)
        let network = SiteNetwork(
            interface: interface, dhcp: dhcp ?? .auto, isAuthoritative: authoritative, lending: lending,
            routerAdvertisements: routerAdvertisements)
        return Site(
            path: "", networks: [network], httpPort: httpPort ?? SiteDefaults.httpPort,
            tftpPort: tftpPort ?? SiteDefaults.tftpPort, uefiLoader: uefiLoader ?? .uki)
    }

    static func address(_ text: String) throws -> IPv4Address {
        guard let address = IPv4Address(text) else {
            throw ValidationError("expected an IPv4 address, found '\(text)'")
        }
        return address
    }

    private static func range(_ range: String) throws -> ClosedRange<IPv4Address> {
        let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { IPv4Address(String($0)) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last,
            last.value - first.value < 65536
        else {
            throw ValidationError(
                "--range takes two IPv4 addresses, such as 10.0.0.100-10.0.0.199, at most 65536 apart, found '\(range)'"
            )
        }
        return first...last
    }
}

/// The server's warnings, among the lines of the boots.
struct TerminalLog: LogHandler {
    let terminal: Terminal
    var logLevel = Logger.Level.notice
    var metadata: Logger.Metadata = [:]

    init(terminal: Terminal) { self.terminal = terminal }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        // Some of it is a client's own words, which must not reach the terminal as commands.
        let text = "\(event.level): \(event.message)\(details)"
        terminal.message(String(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.map(Character.init)))
    }
}
