import BootPolicy
import BootProtocols
import LinuxCalls
import Logging
import NIOCore
import NIOPosix
import SystemModel

/// The boot server: DHCP, TFTP and HTTP sockets around `BootPolicy`, until its task is cancelled.
public enum NetbootServer {
    /// What is being served, once every socket is open.
    public struct Listening: Sendable, Equatable {
        public struct Network: Sendable, Equatable {
            public var interface: String
            public var address: IPv4Address
            /// Full, proxy or off: what `auto` became.
            public var dhcp: SiteNetwork.DHCPMode
            public var ranges: [ClosedRange<IPv4Address>]
            /// The DHCP server beside which `auto` became a proxy.
            public var otherServer: IPv4Address?
            public var httpPort: Int
            /// Nil where there is no HTTPS.
            public var httpsPort: Int?
            public var tftpPort: Int
        }

        /// In the site's order; at least one.
        public var networks: [Network]

        public var address: IPv4Address { networks.first?.address ?? .unspecified }
        public var httpPort: Int { networks.first?.httpPort ?? 0 }
        public var tftpPort: Int { networks.first?.tftpPort ?? 0 }
        /// Whom the server became, and what it gave up; nil where it was not asked to.
        public var rights: RightsLeft?
        /// Where the administrator's page is, as `10.0.0.1:8081`; nil where there is none.
        public var page: String?
    }

    /// Serves until the task is cancelled, then closes every socket and returns.
    ///
    /// - Parameters:
    ///   - surroundings: The time and the identifiers of new boots.
    ///   - show: Takes each line of the timelines, such as `lab-node on 52:54:00:12:34:56: booted in 41 s`.
    ///   - booted: Takes the record of a boot when its system phones home.
    ///   - ready: Called once all sockets are open.
    ///   - finished: Takes the record of every boot seen, when the server ends.
    /// - Throws: `NetbootServerError` or `NetworkCallError` where it cannot serve: no such interface, no address, a port
    ///   taken, another DHCP server there.
    public static func run(
        _ configuration: NetbootConfiguration, surroundings: NetbootSurroundings, logger: Logger,
        show: @escaping @Sendable (String) -> Void, booted: @escaping @Sendable (BootAttempt) -> Void = { _ in },
        ready: @escaping @Sendable (Listening) -> Void = { _ in },
        finished: @escaping @Sendable ([BootAttempt]) -> Void = { _ in }
    ) async throws {
        var configuration = configuration
        configuration.limits = configuration.limits.fitting(descriptors: try raiseDescriptorLimit())
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount))
        let pool = NIOThreadPool(numberOfThreads: max(4, System.coreCount * 2))
        pool.start()
        let loops = try DataLoops(count: System.coreCount)
        var opened = Sockets()
        let result: Result<Void, any Error>
        do {
            try await opened.open(
                configuration, group: group, pool: pool, loops: loops, surroundings: surroundings,
                logger: logger, show: show, booted: booted)
            ready(opened.listening)
            try await waitForCancellation(opened, configuration, logger, pool)
            result = .success(())
        } catch is CancellationError {
            result = .success(())
        } catch {
            result = .failure(error)
        }
        for advertiser in opened.advertisers { advertiser.stop() }
        for listener in opened.ipv6Listeners { listener.stop() }
        for watch in opened.watches { watch.stop() }
        for channel in opened.channels { try? await channel.close() }
        await loops.stop()
        finished(opened.state?.attempts ?? [])
        opened.state?.closeRecords()
        try await group.shutdownGracefully()
        try await pool.shutdownGracefully()
        try result.get()
    }

    /// Between packets, boots that fell silent are noticed, and generations that were published; who was seen is written
    /// down.
    private static func waitForCancellation(
        _ sockets: Sockets, _ configuration: NetbootConfiguration, _ logger: Logger, _ pool: NIOThreadPool
    ) async throws {
        var written = sockets.state?.sightings
        var turn = 0
        while true {
            let pause: Result<Void, any Error>
            do {
                pause = .success(try await Task.sleep(for: .seconds(2)))
            } catch {
                pause = .failure(error)
            }
            sockets.state?.expire()
            await sockets.state?.refresh(on: pool)
            turn += 1
            if turn % 30 == 0 { sockets.state?.files.forgetUnused() }
            if let path = configuration.sightings, let seen = sockets.state?.sightings, seen != written {
                do {
                    // In a task of its own: this one is cancelled when the last of them is saved.
                    try await Task { try await pool.runIfActive { try SightingsFile(path: path).save(seen) } }.value
                    written = seen
                } catch {
                    logger.warning("who was seen cannot be written down", metadata: ["error": "\(error)"])
                }
            }
            try pause.get()
        }
    }
}
