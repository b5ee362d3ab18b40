import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import Logging
import Synchronization

/// The TFTP port: read requests in, a transfer for each; each has a port of its own unless all share this one.
final class TFTPListener: DataSource {
    typealias Opening = @Sendable () throws(NetworkCallError) -> InterfaceSocket

    /// Transfers under way, which several threads end.
    private final class Register: Sendable {
        private struct Transfers {
            var all: [ClientAddress: TFTPUnderWay] = [:]
            var byHost: [UInt32: Int] = [:]
        }

        enum Admission {
            case admitted, repeated
            /// There are too many in all, or of this address.
            case full, fullForOne
            case instead(of: TFTPUnderWay)
        }

        private let transfers = Mutex(Transfers())

        /// - Parameter ofOne: Transfers that one address may have.
        func admit(_ this: TFTPUnderWay, _ client: ClientAddress, all: Int, ofOne: Int) -> Admission {
            transfers.withLock { transfers in
                if let known = transfers.all[client] {
                    if known.isRepeated(by: this.request) { return .repeated }
                    // The client was reset, or is done with the other file, and uses its port again.
                    transfers.all[client] = this
                    return .instead(of: known)
                }
                let ofHost = transfers.byHost[client.address, default: 0]
                guard ofHost < ofOne else { return .fullForOne }
                guard transfers.all.count < all else { return .full }
                transfers.all[client] = this
                transfers.byHost[client.address] = ofHost + 1
                return .admitted
            }
        }

        func ended(_ this: TFTPUnderWay, _ client: ClientAddress) {
            transfers.withLock { transfers in
                guard transfers.all[client] === this else { return }
                transfers.all[client] = nil
                let left = transfers.byHost[client.address, default: 1] - 1
                transfers.byHost[client.address] = left == 0 ? nil : left
            }
        }
    }

    private let state: ServerState
    private let loops: DataLoops
    private let loop: DataLoop
    /// Opens a transfer's own socket.
    private let open: Opening
    private let limits: TFTP.ReadTransfer.Limits
    /// Which of the site's networks, by its place.
    private let network: Int
    private let socket: Int32
    private let sharesPort: Bool
    private let register = Register()
    /// With one port for all, the transfers that hear through it.
    private var sharing: [ClientAddress: TFTPTransfer] = [:]
    private var token: DataLoop.Token?

    /// - Parameters:
    ///   - socket: Bound and not yet watched; closed with the listener.
    ///   - loop: Whose thread this is made on and works on.
    init(
        socket: Int32, sharesPort: Bool, limits: TFTP.ReadTransfer.Limits, network: Int, state: ServerState,
        loops: DataLoops, loop: DataLoop, open: @escaping Opening
    ) throws {
        self.socket = socket
        self.sharesPort = sharesPort
        self.limits = limits
        self.open = open
        self.network = network
        self.state = state
        self.loops = loops
        self.loop = loop
        DataSocket.setNonblocking(socket)
        token = try loop.add(self, socket, for: .readable)
    }

    func close() {
        if let token { loop.remove(socket, token) }
        token = nil
        for transfer in sharing.values { transfer.close() }
        Glibc.close(socket)
    }

    func tick() { for transfer in sharing.values { transfer.tick() } }

    func ready(_ events: EventQueue.Events) {
        if events.contains(.writable), let token {
            // The socket's buffer is all transfers'; what it refused goes out now.
            loop.change(socket, of: token, to: .readable)
            for transfer in sharing.values { transfer.resume() }
        }
        // Several, since every client asks here; not all, since transfers share the thread.
        for _ in 0..<16 {
            var client = ClientAddress(address: 0, port: 0)
            let count = DataSocket.receive(socket, into: loop.receiveBuffer, from: &client.peer)
            guard count >= 0 else { return }
            let bytes = UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
            if let transfer = sharing[client], !(count > 1 && bytes[0] == 0 && bytes[1] == 1) {
                transfer.heard(bytes)
            } else {
                hear(bytes, from: client)
            }
        }
    }

