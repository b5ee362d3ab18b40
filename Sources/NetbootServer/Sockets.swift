import BootPolicy
import BootProtocols
import Foundation
import Glibc
import LinuxCalls
import Logging
import NIOCore
import NIOPosix
import SystemModel

/// The sockets of a running server, in the order they are opened: HTTP and TFTP first, so that no client is offered what
/// is not yet there.
struct Sockets {
    var channels: [any Channel] = []
    var state: ServerState?
    var advertisers: [RouterAdvertiser] = []
    var watches: [AddressWatch] = []
    var listening = NetbootServer.Listening(networks: [])

    mutating func open(
        _ configuration: NetbootConfiguration, group: any EventLoopGroup, pool: NIOThreadPool,
        loops: DataLoops, surroundings: NetbootSurroundings, logger: Logger, show: @escaping @Sendable (String) -> Void,
        booted: @escaping @Sendable (BootAttempt) -> Void
    ) async throws {
        var networks: [SettledNetwork] = []
        for network in configuration.site.networks {
            networks.append(try await SettledNetwork(network, pool: pool, now: surroundings.now))
        }
        guard let first = networks.first else {
            throw NetbootServerError(
                kind: .usage, subject: "", message: "no network interface was named, so nothing is served",
                remedy: "name one: --interface eth1")
        }
        var policy = BootPolicy(
            serverAddress: first.address, httpPort: configuration.ports.http, site: configuration.site,
            systems: configuration.systems, templates: configuration.templates)
        policy.provisions = configuration.provisions
        let database = configuration.leaseDatabase.map(LeaseDatabase.init(path:))
        let remembered = networks.contains { $0.dhcp == .full } ? try database?.load() : nil
        let places = networks.map { network in
            ServerState.Place(
                interface: network.interface.name, address: network.address, isProxy: network.dhcp == .proxy,
                httpPort: configuration.ports.http,
                responder: network.dhcp == .off
                    ? nil
                    : DHCPResponder(
                        mode: network.dhcp == .full ? .full : .proxy, subnets: network.subnets,
                        remembered: remembered))
        }
        let state = ServerState(
            policy: policy, places: places, configuration: configuration, surroundings: surroundings,
            logger: logger, show: show, booted: booted)
        self.state = state
        if let path = configuration.sightings { state.remember(SightingsFile(path: path).load(logger)) }
        try state.refreshGenerations()
        if let directory = configuration.bootLog { try state.keepRecords(in: directory, pool: pool) }
        for (place, network) in networks.enumerated() {
            let httpPort = try await openHTTP(configuration, network, place, state, loops)
            let tftpPort = try await openTFTP(configuration, network, place, state, loops)
            listening.networks.append(
                .init(
                    interface: network.interface.name, address: network.address, dhcp: network.dhcp,
                    ranges: network.subnets.flatMap(\.lending.ranges), otherServer: network.otherServer,
                    httpPort: httpPort, tftpPort: tftpPort))
        }
        for (place, network) in networks.enumerated() where network.dhcp != .off {
            try await openDHCP(configuration, network, place, state, database, group, pool, logger)
            if network.written.routerAdvertisements, network.dhcp != .proxy, let mac = network.mac {
                try advertise(network.interface, mac, logger)
            }
        }
        if let page = configuration.page { try await openPage(page, state, group, pool, started: surroundings.now()) }
    }

    private func openHTTP(
        _ configuration: NetbootConfiguration, _ network: SettledNetwork, _ place: Int, _ state: ServerState,
        _ loops: DataLoops
    ) async throws -> Int {
        let port = configuration.ports.http
        do {
            let opened = try InterfaceSocket(
                interface: network.interface.name, address: network.address.value, port: port, for: .connections)
            let chosen = opened.localPort ?? port
            state.serve(onHTTPPort: chosen, network: place)
            let socket = opened.handOver()
            let register = HTTPListener.Register()
            for (index, loop) in loops.all.enumerated() {
                try await loop.run { loop in
                    _ = try HTTPListener(
                        socket: socket, ownsSocket: index == 0, register: register, network: place, state: state,
                        loop: loop)
                }
            }
            return chosen
        } catch let error as NetworkCallError where error.errorNumber == EADDRINUSE {
            throw Self.portTaken("TCP port \(port)", "--http-port", error)
        }
    }

