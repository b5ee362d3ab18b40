import BootPolicy
import BootProtocols
import LinuxCalls
import Logging
import NIOCore
import NIOPosix

/// The boot server: DHCP, TFTP and HTTP sockets around `BootPolicy`, until its task is cancelled.
public enum NetbootServer {
    /// What is being served, once every socket is open.
    public struct Listening: Sendable, Equatable {
        public var address: IPv4Address
        public var httpPort: Int
        public var tftpPort: Int
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
        let interface = try check(configuration)
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
                configuration, interface: interface, group: group, pool: pool, loops: loops, surroundings: surroundings,
                logger: logger, show: show, booted: booted)
            ready(opened.listening)
            try await waitForCancellation(opened, pool)
            result = .success(())
        } catch is CancellationError {
            result = .success(())
        } catch {
            result = .failure(error)
        }
        opened.advertiser?.stop()
        for channel in opened.channels { try? await channel.close() }
        await loops.stop()
        finished(opened.state?.attempts ?? [])
        opened.state?.closeRecords()
        try await group.shutdownGracefully()
        try await pool.shutdownGracefully()
        try result.get()
    }

    /// Boots that fell silent are noticed between packets, and generations that were published meanwhile.
    private static func waitForCancellation(_ sockets: Sockets, _ pool: NIOThreadPool) async throws {
        var turn = 0
        while true {
            try await Task.sleep(for: .seconds(2))
            guard let state = sockets.state else { continue }
            state.expire()
            await state.refreshGenerations(on: pool)
            turn += 1
            if turn % 30 == 0 { state.files.forgetUnused() }
        }
    }

    private static func check(_ configuration: NetbootConfiguration) throws -> NetworkInterface {
        guard !configuration.interface.isEmpty else {
            throw NetbootServerError(
                kind: .usage, subject: "", message: "no network interface was named, so nothing is served",
                remedy: "name one: --interface eth1")
        }
        let interface = try NetworkInterface(named: configuration.interface)
        guard interface.isUp else {
            throw NetbootServerError(
                subject: "interface \"\(interface.name)\"", message: "is down",
                remedy: "ip link set \(interface.name) up")
        }
        return interface
    }
}
