import BootProtocols
import Glibc
import LinuxCalls
import Logging
import Synchronization

/// The HTTP port: counts connections and admits them; every loop has one, all with the same socket.
final class HTTPListener: DataSource {
    /// Connections of all loops.
    final class Register: Sendable {
        private struct Counts {
            var all = 0
            var byHost: [UInt32: Int] = [:]
        }

        private let counts = Mutex(Counts())

        func admit(_ client: ClientAddress, _ limits: NetbootConfiguration.Limits, most: Int) -> Bool {
            counts.withLock { counts in
                let ofHost = counts.byHost[client.address, default: 0]
                guard counts.all < most, ofHost < limits.connectionsPerClient else { return false }
                counts.all += 1
                counts.byHost[client.address] = ofHost + 1
                return true
            }
        }

        func ended(_ client: ClientAddress) {
            counts.withLock { counts in
                counts.all -= 1
                let left = counts.byHost[client.address, default: 1] - 1
                counts.byHost[client.address] = left == 0 ? nil : left
            }
        }
    }

    private let socket: Int32
    private let ownsSocket: Bool
    private let register: Register
    private let port: HTTPPort
    private let state: ServerState
    private let loop: DataLoop
    private var token: DataLoop.Token?

    /// - Parameter ownsSocket: Closes it at the end.
    init(
        socket: Int32, ownsSocket: Bool, register: Register, port: HTTPPort, state: ServerState, loop: DataLoop
    ) throws {
        self.socket = socket
        self.ownsSocket = ownsSocket
        self.register = register
        self.port = port
        self.state = state
        self.loop = loop
        DataSocket.setNonblocking(socket)
        token = try loop.add(self, socket, for: .readable, isShared: true)
    }

    func tick() {}

    func close() {
        if let token { loop.remove(socket, token) }
        token = nil
        if ownsSocket { Glibc.close(socket) }
    }

    func ready(_ events: EventQueue.Events) {
        // A few, so that the other loops take some too.
        for _ in 0..<4 {
            var client = ClientAddress(address: 0, port: 0)
            let connection = DataSocket.accept(socket, from: &client.peer)
            guard connection >= 0 else { return }
            let most = port.tls == nil ? state.limits.connections : state.limits.secureConnections
            // A handshake costs this side a signature: the one thing here that is dearer to answer than to ask.
            if port.tls != nil, !state.admits(handshake: client.address) {
                Glibc.close(connection)
                continue
            }
            guard register.admit(client, state.limits, most: most) else {
                state.ignored(port.ignored, "too many connections")
                state.logger.debug("too many connections", metadata: ["from": "\(client)"])
                Glibc.close(connection)
                continue
            }
            HTTPConnection(
                socket: connection, client: client, port: port, state: state, loop: loop,
                ended: { [register] in register.ended(client) }
            ).start()
        }
    }
}
