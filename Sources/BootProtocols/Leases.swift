/// The addresses of one range and who has them: a value, for the database to keep. Times are seconds since the Unix
/// epoch.
///
/// A client is its MAC address: a node's firmware, loader and system send different client identifiers (option 61)
/// but are one machine, which should keep one address through its boot.
public struct Leases: Codable, Equatable, Sendable {
    public enum State: String, Codable, Sendable {
        /// Offered, not yet asked for.
        case offered
        case bound
        /// Someone said another machine uses it.
        case declined
    }

    public struct Lease: Codable, Equatable, Sendable {
        public var address: IPv4Address
        public var client: MACAddress
        public var state: State
        public var expires: Int
    }

    public let first: IPv4Address
    public let last: IPv4Address
    /// Sorted by address.
    public private(set) var leases: [Lease] = []

    /// Seconds an offer is kept for its client, and seconds a declined address is left alone.
    static let offerSeconds = 60
    static let declineSeconds = 600

    public init(range: ClosedRange<IPv4Address>) {
        first = range.lowerBound
        last = range.upperBound
    }

    /// The lease of a client, unless it has run out.
    public func lease(of client: MACAddress, now: Int) -> Lease? {
        leases.first { $0.client == client && $0.state != .declined && $0.expires > now }
    }

    public func contains(_ address: IPv4Address) -> Bool { (first...last).contains(address) }

    /// Takes what another range's database remembers, where it fits this range.
    public mutating func adopt(_ other: Leases) {
        for lease in other.leases where contains(lease.address) { put(lease) }
    }

    /// An address for `client`: its own, even after it ran out, else the requested one, else one its MAC address
    /// chooses, so that a lost database gives most nodes the address they had. Nil when none is free.
    public mutating func offer(to client: MACAddress, requested: IPv4Address?, excluding: Set<IPv4Address>, now: Int)
        -> IPv4Address?
    {
        if let own = leases.first(where: { $0.client == client && $0.state != .declined }),
            !excluding.contains(own.address)
        {
            if own.expires <= now || own.state == .offered {
                put(Lease(address: own.address, client: client, state: .offered, expires: now + Self.offerSeconds))
            }
            return own.address
        }
        let count = Int(last.value - first.value) + 1
        // FNV-1a over the MAC address.
        let hash = client.bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let start = Int(hash % UInt64(count))
        let chosen = requested.map { [$0] } ?? []
        let taken = Set(leases.lazy.filter { $0.expires > now }.map(\.address)).union(excluding)
        let base = first.value
        let candidates = (0..<count).lazy.map { IPv4Address(value: base + UInt32((start + $0) % count)) }
        let free = chosen.first { contains($0) && !taken.contains($0) } ?? candidates.first { !taken.contains($0) }
        guard let free else { return nil }
        put(Lease(address: free, client: client, state: .offered, expires: now + Self.offerSeconds))
        return free
    }

    /// Gives `address` to `client` for `seconds`; false when it is outside the range or another's.
    public mutating func bind(_ address: IPv4Address, to client: MACAddress, seconds: Int, now: Int) -> Bool {
        guard contains(address) else { return false }
        if let known = leases.first(where: { $0.address == address }), known.expires > now,
            known.client != client || known.state == .declined
        {
            return false
        }
        leases.removeAll { $0.client == client && $0.address != address && $0.state != .declined }
        put(Lease(address: address, client: client, state: .bound, expires: now + seconds))
        return true
    }

    /// The client chose another server's offer: what was kept for it is free again.
    public mutating func withdraw(from client: MACAddress) {
        leases.removeAll { $0.client == client && $0.state == .offered }
    }

    /// The client gives its address back; it gets the same one next time if that is still free.
    /// False where nothing changed: it is not this client's, or had run out.
    @discardableResult
    public mutating func release(_ address: IPv4Address, by client: MACAddress, now: Int) -> Bool {
        guard
            let index = leases.firstIndex(where: {
                $0.address == address && $0.client == client && $0.state != .declined && $0.expires > now
            })
        else { return false }
        leases[index].expires = now
        return true
    }

    /// The client found `address` in use by another machine.
    /// False where nothing changed: it is not this client's, or was declined already.
    @discardableResult
    public mutating func decline(_ address: IPv4Address, by client: MACAddress, now: Int) -> Bool {
        guard
            leases.contains(where: {
                $0.address == address && $0.client == client && ($0.state != .declined || $0.expires <= now)
            })
        else { return false }
        put(Lease(address: address, client: client, state: .declined, expires: now + Self.declineSeconds))
        return true
    }

    private mutating func put(_ lease: Lease) {
        if let index = leases.firstIndex(where: { $0.address >= lease.address }) {
            if leases[index].address == lease.address { leases[index] = lease } else { leases.insert(lease, at: index) }
        } else {
            leases.append(lease)
        }
    }
}
