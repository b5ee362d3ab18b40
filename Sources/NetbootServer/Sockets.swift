import BootPolicy
import BootProtocols
import Foundation
import LinuxCalls
import Logging
import NIOCore
import NIOPosix
import OpenSSL
import SystemModel

/// The sockets of a running server. All are bound first; then the server gives up what it needed for that, and only then
/// reads its own files and begins to hear.
struct Sockets {
    var channels: [any Channel] = []
    var state: ServerState?
    var advertisers: [RouterAdvertiser] = []
    var ipv6Listeners: [DHCPv6Listener] = []
    var watches: [AddressWatch] = []
    var listening = NetbootServer.Listening(networks: [])

    mutating func open(
        _ configuration: NetbootConfiguration, group: any EventLoopGroup, pool: NIOThreadPool,
        loops: DataLoops, surroundings: NetbootSurroundings, logger: Logger, show: @escaping @Sendable (String) -> Void,
        booted: @escaping @Sendable (BootAttempt) -> Void
    ) async throws {
        var bound: [BoundNetwork] = []
        for network in configuration.site.networks {
            let settled = try await SettledNetwork(network, pool: pool, now: surroundings.now)
            bound.append(
                try BoundNetwork(
                    settled, configuration.ports, hasTLS: configuration.tls != nil, logger))
        }
        configuration.tls?.warn(bound.map(\.network), at: surroundings.now(), logger)
        guard !bound.isEmpty else {
            throw NetbootServerError(
                kind: .usage, subject: "", message: "no network interface was named, so nothing is served",
                remedy: "name one: --interface eth1")
        }
        let page = try configuration.page.map { try $0.bind() }
        // Before any file that the server writes is opened: root must not trust what an unprivileged server left.
        listening.rights = try configuration.rights?.giveUp(logger)
        let database = configuration.leaseDatabase.map(LeaseDatabase.init(path:))
        let state = try makeState(configuration, bound, database, surroundings, logger, show, booted)
        self.state = state
        if bound.contains(where: { $0.network.dhcp == .full }) { state.keep(try database?.own() ?? []) }
        if let path = configuration.sightings { state.remember(SightingsFile(path: path).load(logger)) }
        try state.refreshGenerations()
        if let directory = configuration.bootLog { try state.keepRecords(in: directory, pool: pool) }
        for (place, network) in bound.enumerated() {
            // HTTP and TFTP first, so that no client is offered what is not yet there.
            try await hearHTTP(network, place, configuration.tls, state, loops)
            try await hearTFTP(configuration, network, place, state, loops)
            listening.networks.append(network.listening)
        }
        for (place, network) in bound.enumerated() {
            try await hearDHCP(network, place, state, database, group, pool, logger)
            if let socket = network.router, let mac = network.network.mac {
                advertise(socket, mac, network.network.ipv6?.prefix, logger)
            }
            if let socket = network.dhcp6 {
                let listener = DHCPv6Listener(socket: socket, state: state, network: place)
                ipv6Listeners.append(listener)
                Thread.detachNewThread { listener.run() }
            }
        }
        if let page, let settings = configuration.page {
            let listener = PageListener(
                state: state, configuration: settings, pool: pool, started: surroundings.now())
            let channel = try await listener.open(page, group: group)
            channels.append(channel)
            listening.page = "\(settings.address):\(channel.localAddress?.port ?? settings.port)"
        }
    }

    private func makeState(
        _ configuration: NetbootConfiguration, _ bound: [BoundNetwork], _ database: LeaseDatabase?,
        _ surroundings: NetbootSurroundings, _ logger: Logger, _ show: @escaping @Sendable (String) -> Void,
        _ booted: @escaping @Sendable (BootAttempt) -> Void
    ) throws -> ServerState {
        var policy = BootPolicy(
            serverAddress: bound[0].network.address, httpPort: bound[0].httpPort, site: configuration.site,
            systems: configuration.systems, templates: configuration.templates)
        policy.provisions = configuration.provisions
        let remembered = bound.contains { $0.network.dhcp == .full } ? try database?.load() : nil
        let places = bound.map { bound in
            ServerState.Place(
                interface: bound.network.interface.name, address: bound.network.address,
                isProxy: bound.network.dhcp == .proxy, httpPort: bound.httpPort, httpsPort: bound.httpsPort,
                responder: bound.network.dhcp == .off
                    ? nil
                    : DHCPResponder(
                        mode: bound.network.dhcp == .full ? .full : .proxy, subnets: bound.network.subnets,
                        remembered: remembered), ipv6: bound.network.responder6)
        }
        return ServerState(
            policy: policy, places: places, configuration: configuration, surroundings: surroundings,
            logger: logger, show: show, booted: booted)
    }

