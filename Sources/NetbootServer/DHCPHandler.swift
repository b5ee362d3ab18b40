import BootPolicy
import BootProtocols
import Logging
import NIOCore
import NIOPosix

/// One DHCP port: datagrams to messages, answers to datagrams.
final class DHCPHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let state: ServerState
    private let database: LeaseDatabase?
    private let pool: NIOThreadPool
    /// 67 or 4011, whatever number the socket has.
    private let port: Int
    /// Which of the site's networks, by its place.
    private let network: Int
    private let watch: AddressWatch?
    private let clientPort: Int

    init(
        state: ServerState, database: LeaseDatabase?, pool: NIOThreadPool, port: Int, network: Int, watch: AddressWatch?
    ) {
        self.network = network
        self.watch = watch
        self.state = state
        self.database = database
        self.pool = pool
        self.port = port
        clientPort = DHCP.clientPort
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        switch DHCP.Message.read(Array(envelope.data.readableBytesView)) {
        case .ignored(let reason):
            state.ignored(.dhcp, reason)
            state.logger.debug(
                "ignored a packet", metadata: ["from": "\(envelope.remoteAddress)", "reason": "\(reason)"])
        case .packet(let message):
            guard let answer = state.answer(message, port: port, on: network) else { return }
            if let ignored = answer.ignored {
                state.logger.debug(
                    "no answer", metadata: ["client": "\(message.macAddress, default: "?")", "reason": "\(ignored)"])
            }
            // Looked for while the client goes on: a boot does not wait for it.
            if let address = answer.newlyLent, let client = message.macAddress {
                watch?.look(for: address, lentTo: client)
            }
            let destination: SocketAddress?
            switch answer.destination {
            case .sender: destination = envelope.remoteAddress
            case .broadcast: destination = try? SocketAddress(ipAddress: "255.255.255.255", port: clientPort)
            case .unicast(let address, let port):
                destination = try? SocketAddress(ipAddress: "\(address)", port: port)
            }
            let bytes = answer.reply?.bytes
            // A repeated request changes nothing, but what it repeats may not be on disk yet.
            let isAcknowledged = answer.reply?.messageType == .acknowledge
            guard let database, answer.leasesChanged || (isAcknowledged && database.isBehind) else {
                if let bytes, let destination { send(bytes, to: destination, on: context.channel) }
                return
            }
            let channel = context.channel
            // A lease is on disk before its client hears of it, so that no restart gives it to another.
            let current = { @Sendable [state] in state.leases }
            database.save(current, on: pool) { [self] result in
                if case .failure(let error) = result {
                    return state.logger.error(
                        "no address was given: the lease database cannot be written",
                        metadata: ["error": "\(error)"])
                }
                if let bytes, let destination { send(bytes, to: destination, on: channel) }
            }
        }
    }

    private func send(_ bytes: [UInt8], to destination: SocketAddress, on channel: any Channel) {
        let data = channel.allocator.buffer(bytes: bytes)
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: destination, data: data)).whenFailure { [state] error in
            state.logger.warning("an answer was not sent", metadata: ["to": "\(destination)", "error": "\(error)"])
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.logger.debug("DHCP socket", metadata: ["error": "\(error)"])
    }
}
