import BootProtocols

/// The DHCP side of a boot server without its sockets: a message and the time go in, the reply and where it goes come
/// out (RFC 2131 section 4.3; PXE 2.1 section 2 for the proxy).
public struct DHCPResponder: Sendable {
    public enum Mode: Sendable, Equatable {
        /// Gives addresses of a range.
        case full(range: ClosedRange<IPv4Address>)
        /// Gives boot data beside another server that gives addresses.
        case proxy
    }

    /// What every lease carries.
    public struct Network: Sendable, Equatable {
        public var serverAddress: IPv4Address
        public var prefixLength: Int
        public var router: IPv4Address?
        public var nameServers: [IPv4Address]
        public var leaseSeconds: Int

        public init(
            serverAddress: IPv4Address, prefixLength: Int, router: IPv4Address? = nil, nameServers: [IPv4Address] = [],
            leaseSeconds: Int = 3600
        ) {
            self.serverAddress = serverAddress
            self.prefixLength = min(max(prefixLength, 0), 32)
            self.router = router
            self.nameServers = nameServers
            self.leaseSeconds = leaseSeconds
        }

        public var mask: UInt32 { prefixLength == 0 ? 0 : UInt32.max << UInt32(32 - prefixLength) }
        /// Addresses no client may have: the network's own, its broadcast's, and those of the machines named here.
        var reserved: Set<IPv4Address> {
            var reserved: Set = [serverAddress]
            reserved.formUnion(nameServers)
            if let router { reserved.insert(router) }
            // Networks of one or two machines have neither (RFC 3021).
            if prefixLength <= 30 {
                reserved.insert(IPv4Address(value: serverAddress.value & mask))
                reserved.insert(IPv4Address(value: serverAddress.value | ~mask))
            }
            return reserved
        }
        func contains(_ address: IPv4Address) -> Bool { address.value & mask == serverAddress.value & mask }
    }

    public enum Destination: Sendable, Equatable {
        /// 255.255.255.255, the client's port: a client without an address hears nothing else of us, since an
        /// unprivileged socket cannot send to a hardware address.
        case broadcast
        case unicast(IPv4Address, port: Int)
        /// Where the message came from (port 4011).
        case sender
    }

    public struct Answer: Sendable {
        public var reply: DHCP.Message?
        public var destination = Destination.broadcast
        /// The lease database must be on disk before the reply leaves.
        public var leasesChanged = false
        /// Why there is no reply.
        public var ignored: String?
        public var why: [String] = []
        /// For the terminal.
        public var lines: [String] = []

        static func ignoring(_ reason: String) -> Answer { Answer(ignored: reason) }
    }

    public let mode: Mode
    public let network: Network
    public internal(set) var leases: Leases?

    /// - Parameter remembered: What an earlier run's database holds; addresses outside the range are dropped.
    public init(mode: Mode, network: Network, remembered: Leases? = nil) {
        self.mode = mode
        self.network = network
        if case .full(let range) = mode {
            var leases = Leases(range: range)
            if let remembered { leases.adopt(remembered) }
            self.leases = leases
        }
    }

    /// Answers one message that came to `port` (67 or 4011).
    public mutating func answer(
        _ message: DHCP.Message, port: Int, now: Duration, policy: BootPolicy, attempts: inout BootAttempts,
        newIdentifier: () -> String
    ) -> Answer {
        guard !message.isReply else { return .ignoring("a reply, not a request") }
        guard let kind = message.messageType else { return .ignoring("no message type: plain BOOTP is not served") }
        guard let request = BootRequest(message) else { return .ignoring("not an Ethernet client") }
        if message.relayAddress != .unspecified, !network.contains(message.relayAddress) {
            return .ignoring("relayed from another network by \(message.relayAddress)")
        }
        let seconds = Int(clamping: now.components.seconds)
        switch kind {
        case .discover, .request, .inform: break
        case .release:
            let changed = leases?.release(message.clientAddress, by: request.mac, now: seconds) ?? false
            return Answer(leasesChanged: changed, ignored: "released")
        case .decline:
            let changed = message.requestedAddress.flatMap { leases?.decline($0, by: request.mac, now: seconds) }
            return Answer(leasesChanged: changed ?? false, ignored: "declined")
        case .offer, .acknowledge, .refuse: return .ignoring("a server's message in a request")
        }
        if isForAnotherServer(message) {
            leases?.withdraw(from: request.mac)
            return .ignoring("it chose the server \(message.serverIdentifier ?? .unspecified)")
        }
        if case .proxy = mode, kind == .request, port == DHCP.serverPort {
            // The other server's business; a proxy is asked on 4011.
            return .ignoring("a request to the address server")
        }
        var exchange = Exchange(message: message, kind: kind, request: request, port: port, now: now)
        exchange.decide(policy: policy, attempts: &attempts, newIdentifier: newIdentifier)
        if case .ignored(let reason) = exchange.offer.answer { return exchange.finished(.ignoring(reason)) }
        return mode == .proxy
            ? proxyAnswer(&exchange, attempts: &attempts) : fullAnswer(&exchange, seconds, attempts: &attempts)
    }

    private func isForAnotherServer(_ message: DHCP.Message) -> Bool {
        guard let server = message.serverIdentifier else { return false }
        return server != network.serverAddress && message.messageType == .request
    }
}
