import BootProtocols
import Diagnostics
import Glibc
import LinuxCalls

/// Virtual nodes that boot from a server all at once, over DHCP, TFTP and HTTP, as a firmware does; blocking, on one thread.
///
/// Each node gets an address of its own from the server, which the named interface then answers to for the storm's time
/// (local routes; needs root). Nothing is sent on any other interface, and to no server but the one that answers there.
public final class Storm {
    let settings: StormSettings
    let interface: NetworkInterface
    let queue: EventQueue
    /// Every node's DHCP goes through it, told apart by transaction.
    let dhcpSocket: Int32
    var routes: LocalRoutes
    var nodes: [StormNode]
    var byTransaction: [UInt32: StormNode] = [:]
    var references: References
    var random: SeededRandom
    var report = StormReport()
    var now = Duration.zero
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    let say: (String) -> Void

    static let dhcpToken = UInt64.max - 1

    /// - Parameter say: Takes a line of progress now and then.
    /// - Throws: `NetworkCallError` where the interface or port 68 cannot be used.
    public init(_ settings: StormSettings, say: @escaping (String) -> Void = { _ in }) throws {
        self.settings = settings
        self.say = say
        interface = try NetworkInterface(named: settings.interface)
        guard interface.isUp, interface.address != nil else {
            throw StormError(
                subject: "interface \"\(settings.interface)\"", message: "is down or has no IPv4 address",
                remedy: "give it one: ip address add 10.77.0.50/16 dev \(settings.interface)")
        }
        _ = try raiseDescriptorLimit()
        queue = try EventQueue()
        routes = try LocalRoutes(on: interface)
        dhcpSocket = try InterfaceSocket(interface: settings.interface, port: DHCP.clientPort).handOver()
        DataSocket.setNonblocking(dhcpSocket)
        DataSocket.enlargeReceiveBuffer(dhcpSocket)
        try queue.add(dhcpSocket, for: .readable, token: Self.dhcpToken)
        nodes = (0..<settings.nodes).map(StormNode.init)
        references = References(expected: settings.expected)
        random = SeededRandom(seed: settings.seed)
    }

    deinit {
        for node in nodes { if let socket = node.socket { Glibc.close(socket) } }
        Glibc.close(dhcpSocket)
        buffer.deallocate()
    }

    /// Until every node has booted or failed.
    public func run() throws -> StormReport {
        lookAtClock()
        // One goes first: its files are what the others' are compared with.
        try boot(1..<2, until: 1)
        let began = now
        if nodes.count > 1, nodes[0].phase == .booted { try boot(2..<(nodes.count + 1), until: nodes.count) }
        report.seconds = (now - (nodes.count > 1 ? began : nodes[0].switchedOn)) / .seconds(1)
        return finished()
    }

    private func boot(_ numbers: Range<Int>, until end: Int) throws {
        var next = numbers.lowerBound - 1
        let began = now
        var nextTick = now
        var nextWord = now + .seconds(5)
        while true {
            let due =
                settings.rate == 0
                ? end : min(end, numbers.lowerBound - 1 + 1 + Int((now - began) / .seconds(1) * Double(settings.rate)))
            // A few at a time, so that answers are heard in between.
            var burst = 0
            while next < due, burst < 64 {
                switchOn(nodes[next])
                next += 1
                burst += 1
            }
            try wait(milliseconds: next < due ? 0 : 20)
            if now >= nextTick {
                nextTick = now + .milliseconds(20)
                for node in nodes[..<next] where node.isUnderWay && now >= node.deadline { timeOut(node) }
                if next == end, !nodes[..<end].contains(where: \.isUnderWay) { return }
                if now - began > settings.patience {
                    for node in nodes[..<end] where node.isUnderWay || node.phase == .off {
                        fail(node, "not booted in time", mayRestart: false)
                    }
                    return
                }
            }
            if now >= nextWord {
                nextWord = now + .seconds(5)
                let booted = nodes.count { $0.phase == .booted }
                say("\(booted) of \(nodes.count) nodes booted, \(nodes.count(where: \.isUnderWay)) under way")
            }
        }
    }