    private func hearHTTP(
        _ bound: BoundNetwork, _ place: Int, _ tls: TLSServer?, _ state: ServerState, _ loops: DataLoops
    ) async throws {
        func port(isIPv6: Bool, _ tls: TLSServer? = nil) -> HTTPPort {
            HTTPPort(network: place, isIPv6: isIPv6, tls: tls)
        }
        for (held, port) in [
            (bound.http, port(isIPv6: false)), (bound.http6, port(isIPv6: true)),
            (bound.https, port(isIPv6: false, tls)), (bound.https6, port(isIPv6: true, tls)),
        ] {
            guard let socket = held?.take() else { continue }
            let register = HTTPListener.Register()
            for (index, loop) in loops.all.enumerated() {
                try await loop.run { loop in
                    _ = try HTTPListener(
                        socket: socket, ownsSocket: index == 0, register: register, port: port, state: state,
                        loop: loop)
                }
            }
        }
    }

    private func hearTFTP(
        _ configuration: NetbootConfiguration, _ bound: BoundNetwork, _ place: Int, _ state: ServerState,
        _ loops: DataLoops
    ) async throws {
        let network = bound.network
        let (interface, address, mtu) = (network.interface.name, network.address.value, network.interface.mtu)
        try await hearTFTP(
            bound.tftp, .init(mtu: mtu), configuration, place, state, loops
        ) { () throws(NetworkCallError) in
            try InterfaceSocket(interface: interface, address: address, port: 0, for: .datagrams)
        }
        guard let address = network.ipv6?.address.bytes else { return }
        try await hearTFTP(
            bound.tftp6, .init(mtu: mtu, header: 40), configuration, place, state, loops
        ) { () throws(NetworkCallError) in
            try InterfaceSocket(interface: interface, address: address, port: 0, for: .datagrams)
        }
    }

    private func hearTFTP(
        _ held: HeldSocket?, _ limits: TFTP.ReadTransfer.Limits, _ configuration: NetbootConfiguration, _ place: Int,
        _ state: ServerState, _ loops: DataLoops, open: @escaping TFTPListener.Opening
    ) async throws {
        guard let socket = held?.take() else { return }
        let sharesPort = configuration.tftpSinglePort
        try await loops.all[0].run { loop in
            _ = try TFTPListener(
                socket: socket, sharesPort: sharesPort, limits: limits, network: place, state: state, loops: loops,
                loop: loop, open: open)
        }
    }

    private mutating func hearDHCP(
        _ bound: BoundNetwork, _ place: Int, _ state: ServerState, _ database: LeaseDatabase?,
        _ group: any EventLoopGroup, _ pool: NIOThreadPool, _ logger: Logger
    ) async throws {
        let lends = bound.network.dhcp == .full
        let watch = watch(bound, place, state, database, pool, logger)
        for (held, role) in bound.dhcp {
            guard let socket = held.take() else { continue }
            let handler = DHCPHandler(
                state: state, database: lends ? database : nil, pool: pool, port: role, network: place, watch: watch)
            channels.append(
                try await DatagramBootstrap(group: group)
                    .channelInitializer { $0.pipeline.addHandler(handler) }
                    .withBoundSocket(socket).get())
        }
    }

    /// Looks whether lent addresses are in use by others.
    private mutating func watch(
        _ bound: BoundNetwork, _ place: Int, _ state: ServerState, _ database: LeaseDatabase?,
        _ pool: NIOThreadPool, _ logger: Logger
    ) -> AddressWatch? {
        guard let mac = bound.network.mac, let socket = bound.arp else { return nil }
        let watch = AddressWatch(socket: socket, mac: mac, logger: logger) { address, other in
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
    }

    private mutating func advertise(
        _ socket: RouterSocket, _ mac: MACAddress, _ prefix: IPv6Prefix?, _ logger: Logger
    ) {
        let advertiser = RouterAdvertiser(socket: socket, mac: mac, prefix: prefix, logger: logger)
        advertisers.append(advertiser)
        Thread.detachNewThread { advertiser.run() }
    }
}

extension TLSServer {
    /// Says what firmware will hold against the certificate.
    fileprivate func warn(_ networks: [SettledNetwork], at now: Duration, _ logger: Logger) {
        switch validity(at: Int(clamping: now.components.seconds)) {
        case .notYet: logger.warning("the HTTPS certificate does not hold yet, by this host's clock")
        case .over: logger.warning("the HTTPS certificate has expired: firmware that looks at it will refuse it")
        case .valid: break
        }
        for network in networks {
            let addresses =
                [("\(network.address)", network.address.bytes)]
                + (network.ipv6.map { [("\($0.address)", $0.address.bytes)] } ?? [])
            for (name, bytes) in addresses where !isFor(address: bytes) {
                logger.warning(
                    "the HTTPS certificate is not made out to \(name), by which firmware is told to ask for files",
                    metadata: ["remedy": "add it as a subject alternative name: IP:\(name)"])
            }
        }
    }
}

extension BoundNetwork {
    fileprivate var listening: NetbootServer.Listening.Network {
        .init(
            interface: network.interface.name, address: network.address, dhcp: network.dhcp,
            ranges: network.subnets.flatMap(\.lending.ranges), otherServer: network.otherServer, httpPort: httpPort,
            httpsPort: httpsPort, tftpPort: tftpPort)
    }
}
