import BootProtocols
import Glibc
import LinuxCalls
import Logging

/// A bound socket between its opening and its use; closed when it goes away unless it was taken.
final class HeldSocket {
    private var descriptor: Int32?

    init(_ socket: consuming InterfaceSocket) { descriptor = socket.handOver() }

    deinit { if let descriptor { close(descriptor) } }

    /// The descriptor, which the caller now owns and closes; nil from the second time on.
    func take() -> Int32? { descriptor.take() }
}

/// All sockets of one network that need a right to be opened, before the server gives that right up and begins to hear.
struct BoundNetwork {
    var network: SettledNetwork
    var http: HeldSocket
    /// What the kernel chose, where the configuration left it open.
    var httpPort: Int
    /// The same for HTTPS; nil where there is none.
    var https: HeldSocket?
    var httpsPort: Int?
    var tftp: HeldSocket
    var tftpPort: Int
    /// With the port's role, 67 or 4011, whatever its number.
    var dhcp: [(socket: HeldSocket, role: Int)] = []
    /// To look whether lent addresses are in use by others.
    var arp: ARPSocket?
    var router: RouterSocket?
    /// The same ports on the IPv6 address.
    var http6: HeldSocket?
    var https6: HeldSocket?
    var tftp6: HeldSocket?
    var dhcp6: DHCPv6Socket?

    /// - Throws: `NetbootServerError` or `NetworkCallError` where a port is taken or not allowed.
    init(
        _ network: SettledNetwork, _ ports: NetbootConfiguration.Ports, hasTLS: Bool, _ logger: Logger
    ) throws {
        self.network = network
        (http, httpPort) = try Self.open(network, ports.http, .connections, option: "--http-port")
        if hasTLS {
            let (socket, port) = try Self.open(network, ports.https, .connections, option: "--https-port")
            (https, httpsPort) = (socket, port)
        }
        (tftp, tftpPort) = try Self.open(network, ports.tftp, .datagrams, option: "--tftp-port")
        if let (_, address) = network.ipv6 {
            func open(_ port: Int, _ kind: InterfaceSocket.Kind) throws -> HeldSocket {
                HeldSocket(
                    try InterfaceSocket(
                        interface: network.interface.name, address: address.bytes, port: port, for: kind))
            }
            http6 = try open(httpPort, .connections)
            https6 = try httpsPort.map { try open($0, .connections) }
            tftp6 = try open(tftpPort, .datagrams)
            dhcp6 = try DHCPv6Socket(interface: network.interface, port: DHCPv6.serverPort)
            router = try RouterSocket(interface: network.interface)
        }
        guard network.dhcp != .off else { return }
        let isProxy = network.dhcp == .proxy
        for (port, role) in [(ports.dhcp, DHCP.serverPort)] + (isProxy ? [(ports.proxy, DHCP.proxyPort)] : []) {
            dhcp.append((HeldSocket(try InterfaceSocket(interface: network.interface.name, port: port)), role))
        }
        guard network.mac != nil, !isProxy else { return }
        do {
            arp = try ARPSocket(interface: network.interface)
        } catch {
            logger.notice(
                "addresses are lent without a look whether others use them", metadata: ["error": "\(error)"])
        }
        if network.written.routerAdvertisements, router == nil {
            router = try RouterSocket(interface: network.interface)
        }
    }

    private static func open(
        _ network: SettledNetwork, _ port: Int, _ kind: InterfaceSocket.Kind, option: String
    ) throws -> (HeldSocket, Int) {
        do throws(NetworkCallError) {
            return try bind(network, port, kind)
        } catch {
            guard error.errorNumber == EADDRINUSE else { throw error }
            throw NetbootServerError(
                subject: "\(kind == .connections ? "TCP" : "UDP") port \(port)", message: "cannot be bound",
                cause: error.cause, remedy: "stop the other server, or choose another with \(option)")
        }
    }

    private static func bind(
        _ network: SettledNetwork, _ port: Int, _ kind: InterfaceSocket.Kind
    ) throws(NetworkCallError) -> (HeldSocket, Int) {
        let socket = try InterfaceSocket(
            interface: network.interface.name, address: network.address.value, port: port, for: kind)
        let chosen = socket.localPort ?? port
        return (HeldSocket(socket), chosen)
    }
}