    private func hear(_ bytes: UnsafeRawBufferPointer, from client: ClientAddress) {
        switch TFTP.Packet.read(Array(bytes.prefix(2048))) {
        case .ignored(let reason):
            state.ignored(.tftp, reason)
            state.logger.debug("ignored a packet", metadata: ["from": "\(client)", "reason": "\(reason)"])
        case .packet(.readRequest(let request)): begin(request, for: client)
        case .packet(.writeRequest(let file)):
            refuse(.accessViolation, "this server only gives files", to: client)
            state.logger.debug(
                "refused to take a file", metadata: ["from": "\(client)", "file": "\(BootAttempt.printable(file))"])
        case .packet: state.ignored(.tftp, "a packet of no transfer")
        }
    }

    private func begin(_ request: TFTP.ReadRequest, for client: ClientAddress) {
        // netascii would rewrite every line end, so no boot file would arrive whole.
        guard request.mode.lowercased() == "octet" else {
            return refuse(.illegalOperation, "mode \(request.mode) is not served, only octet (binary)", to: client)
        }
        guard state.admits(request: client.address) else { return }
        let plain = TFTP.plainName(request.file)
        guard let (name, file) = state.bootFile(named: plain, on: network) else {
            state.logger.info(
                "no such boot file", metadata: ["from": "\(client)", "file": "\(BootAttempt.printable(request.file))"])
            if let attempt = BootFileName.attempt(in: plain) {
                state.record(.refused(file: request.file, transport: .tftp), of: attempt)
            }
            return refuse(.fileNotFound, "no such boot file", to: client)
        }
        let this = TFTPUnderWay(request, loop: sharesPort ? loop : loops.next())
        // Behind a NAT all clients have one address.
        let ofOne = sharesPort ? state.limits.transfers / 2 : state.limits.transfersPerClient
        switch register.admit(this, client, all: state.limits.transfers, ofOne: ofOne) {
        case .repeated: return
        // Firmware asks again after a silence, but gives up its boot at an error.
        case .full: return state.ignored(.tftp, "too many transfers at once")
        case .fullForOne: return refuse(.notDefined, "too many transfers of one address", to: client)
        case .instead(let old): old.supersede()
        case .admitted: break
        }
        let label = request.file.split(separator: "/").last.map(String.init) ?? request.file
        state.record(.requested(file: label, transport: .tftp, port: Int(client.port)), of: name.attempt)
        if sharesPort { return share(file, name.attempt, label, this, client) }
        let part = (open: open, limits: limits, state: state, register: register)
        this.loop.submit {
            let socket: Int32
            do {
                socket = try part.open().handOver()
            } catch {
                part.register.ended(this, client)
                return part.state.logger.warning(
                    "no transfer", metadata: ["to": "\(client)", "error": "\(error)"])
            }
            DataSocket.setNonblocking(socket)
            _ = DataSocket.connect(socket, to: client.peer)
            var limits = part.limits
            limits.mtu = min(limits.mtu, DataSocket.pathMTU(socket) ?? limits.mtu)
            let transfer = TFTPTransfer(
                TFTP.ReadTransfer(request: this.request, fileSize: file.size, limits: limits), of: file, label: label,
                attempt: name.attempt, client: client, underWay: this, state: part.state,
                path: .own(socket), limits: limits, ended: { _ in part.register.ended(this, client) })
            this.transfer = transfer
            transfer.start()
        }
    }

    private func share(
        _ file: BootFile, _ attempt: String, _ label: String, _ this: TFTPUnderWay, _ client: ClientAddress
    ) {
        sharing[client]?.supersede()
        let transfer = TFTPTransfer(
            TFTP.ReadTransfer(request: this.request, fileSize: file.size, limits: limits),
            of: file, label: label, attempt: attempt, client: client, underWay: this, state: state,
            path: .shared(socket), limits: limits,
            blocked: { [weak self] in
                guard let self, let token = self.token else { return }
                loop.change(socket, of: token, to: [.readable, .writable])
            },
            ended: { [weak self, register] ended in
                register.ended(this, client)
                if self?.sharing[client] === ended { self?.sharing[client] = nil }
            })
        this.transfer = transfer
        sharing[client] = transfer
        transfer.start()
    }

    private func refuse(_ code: TFTP.ErrorCode, _ message: String, to client: ClientAddress) {
        TFTP.Packet.error(code: code, message: message).bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            let buffer = loop.sendBuffer
            buffer.clear()
            buffer.append(start, bytes.count)
            _ = buffer.send(to: socket, segment: 0, peer: client.peer)
        }
    }
}
