import BootPolicy
import BootProtocols
import LinuxCalls
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The TFTP port: read requests in, a transfer with a port of its own for each.
final class TFTPListener: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let state: ServerState
    private let pool: NIOThreadPool
    private let group: any EventLoopGroup
    private let interface: String
    private let serverAddress: IPv4Address
    private let mtu: Int
    /// By the client's address and port.
    private let underWay = Mutex<[SocketAddress: TFTPUnderWay]>([:])

    init(
        state: ServerState, pool: NIOThreadPool, group: any EventLoopGroup, interface: String,
        serverAddress: IPv4Address, mtu: Int
    ) {
        self.interface = interface
        self.state = state
        self.pool = pool
        self.group = group
        self.serverAddress = serverAddress
        self.mtu = mtu
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let client = envelope.remoteAddress
        switch TFTP.Packet.read(Array(envelope.data.readableBytesView)) {
        case .ignored(let reason):
            state.logger.debug("ignored a packet", metadata: ["from": "\(client)", "reason": "\(reason)"])
        case .packet(.readRequest(let request)): begin(request, for: client, on: context.channel)
        case .packet(.writeRequest(let file)):
            refuse(.accessViolation, "this server only gives files", to: client, on: context.channel)
            state.logger.debug(
                "refused to take a file", metadata: ["from": "\(client)", "file": "\(BootAttempt.printable(file))"])
        case .packet: break
        }
    }

    private func begin(_ request: TFTP.ReadRequest, for client: SocketAddress, on channel: any Channel) {
        // netascii would rewrite every line end, so no boot file would arrive whole.
        guard request.mode.lowercased() == "octet" else {
            return refuse(
                .illegalOperation, "mode \(request.mode) is not served, only octet (binary)", to: client, on: channel)
        }
        guard let (name, file) = state.bootFile(named: request.file) else {
            state.logger.info(
                "no such boot file", metadata: ["from": "\(client)", "file": "\(BootAttempt.printable(request.file))"])
            if let attempt = BootFileName.attempt(in: request.file) {
                state.record(.refused(file: request.file, transport: .tftp), of: attempt)
            }
            return refuse(.fileNotFound, "no such boot file", to: client, on: channel)
        }
        let this = TFTPUnderWay(request)
        let admission = underWay.withLock { underWay -> Admission in
            if let known = underWay[client] {
                if known.isRepeated(by: request) { return .repeated }
                // The client was reset, or is done with the other file, and uses its port again.
                underWay[client] = this
                return .instead(of: known)
            }
            let ofClient = underWay.keys.count { $0.ipAddress == client.ipAddress }
            guard underWay.count < state.limits.transfers, ofClient < state.limits.transfersPerClient else {
                return .full
            }
            underWay[client] = this
            return .admitted
        }
        switch admission {
        case .repeated: return
        case .full: return refuse(.notDefined, "too many transfers; try again", to: client, on: channel)
        case .instead(let old): old.supersede()
        case .admitted: break
        }
        transfer(file, name, this, to: client)
    }

    private func transfer(_ file: BootFile, _ name: BootFileName, _ this: TFTPUnderWay, to client: SocketAddress) {
        let request = this.request
        let transfer = TFTP.ReadTransfer(
            request: request, fileSize: file.size, limits: TFTP.ReadTransfer.Limits(mtu: mtu))
        let label = request.file.split(separator: "/").last.map(String.init) ?? request.file
        state.record(.requested(file: label, transport: .tftp, port: client.port ?? 0), of: name.attempt)
        let loop = group.next()
        let handle: CInt
        do {
            let socket = try InterfaceSocket(
                interface: interface, address: serverAddress.value, port: 0, for: .datagrams)
            handle = socket.handOver()
        } catch {
            return ended(this, client, error)
        }
        DatagramBootstrap(group: loop)
            .channelInitializer { [state, pool, mtu] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        TFTPTransferHandler(
                            transfer: transfer, label: label, attempt: name.attempt, client: client,
                            underWay: this, reader: ExtentReader(file: file, state: state), state: state, pool: pool,
                            mtu: mtu))
                }
            }
            .withBoundSocket(handle)
            // Connected: the kernel drops what others send to this port.
            .flatMap { channel in channel.connect(to: client).map { channel } }
            .flatMap { channel in
                this.opened(channel)
                return channel.closeFuture
            }
            .whenComplete { [self] result in
                if case .failure(let error) = result { ended(this, client, error) } else { ended(this, client, nil) }
            }
    }

    private func ended(_ this: TFTPUnderWay, _ client: SocketAddress, _ error: (any Error)?) {
        underWay.withLock { if $0[client] === this { $0[client] = nil } }
        guard let error else { return }
        state.logger.warning("no transfer", metadata: ["to": "\(client)", "error": "\(error)"])
    }

    private enum Admission {
        case admitted, repeated, full
        case instead(of: TFTPUnderWay)
    }

    private func refuse(_ code: TFTP.ErrorCode, _ message: String, to client: SocketAddress, on channel: any Channel) {
        let data = channel.allocator.buffer(bytes: TFTP.Packet.error(code: code, message: message).bytes)
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: client, data: data), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.logger.debug("TFTP socket", metadata: ["error": "\(error)"])
    }
}