    private func wait(milliseconds: Int32) throws {
        var ready: [(UInt64, EventQueue.Events)] = []
        try queue.wait(milliseconds: milliseconds) { ready.append(($0, $1)) }
        lookAtClock()
        for (token, events) in ready {
            guard token != Self.dhcpToken else {
                hearDHCP()
                continue
            }
            let node = nodes[Int(token & 0xffff_ffff)]
            guard node.socket != nil, node.socketGeneration == UInt32(token >> 32) else { continue }
            switch node.phase {
            case .tftp: hearTFTP(node)
            case .http: hearHTTP(node, events)
            default: break
            }
        }
    }

    private func lookAtClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    // MARK: - A node's life

    func switchOn(_ node: StormNode) {
        if node.restarts == 0 { node.switchedOn = now }
        node.isIPXE = false
        node.wanted = []
        node.attempt = nil
        beginDHCP(node)
    }

    func enter(_ phase: StormNode.Phase, _ node: StormNode) {
        leavePhase(node)
        node.phase = phase
        node.phaseBegan = now
        node.tries = 0
    }

    private func leavePhase(_ node: StormNode) {
        let seconds = (now - node.phaseBegan) / .seconds(1)
        switch node.phase {
        case .dhcp: node.dhcpSeconds += seconds
        case .tftp: node.tftpSeconds += seconds
        case .http: node.httpSeconds += seconds
        default: break
        }
    }

    func closeSocket(_ node: StormNode) {
        guard let socket = node.socket else { return }
        queue.remove(socket)
        Glibc.close(socket)
        node.socket = nil
        node.late = nil
    }

    /// Gives a node a socket, which its events name until the next one.
    func take(_ socket: Int32, _ node: StormNode, for events: EventQueue.Events) -> Bool {
        guard socket >= 0 else {
            fail(node, "no socket (errno \(-socket))")
            return false
        }
        node.socketGeneration = (node.socketGeneration + 1) & 0x7fff_ffff
        node.socket = socket
        do {
            try queue.add(socket, for: events, token: token(of: node))
            return true
        } catch {
            closeSocket(node)
            fail(node, "no socket")
            return false
        }
    }

    func token(of node: StormNode) -> UInt64 { UInt64(node.number) | UInt64(node.socketGeneration) << 32 }

    func fail(_ node: StormNode, _ reason: String, mayRestart: Bool = true) {
        leavePhase(node)
        closeSocket(node)
        node.download = nil
        if mayRestart, node.restarts < settings.restarts {
            node.restarts += 1
            report.restarts += 1
            node.phase = .off
            return switchOn(node)
        }
        node.phase = .failed
        report.failures[reason, default: 0] += 1
    }

    func booted(_ node: StormNode) {
        leavePhase(node)
        closeSocket(node)
        node.phase = .booted
        node.bootSeconds = (now - node.switchedOn) / .seconds(1)
    }

    private func timeOut(_ node: StormNode) {
        switch node.phase {
        case .dhcp: repeatDHCP(node)
        case .tftp: repeatTFTP(node)
        case .http: repeatHTTP(node, "no answer by HTTP")
        default: break
        }
    }

    func retried(_ what: String) { report.retries[what, default: 0] += 1 }

    private func finished() -> StormReport {
        let done = nodes.filter { $0.phase == .booted }
        report.nodes = nodes.count
        report.booted = done.count
        report.wrongContents = references.wrong
        let boots = done.map(\.bootSeconds)
        report.boot = .init(boots)
        report.dhcp = .init(done.map(\.dhcpSeconds))
        report.tftp = .init(done.map(\.tftpSeconds))
        report.http = .init(done.map(\.httpSeconds))
        let sum = boots.reduce(0, +)
        let squares = boots.reduce(0) { $0 + $1 * $1 }
        report.fairness = squares > 0 ? sum * sum / (Double(boots.count) * squares) : 0
        report.files = references.files
        return report
    }
}

/// Why a storm cannot begin.
public typealias StormError = DomainError<StormDomain>

/// The domain of `StormError`.
public enum StormDomain: ErrorDomain {
    public static let usualKind = FailureKind.host
}
