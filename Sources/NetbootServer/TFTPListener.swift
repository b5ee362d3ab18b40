import BootPolicy
import BootProtocols
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
    private let serverAddress: IPv4Address
    private let mtu: Int
    /// The clients' addresses and ports of the transfers under way.
    private let underWay = Mutex<Set<SocketAddress>>([])

    init(state: ServerState, pool: NIOThreadPool, group: any EventLoopGroup, serverAddress: IPv4Address, mtu: Int) {
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
            state.logger.debug("refused to take a file", metadata: ["from": "\(client)", "file": "\(file)"])
        case .packet: break
        }
    }

    private func begin(_ request: TFTP.ReadRequest, for client: SocketAddress, on channel: any Channel) {
        guard ["octet", "netascii"].contains(request.mode.lowercased()) else {
            return refuse(.illegalOperation, "mode \(request.mode) is not served", to: client, on: channel)
        }
        guard let (name, file) = state.bootFile(named: request.file) else {
            state.logger.info("no such boot file", metadata: ["from": "\(client)", "file": "\(request.file)"])
            return refuse(.fileNotFound, "no such boot file", to: client, on: channel)
        }
        let admission = underWay.withLock { underWay -> Admission in
            // The same request again: our first answer is on its way, or lost, in which case it will be repeated.
            if underWay.contains(client) { return .repeated }
            let ofClient = underWay.count { $0.ipAddress == client.ipAddress }
            guard underWay.count < state.limits.transfers, ofClient < state.limits.transfersPerClient else {
                return .full
            }
            underWay.insert(client)
            return .admitted
        }
        switch admission {
        case .repeated: return
        case .full: return refuse(.notDefined, "too many transfers; try again", to: client, on: channel)
        case .admitted: break
        }
        let transfer = TFTP.ReadTransfer(
            request: request, fileSize: file.size, limits: TFTP.ReadTransfer.Limits(mtu: mtu))
        let label = request.file.split(separator: "/").last.map(String.init) ?? request.file
        let loop = group.next()
        DatagramBootstrap(group: loop)
            .channelInitializer { [state, pool, mtu] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        TFTPTransferHandler(
                            transfer: transfer, label: label, attempt: name.attempt, client: client,
                            reader: ExtentReader(file: file, state: state), state: state, pool: pool, mtu: mtu))
                }
            }
            .bind(host: "\(serverAddress)", port: 0)
            // Connected: the kernel drops what others send to this port.
            .flatMap { channel in channel.connect(to: client).map { channel } }
            .flatMap { $0.closeFuture }
            .whenComplete { [self] result in
                underWay.withLock { _ = $0.remove(client) }
                if case .failure(let error) = result {
                    state.logger.warning("no transfer", metadata: ["to": "\(client)", "error": "\(error)"])
                }
            }
    }

    private enum Admission { case admitted, repeated, full }

    private func refuse(_ code: TFTP.ErrorCode, _ message: String, to client: SocketAddress, on channel: any Channel) {
        let data = channel.allocator.buffer(bytes: TFTP.Packet.error(code: code, message: message).bytes)
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: client, data: data), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.logger.debug("TFTP socket", metadata: ["error": "\(error)"])
    }
}