    private func openTFTP(
        _ configuration: NetbootConfiguration, _ network: SettledNetwork, _ place: Int, _ state: ServerState,
        _ loops: DataLoops
    ) async throws -> Int {
        let port = configuration.ports.tftp
        do {
            let opened = try InterfaceSocket(
                interface: network.interface.name, address: network.address.value, port: port, for: .datagrams)
            let chosen = opened.localPort ?? port
            let socket = opened.handOver()
            let (interface, address, mtu) = (network.interface.name, network.address, network.interface.mtu)
            let sharesPort = configuration.tftpSinglePort
            try await loops.all[0].run { loop in
                _ = try TFTPListener(
                    socket: socket, sharesPort: sharesPort, interface: interface, serverAddress: address, mtu: mtu,
                    network: place, state: state, loops: loops, loop: loop)
            }
            return chosen
        } catch let error as NetworkCallError where error.errorNumber == EADDRINUSE {
            throw Self.portTaken("UDP port \(port)", "--tftp-port", error)
        }
    }

    private mutating func openPage(
        _ page: PageConfiguration, _ state: ServerState, _ group: any EventLoopGroup, _ pool: NIOThreadPool,
        started: Duration
    ) async throws {
        let channel = try await PageListener(state: state, configuration: page, pool: pool, started: started)
            .open(group: group)
        channels.append(channel)
        listening.page = "\(page.address):\(channel.localAddress?.port ?? page.port)"
    }

    private mutating func openDHCP(
        _ configuration: NetbootConfiguration, _ network: SettledNetwork, _ place: Int, _ state: ServerState,
        _ database: LeaseDatabase?, _ group: any EventLoopGroup, _ pool: NIOThreadPool, _ logger: Logger
    ) async throws {
        let isProxy = network.dhcp == .proxy
        let watch = isProxy ? nil : watch(network, place, state, database, pool, logger)
        var ports = [(configuration.ports.dhcp, DHCP.serverPort)]
        if isProxy { ports.append((configuration.ports.proxy, DHCP.proxyPort)) }
        for (port, role) in ports {
            let socket = try InterfaceSocket(interface: network.interface.name, port: port)
            let handler = DHCPHandler(
                state: state, database: isProxy ? nil : database, pool: pool, port: role, network: place, watch: watch)
            channels.append(
                try await DatagramBootstrap(group: group)
                    .channelInitializer { $0.pipeline.addHandler(handler) }
                    .withBoundSocket(socket.handOver()).get())
        }
    }

    /// Looks whether lent addresses are in use by others; without the right to, it does not, and says so.
    private mutating func watch(
        _ network: SettledNetwork, _ place: Int, _ state: ServerState, _ database: LeaseDatabase?,
        _ pool: NIOThreadPool, _ logger: Logger
    ) -> AddressWatch? {
        guard let mac = network.mac else { return nil }
        do {
            let watch = AddressWatch(
                socket: try ARPSocket(interface: network.interface), mac: mac, logger: logger
            ) { address, other in
                guard state.isTaken(address, by: other, on: place) else { return }
                logger.warning(
                    "a lent address is in use by another machine and is left alone for a while",
                    metadata: ["address": "\(address)", "by": "\(other)"])
                database?.save({ state.leases }, on: pool) { _ in }
            }
            watches.append(watch)
            // A thread of its own: the pool's are few, and for work that ends.
            Thread.detachNewThread { watch.run() }
            return watch
        } catch {
            logger.notice(
                "addresses are lent without a look whether others use them", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private mutating func advertise(
        _ interface: NetworkInterface, _ mac: MACAddress, _ logger: Logger
    ) throws {
        let advertiser = RouterAdvertiser(socket: try RouterSocket(interface: interface), mac: mac, logger: logger)
        advertisers.append(advertiser)
        Thread.detachNewThread { advertiser.run() }
    }

    private static func portTaken(_ what: String, _ option: String, _ error: NetworkCallError) -> NetbootServerError {
        NetbootServerError(
            subject: what, message: "cannot be bound", cause: error.cause,
            remedy: "stop the other server, or choose another with \(option)")
    }
}
