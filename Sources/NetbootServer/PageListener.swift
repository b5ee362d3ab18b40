import BootPolicy
import Foundation
import LinuxCalls
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The page's own port. It shares nothing with the boot files' one but the event loops and what the server knows.
final class PageListener: Sendable {
    let state: ServerState
    let configuration: PageConfiguration
    let pool: NIOThreadPool
    let started: Duration
    private let readers = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let connections = Mutex(0)

    /// A page is looked at by a few people, and scraped by a program or two.
    static let mostConnections = 128
    static let mostReaders = 64

    init(state: ServerState, configuration: PageConfiguration, pool: NIOThreadPool, started: Duration) {
        self.state = state
        self.configuration = configuration
        self.pool = pool
        self.started = started
    }

    /// Begins to hear, and to tell the page's readers what changes.
    func open(_ held: HeldSocket, group: any EventLoopGroup) async throws -> any Channel {
        guard let socket = held.take() else { preconditionFailure("the page is opened once") }
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in initialise(channel) }
            .withBoundSocket(socket).get()
        let ticks = channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(400)) {
            [self] _ in tell()
        }
        channel.closeFuture.whenComplete { _ in ticks.cancel() }
        return channel
    }

    private func initialise(_ channel: any Channel) -> EventLoopFuture<Void> {
        let isAdmitted = connections.withLock { count in
            guard count < Self.mostConnections else { return false }
            count += 1
            return true
        }
        guard isAdmitted else { return channel.close() }
        channel.closeFuture.whenComplete { [self] _ in connections.withLock { $0 -= 1 } }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(readTimeout: .seconds(60)), name: Self.idleName)
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(PageHandler(listener: self))
        }
    }

    static let idleName = "idle"

    // MARK: - Those who watch

    /// True unless too many watch already.
    func addReader(_ channel: any Channel) -> Bool {
        let isAdmitted = readers.withLock { readers in
            guard readers.count < Self.mostReaders else { return false }
            readers[ObjectIdentifier(channel)] = channel
            return true
        }
        channel.closeFuture.whenComplete { [self] _ in
            readers.withLock { $0[ObjectIdentifier(channel)] = nil }
        }
        return isAdmitted
    }

    private func tell() {
        // What happened while nobody watched is in the page's first look.
        let readers = readers.withLock { Array($0.values) }
        guard !readers.isEmpty else { return state.forgetChanges() }
        let changes = state.takeChanges()
        var text = ""
        if !changes.nodes.isEmpty { text += Self.event("nodes", changes.nodes) }
        if let systems = changes.systems { text += Self.event("systems", systems) }
        if let strangers = changes.strangers { text += Self.event("strangers", strangers) }
        // A line now and then tells proxies and browsers that this is alive.
        if text.isEmpty { text = ":\n\n" }
        for channel in readers {
            let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text)))
            // A reader that is far behind is let go; its browser asks again.
            guard channel.isWritable else {
                channel.close(promise: nil)
                continue
            }
            channel.writeAndFlush(part, promise: nil)
        }
    }

    /// One event of a stream of server-sent events.
    static func event(_ name: String, _ value: some Encodable) -> String {
        guard let data = try? JSONEncoder().encode(value) else { return "" }
        return "event: \(name)\ndata: \(String(decoding: data, as: UTF8.self))\n\n"
    }
}

extension PageConfiguration {
    /// Takes the port, which may need a right that the server gives up afterwards.
    func bind() throws -> HeldSocket {
        do {
            return HeldSocket(try InterfaceSocket(address: address.value, port: port))
        } catch {
            throw NetbootServerError(
                subject: "the page's port \(address):\(port)", message: "cannot be opened", cause: error.cause,
                remedy: "choose another with --page")
        }
    }
}
