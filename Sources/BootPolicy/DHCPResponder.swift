import BootProtocols
import SystemModel

/// The DHCP side of one interface without its sockets: a message and the time go in, the reply and where it goes come out
/// (RFC 2131 section 4.3; RFC 1542 section 4 for relays; PXE 2.1 section 2 for the proxy).
public struct DHCPResponder: Sendable {
    public enum Mode: Sendable, Equatable {
        /// Gives addresses.
        case full
        /// Gives boot data beside another server that gives addresses.
        case proxy
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
        /// An address that is given to a client which did not have it: worth a look whether another machine uses it.
        public var newlyLent: IPv4Address?
        /// Why there is no reply.
        public var ignored: String?
        public var why: [String] = []
        /// For the terminal.
        public var lines: [String] = []

        static func ignoring(_ reason: String) -> Answer { Answer(ignored: reason) }
    }

    /// A network and the leases of its ranges.
    struct Lender: Sendable {
        var subnet: Subnet
        var leases: Leases
    }

    public let mode: Mode
    /// The interface's own network first, then those behind relays.
    var lenders: [Lender]

    /// - Parameters:
    ///   - subnets: the interface's own first; relayed ones have their ranges, and a proxy lends from none.
    ///   - remembered: what an earlier run's database holds; addresses outside the ranges are dropped.
    public init(mode: Mode, subnets: [Subnet], remembered: RememberedLeases? = nil) {
        self.mode = mode
        lenders = subnets.map { subnet in
            var leases = Leases(ranges: mode == .full ? subnet.lending.ranges : [])
            if let remembered { leases.adopt(remembered.leases) }
            return Lender(subnet: subnet, leases: leases)
        }
    }

    /// What the lease database is to hold; nil for a proxy.
    public var leases: RememberedLeases? {
        mode == .proxy ? nil : RememberedLeases(lenders.flatMap(\.leases.leases))
    }

    /// The lease of a client on any of the networks, unless it has run out.
    public func lease(of client: MACAddress, now: Int) -> Leases.Lease? {
        lenders.lazy.compactMap { $0.leases.lease(of: client, now: now) }.first
    }

    /// Another machine was found to use an address: it is left alone for a while, and its client told to ask anew when it
    /// next asks for it. False where the address is not lent here.
    public mutating func isTaken(_ address: IPv4Address, by other: MACAddress, now: Int) -> Bool {
        for index in lenders.indices {
            guard let lease = lenders[index].leases.lease(at: address), lease.client != other else { continue }
            return lenders[index].leases.decline(address, by: lease.client, now: now)
        }
        return false
    }

    /// Answers one message that came to `port` (67 or 4011).
    public mutating func answer(
        _ message: DHCP.Message, port: Int, now: Duration, policy: BootPolicy, attempts: inout BootAttempts,
        newIdentifier: () -> String
    ) -> Answer {
        guard !message.isReply else { return .ignoring("a reply, not a request") }
        guard let kind = message.messageType else { return .ignoring("no message type: plain BOOTP is not served") }
        guard var request = BootRequest(message) else { return .ignoring("not an Ethernet client") }
        guard let place = lender(for: message) else {
            return .ignoring("relayed by \(message.relayAddress), whose network is not one of this interface's")
        }
        request.serial = policy.seen[request.mac]?.serial
        let seconds = Int(clamping: now.components.seconds)
        switch kind {
        case .discover, .request, .inform: break
        case .release:
            let changed = lenders[place].leases.release(message.clientAddress, by: request.mac, now: seconds)
            return Answer(leasesChanged: changed, ignored: "released")
        case .decline:
            let changed = message.requestedAddress.map {
                lenders[place].leases.decline($0, by: request.mac, now: seconds)
            }
            return Answer(leasesChanged: changed ?? false, ignored: "declined")
        case .offer, .acknowledge, .refuse: return .ignoring("a server's message in a request")
        }
        if isForAnotherServer(message, lenders[place].subnet) {
            lenders[place].leases.withdraw(from: request.mac)
            return .ignoring("it chose the server \(message.serverIdentifier ?? .unspecified)")
        }
        if case .proxy = mode, kind == .request, port == DHCP.serverPort {
            // The other server's business; a proxy is asked on 4011.
            return .ignoring("a request to the address server")
        }
        var exchange = Exchange(
            message: message, kind: kind, request: request, port: port, now: now, subnet: lenders[place].subnet)
        exchange.decide(policy: policy, attempts: &attempts, newIdentifier: newIdentifier)
        if case .ignored(let reason) = exchange.offer.answer { return exchange.finished(.ignoring(reason)) }
        return mode == .proxy
            ? proxyAnswer(&exchange, attempts: &attempts)
            : fullAnswer(&exchange, place, seconds, policy: policy, attempts: &attempts)
    }

    /// The network a message comes from: the relay's, or the interface's own. Who renews or releases an address does so past
    /// the relay, from that address (RFC 2131 section 4.4.5).
    private func lender(for message: DHCP.Message) -> Int? {
        let relay = message.relayAddress
        if relay == .unspecified {
            let own = message.clientAddress
            return lenders.firstIndex { own != .unspecified && $0.subnet.network.contains(own) }
                ?? lenders.indices.first
        }
        return lenders.firstIndex { $0.subnet.network.contains(relay) }
    }

    private func isForAnotherServer(_ message: DHCP.Message, _ subnet: Subnet) -> Bool {
        guard let server = message.serverIdentifier else { return false }
        return server != subnet.serverAddress && message.messageType == .request
    }
}
