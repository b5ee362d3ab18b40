import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import Logging
import NIOCore
import NIOPosix

/// The sockets of a running server, in the order they are opened: HTTP and TFTP first, so that no client is offered what
/// is not yet there.
struct Sockets {
    var channels: [any Channel] = []
    var state: ServerState?
    var advertiser: RouterAdvertiser?
    var listening = NetbootServer.Listening(address: .unspecified, httpPort: 0, tftpPort: 0)

    mutating func open(
        _ configuration: NetbootConfiguration, interface: NetworkInterface, group: any EventLoopGroup,
        pool: NIOThreadPool, loops: DataLoops, surroundings: NetbootSurroundings, logger: Logger,
        show: @escaping @Sendable (String) -> Void, booted: @escaping @Sendable (BootAttempt) -> Void
    ) async throws {
        let network = try Self.network(configuration, interface)
        let mac = interface.hardwareAddress.flatMap(MACAddress.init(bytes:))
        if case .full = configuration.mode, !configuration.isAuthoritative, let mac {
            try await Self.refuseWhereAnotherServes(
                configuration, mac, network.serverAddress, pool,
                now: surroundings.now)
        }
        let isProxy = configuration.mode == .proxy
        var policy = BootPolicy(
            serverAddress: network.serverAddress, httpPort: configuration.ports.http,
            uefiLoader: configuration.uefiLoader,
            isProxy: isProxy, everyone: configuration.everyone, nodes: configuration.nodes,
            templates: configuration.templates)
        policy.groups = configuration.groups
        let database = configuration.leaseDatabase.map(LeaseDatabase.init(path:))
        let responder: DHCPResponder? =
            switch configuration.mode {
            case .full(let range):
                DHCPResponder(mode: .full(range: range), network: network, remembered: try database?.load())
            case .proxy: DHCPResponder(mode: .proxy, network: network)
            case .off: nil
            }
        let state = ServerState(
            policy: policy, responder: responder, configuration: configuration, surroundings: surroundings,
            logger: logger, show: show, booted: booted)
        self.state = state
        try state.refreshGenerations()
        if let directory = configuration.bootLog { try state.keepRecords(in: directory, pool: pool) }
        let httpPort = try await openHTTP(configuration, network.serverAddress, state, loops)
        let tftpPort = try await openTFTP(configuration, network.serverAddress, interface.mtu, state, loops)
        if responder != nil {
            try await openDHCP(configuration, isProxy: isProxy, state, isProxy ? nil : database, group, pool)
        }
        if configuration.routerAdvertisements, !isProxy, let mac { try advertise(interface, mac, pool, logger) }
        listening = NetbootServer.Listening(
            address: network.serverAddress, httpPort: httpPort, tftpPort: tftpPort)
        if let page = configuration.page { try await openPage(page, state, group, pool, started: surroundings.now()) }
    }

    private func openHTTP(
        _ configuration: NetbootConfiguration, _ address: IPv4Address, _ state: ServerState, _ loops: DataLoops
    ) async throws -> Int {
        let port = configuration.ports.http
        do {
            let opened = try InterfaceSocket(
                interface: configuration.interface, address: address.value, port: port, for: .connections)
            let chosen = opened.localPort ?? port
            state.serve(onHTTPPort: chosen)
            let socket = opened.handOver()
            let register = HTTPListener.Register()
            for (index, loop) in loops.all.enumerated() {
                try await loop.run { loop in
                    _ = try HTTPListener(
                        socket: socket, ownsSocket: index == 0, register: register, state: state, loop: loop)
                }
            }
            return chosen
        } catch let error as NetworkCallError where error.errorNumber == EADDRINUSE {
            throw Self.portTaken("TCP port \(port)", "--http-port", error)
        }
    }

