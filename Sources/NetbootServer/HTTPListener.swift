import LinuxCalls
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The HTTP port: counts connections, and gives each its pipeline.
final class HTTPListener: Sendable {
    private struct Counts {
        var all = 0
        var byClient: [String: Int] = [:]
    }

    private let state: ServerState
    private let fileIO: NonBlockingFileIO
    private let counts = Mutex(Counts())

    init(state: ServerState, pool: NIOThreadPool) {
        self.state = state
        fileIO = NonBlockingFileIO(threadPool: pool)
    }

    /// Serves what connects to a listening socket, which is closed with the channel.
    func serve(_ socket: consuming InterfaceSocket, group: any EventLoopGroup) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in initialise(channel) }
            .withBoundSocket(socket.handOver()).get()
    }

    private func initialise(_ channel: any Channel) -> EventLoopFuture<Void> {
        let client = channel.remoteAddress?.ipAddress ?? ""
        let isAdmitted = counts.withLock { counts in
            guard counts.all < state.limits.connections,
                counts.byClient[client, default: 0] < state.limits.connectionsPerClient
            else { return false }
            counts.all += 1
            counts.byClient[client, default: 0] += 1
            return true
        }
        guard isAdmitted else {
            state.logger.warning("too many connections", metadata: ["from": "\(client)"])
            return channel.close()
        }
        channel.closeFuture.whenComplete { [self] _ in
            counts.withLock { counts in
                counts.all -= 1
                let left = counts.byClient[client, default: 1] - 1
                counts.byClient[client] = left == 0 ? nil : left
            }
        }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(Int64(state.limits.idleSeconds))))
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(HTTPHandler(state: state, fileIO: fileIO))
        }
    }
}
