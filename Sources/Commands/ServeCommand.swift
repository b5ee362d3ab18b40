import ArgumentParser
import BootPolicy
import BootProtocols
import Dispatch
import Glibc
import LinuxCalls
import Logging
import NetbootServer
import SystemModel
import SystemPackage

extension BootPolicy.UEFILoader: ExpressibleByArgument {}

/// `bootferry serve`: whatever boots from the network there gets this system.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a system to every machine that boots from a network.",
        discussion: """
            Builds the system if need be, then answers DHCP, TFTP and HTTP on the one interface that you name, and shows
            each boot as it goes, from its first packet to the system's phone-home. Ctrl-C ends it.

            DHCP
              auto   look for another DHCP server first: beside one, serve as a proxy, which gives out no addresses;
                     where there is none, be the DHCP server, with the upper half of the interface's network
              proxy  boot data only, beside the DHCP server that is there
              full   be the DHCP server; refused where another one answers
              off    TFTP and HTTP only

            What a machine gets: BIOS gets iPXE by TFTP and then the system by HTTP; UEFI gets the system as one file,
            by TFTP or, with HTTP Boot, by HTTP.

              bootferry serve lab-node --interface eth1
              bootferry serve lab-node --interface eth1 --dhcp full --range 10.0.0.100-10.0.0.199
            """)

    enum DHCPMode: String, ExpressibleByArgument, CaseIterable { case auto, proxy, full, off }

    @Argument(help: "The system.")
    var system: String
    @Option(help: ArgumentHelp("The interface to serve on; nothing is served on any other.", valueName: "name"))
    var interface: String
    @Option(help: "auto, proxy, full or off.")
    var dhcp = DHCPMode.auto
    @Option(help: ArgumentHelp("Addresses to give out as a full DHCP server.", valueName: "first-last"))
    var range: String?
    @Option(help: ArgumentHelp("The router to tell clients of, as a full DHCP server.", valueName: "address"))
    var router: String?
    @Option(help: ArgumentHelp("A name server to tell clients of; may be given several times.", valueName: "address"))
    var dns: [String] = []
    @Option(help: ArgumentHelp("How long an address is lent.", valueName: "seconds"))
    var lease = 3600
    @Option(help: ArgumentHelp("The port for HTTP.", valueName: "port"))
    var httpPort = 8080
    @Option(help: ArgumentHelp("The port for TFTP; firmware asks on 69.", valueName: "port"))
    var tftpPort = 69
    @Option(help: "What UEFI machines get by PXE: 'uki', the system as one file, or 'ipxe', which then uses HTTP.")
    var uefiLoader = BootPolicy.UEFILoader.uki
    @Flag(help: "Answer IPv6 router solicitations with 'no router here', which saves iPXE 13 s; never as a proxy.")
    var routerAdvertisements = false
    @Flag(help: "Be a full DHCP server even where another one answers.")
    var authoritative = false
    @OptionGroup var page: PageOptions
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        // The interface first: a typing error should not cost a build.
        let found = try NetworkInterface(named: interface)
        let mode: NetbootConfiguration.Mode =
            switch dhcp {
            case .off: .off
            case .proxy: .proxy
            case .auto, .full: .full(range: try addressRange(of: found))
            }
        let (router, nameServers) = (try router.map(address), try dns.map(address))
        let workspace = try Workspace(options)
        let pipeline = SystemPipeline(
            source: try SystemSource(system, data: workspace.data), workspace: workspace, mirror: mirror)
        let before = try workspace.store.latestGeneration(of: pipeline.source.system.name)
        let image = try await pipeline.publishedImage()
        try publish(image, isNew: before?.number != image.generation.number, workspace)
        let watch = GenerationWatch(systems: [image.manifest.system], store: workspace.store)
        var configuration = NetbootConfiguration(
            interface: interface, mode: mode,
            ports: .init(http: httpPort, tftp: tftpPort), routerAdvertisements: routerAdvertisements,
            isAuthoritative: authoritative, router: router, nameServers: nameServers, leaseSeconds: lease,
            uefiLoader: uefiLoader, everyone: try image.served(),
            templates: try workspace.data.templates(), storeDirectory: workspace.store.directory.store,
            leaseDatabase: workspace.store.directory.path.appending("leases-\(interface).json"),
            bootLog: BootLogFiles.directory(below: workspace.store.directory.netboot, interface: interface))
        configuration.generations = { try watch.changes() }
        configuration.page = try page.configuration(workspace)
        do {
            try await serve(configuration, workspace.terminal)
        } catch let error as NetbootServerError {
            guard dhcp == .auto, let other = error.otherServer else { throw error }
            workspace.terminal.message("another DHCP server, \(other), gives out addresses on \(interface)")
            configuration.mode = .proxy
            try await serve(configuration, workspace.terminal)
        }
    }

    /// What was just built is served; what was published or rolled back before stays as it is.
    private func publish(_ image: BuiltImage, isNew: Bool, _ workspace: Workspace) throws {
        let (name, number) = (image.manifest.system, image.generation.number)
        let known = try workspace.store.rollout(of: name)
        if let known, !isNew, known.generation != number {
            let trial = known.trial.map { ", \($0.audience) get \($0.generation)" } ?? ""
            return workspace.terminal.message(
                "\(name): new boots get generation \(known.generation)\(trial); 'bootferry publish \(system)' gives all of "
                    + "them \(number)")
        }
        guard isNew || known == nil else { return }
        try workspace.store.roll(out: name) { _ in
            Rollout(system: name, generation: number, since: Double(secondsSince1970()))
        }
    }

    private func serve(_ configuration: NetbootConfiguration, _ terminal: Terminal) async throws {
        let server = Task {
            try await NetbootServer.run(
                configuration, surroundings: .host,
                logger: Logger(label: "serve") { _ in TerminalLog(terminal: terminal) },
                show: { terminal.result($0) },
                ready: { listening in
                    let mode =
                        switch configuration.mode {
                        case .full(let range): "DHCP for \(range.lowerBound) to \(range.upperBound)"
                        case .proxy: "proxyDHCP"
                        case .off: "no DHCP"
                        }
                    terminal.message(
                        "serving on \(configuration.interface), \(listening.address): \(mode), TFTP port "
                            + "\(listening.tftpPort), HTTP port \(listening.httpPort); Ctrl-C ends it")
                    if let page = listening.page { terminal.message("the page: http://\(page)/") }
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

    private func address(_ text: String) throws -> IPv4Address {
        guard let address = IPv4Address(text) else {
            throw ValidationError("expected an IPv4 address, found '\(text)'")
        }
        return address
    }

    /// The range asked for, or the upper half of the interface's network without its broadcast address.
    private func addressRange(of interface: NetworkInterface) throws -> ClosedRange<IPv4Address> {
        if let range {
            let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { IPv4Address(String($0)) }
            guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
                throw ValidationError(
                    "--range takes two IPv4 addresses, such as 10.0.0.100-10.0.0.199, found '\(range)'")
            }
            return first...last
        }
        guard let (address, prefix) = interface.address else {
            throw CommandError(
                kind: .host, subject: "interface '\(interface.name)'", message: "has no IPv4 address",
                remedy: "ip address add 10.77.0.1/24 dev \(interface.name)")
        }
        guard (8...29).contains(prefix) else {
            throw ValidationError("\(interface.name)'s network /\(prefix) has no room to choose a range; give --range")
        }
        let size = UInt32(1) << (32 - prefix)
        let network = address & ~(size - 1)
        let half = network + size / 2
        return IPv4Address(value: half + (half == address ? 1 : 0))...IPv4Address(value: network + size - 2)
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