    private func openTFTP(
        _ configuration: NetbootConfiguration, _ address: IPv4Address, _ mtu: Int, _ state: ServerState,
        _ loops: DataLoops
    ) async throws -> Int {
        let port = configuration.ports.tftp
        do {
            let opened = try InterfaceSocket(
                interface: configuration.interface, address: address.value, port: port, for: .datagrams)
            let chosen = opened.localPort ?? port
            let socket = opened.handOver()
            let interface = configuration.interface
            let sharesPort = configuration.tftpSinglePort
            try await loops.all[0].run { loop in
                _ = try TFTPListener(
                    socket: socket, sharesPort: sharesPort, interface: interface, serverAddress: address, mtu: mtu,
                    state: state, loops: loops, loop: loop)
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
        _ configuration: NetbootConfiguration, isProxy: Bool, _ state: ServerState, _ database: LeaseDatabase?,
        _ group: any EventLoopGroup, _ pool: NIOThreadPool
    ) async throws {
        var ports = [(configuration.ports.dhcp, DHCP.serverPort)]
        if isProxy { ports.append((configuration.ports.proxy, DHCP.proxyPort)) }
        for (port, role) in ports {
            let socket = try InterfaceSocket(interface: configuration.interface, port: port)
            let handler = DHCPHandler(state: state, database: database, pool: pool, port: role)
            channels.append(
                try await DatagramBootstrap(group: group)
                    .channelInitializer { $0.pipeline.addHandler(handler) }
                    .withBoundSocket(socket.handOver()).get())
        }
    }

    private mutating func advertise(
        _ interface: NetworkInterface, _ mac: MACAddress, _ pool: NIOThreadPool, _ logger: Logger
    ) throws {
        let advertiser = RouterAdvertiser(socket: try RouterSocket(interface: interface), mac: mac, logger: logger)
        self.advertiser = advertiser
        pool.submit { state in if case .active = state { advertiser.run() } }
    }

    private static func network(
        _ configuration: NetbootConfiguration, _ interface: NetworkInterface
    ) throws -> DHCPResponder.Network {
        guard let found = interface.address else {
            throw NetbootServerError(
                subject: "interface \"\(interface.name)\"", message: "has no IPv4 address to serve from",
                remedy: "give it one: ip address add 10.77.0.1/24 dev \(interface.name)")
        }
        let address = configuration.serverAddress ?? IPv4Address(value: found.value)
        let network = DHCPResponder.Network(
            serverAddress: address, prefixLength: found.prefixLength, router: configuration.router,
            nameServers: configuration.nameServers, leaseSeconds: configuration.leaseSeconds)
        if case .full(let range) = configuration.mode {
            for end in [range.lowerBound, range.upperBound]
            where end.value & network.mask != address.value & network.mask {
                throw NetbootServerError(
                    kind: .usage, subject: "range \(range.lowerBound)-\(range.upperBound)",
                    message: "\(end) is not in the network \(address)/\(found.prefixLength) of \"\(interface.name)\"")
            }
        }
        return network
    }

    private static func refuseWhereAnotherServes(
        _ configuration: NetbootConfiguration, _ mac: MACAddress, _ address: IPv4Address, _ pool: NIOThreadPool,
        now: @escaping @Sendable () -> Duration
    ) async throws {
        let interface = configuration.interface
        let other = try await pool.runIfActive {
            try DHCPProbe.run(
                interface: interface, mac: mac, address: address,
                transaction: UInt32(truncatingIfNeeded: Int64(now() / .microseconds(1))), now: now)
        }
        guard let other else { return }
        throw NetbootServerError(
            subject: "interface \"\(interface)\"", message: "another DHCP server answers there: \(other)",
            remedy: "serve beside it with --dhcp proxy, or stop it; --authoritative serves all the same",
            otherServer: other)
    }

    private static func portTaken(_ what: String, _ option: String, _ error: NetworkCallError) -> NetbootServerError {
        NetbootServerError(
            subject: what, message: "cannot be bound", cause: error.cause,
            remedy: "stop the other server, or choose another with \(option)")
    }
}
