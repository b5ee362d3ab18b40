/// The addresses of one network's ranges and who has them: a value, for the database to keep. Times are seconds since the
/// Unix epoch.
///
/// A client is its MAC address: a node's firmware, loader and system send different client identifiers (option 61)
/// but are one machine, which should keep one address through its boot.
public struct Leases: Equatable, Sendable {
    public enum State: String, Codable, Sendable {
        /// Offered, not yet asked for.
        case offered
        case bound
        /// Someone said another machine uses it, or one was found to.
        case declined
    }

    public struct Lease: Codable, Equatable, Sendable {
        public var address: IPv4Address
        public var client: MACAddress
        public var state: State
        public var expires: Int
    }

    /// Sorted, apart from each other.
    public let ranges: [ClosedRange<IPv4Address>]
    private var byAddress: [IPv4Address: Lease] = [:]
    /// Its lease that is not declined.
    private var byClient: [MACAddress: IPv4Address] = [:]

    /// Seconds an offer is kept for its client, and seconds a declined address is left alone.
    static let offerSeconds = 60
    static let declineSeconds = 600

    public init(ranges: [ClosedRange<IPv4Address>]) {
        self.ranges = ranges.sorted { $0.lowerBound < $1.lowerBound }
    }

    public init(range: ClosedRange<IPv4Address>) { self.init(ranges: [range]) }

    /// All of them, run out or not, sorted by address.
    public var leases: [Lease] { byAddress.values.sorted { $0.address < $1.address } }

    /// The lease of a client, unless it has run out.
    public func lease(of client: MACAddress, now: Int) -> Lease? {
        byClient[client].flatMap { byAddress[$0] }.flatMap { $0.expires > now ? $0 : nil }
    }

    public func lease(at address: IPv4Address) -> Lease? { byAddress[address] }

    public func contains(_ address: IPv4Address) -> Bool { ranges.contains { $0.contains(address) } }

    /// Takes what a database remembers, where it fits these ranges.
    public mutating func adopt(_ others: some Sequence<Lease>) {
        for lease in others where contains(lease.address) { put(lease) }
    }

    /// An address for `client`: its own, even after it ran out, else the requested one, else one its MAC address
    /// chooses, so that a lost database gives most nodes the address they had. One that nobody ever had goes before one
    /// that ran out. Nil when none is free.
    public mutating func offer(to client: MACAddress, requested: IPv4Address?, excluding: Set<IPv4Address>, now: Int)
        -> IPv4Address?
    {
        if let own = byClient[client].flatMap({ byAddress[$0] }), !excluding.contains(own.address) {
            if own.expires <= now || own.state == .offered {
                put(Lease(address: own.address, client: client, state: .offered, expires: now + Self.offerSeconds))
            }
            return own.address
        }
        func isFree(_ address: IPv4Address) -> Bool {
            (byAddress[address]?.expires ?? 0) <= now && !excluding.contains(address)
        }
        let wanted = requested.flatMap { contains($0) && isFree($0) ? $0 : nil }
        guard let free = wanted ?? anyFree(for: client, isFree) else { return nil }
        put(Lease(address: free, client: client, state: .offered, expires: now + Self.offerSeconds))
        return free
    }

    private func anyFree(for client: MACAddress, _ isFree: (IPv4Address) -> Bool) -> IPv4Address? {
        let sizes = ranges.map { Int($0.upperBound.value - $0.lowerBound.value) + 1 }
        let count = sizes.reduce(0, +)
        guard count > 0 else { return nil }
        func address(_ place: Int) -> IPv4Address {
            var place = place % count
            for (range, size) in zip(ranges, sizes) {
                if place < size { return IPv4Address(value: range.lowerBound.value + UInt32(place)) }
                place -= size
            }
            return ranges[0].lowerBound
        }
        // FNV-1a over the MAC address.
        let hash = client.bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let start = Int(hash % UInt64(count))
        var oldest: Lease?
        for step in 0..<count {
            let candidate = address(start + step)
            guard isFree(candidate) else { continue }
            guard let known = byAddress[candidate] else { return candidate }
            if oldest.map({ known.expires < $0.expires }) ?? true { oldest = known }
        }
        return oldest?.address
    }

    /// Gives `address` to `client` for `seconds`; false when it is outside the ranges or another's.
    public mutating func bind(_ address: IPv4Address, to client: MACAddress, seconds: Int, now: Int) -> Bool {
        guard contains(address) else { return false }
        if let known = byAddress[address], known.expires > now, known.client != client || known.state == .declined {
            return false
        }
        if let own = byClient[client], own != address { remove(own) }
        put(Lease(address: address, client: client, state: .bound, expires: now + seconds))
        return true
    }

    /// The client chose another server's offer: what was kept for it is free again.
    public mutating func withdraw(from client: MACAddress) {
        if let own = byClient[client], byAddress[own]?.state == .offered { remove(own) }
    }

    /// The client gives its address back; it gets the same one next time if that is still free.
    /// False where nothing changed: it is not this client's, or had run out.
    @discardableResult
    public mutating func release(_ address: IPv4Address, by client: MACAddress, now: Int) -> Bool {
        guard byClient[client] == address, let lease = byAddress[address], lease.expires > now else { return false }
        byAddress[address]?.expires = now
        return true
    }

    /// The client found `address` in use by another machine.
    /// False where nothing changed: it is not this client's, or was declined already.
    @discardableResult
    public mutating func decline(_ address: IPv4Address, by client: MACAddress, now: Int) -> Bool {
        guard let known = byAddress[address], known.client == client, known.state != .declined || known.expires <= now
        else { return false }
        put(Lease(address: address, client: client, state: .declined, expires: now + Self.declineSeconds))
        return true
    }

    private mutating func put(_ lease: Lease) {
        if let before = byAddress[lease.address], byClient[before.client] == lease.address {
            byClient[before.client] = nil
        }
        if lease.state != .declined {
            if let own = byClient[lease.client], own != lease.address { byAddress[own] = nil }
            byClient[lease.client] = lease.address
        }
        byAddress[lease.address] = lease
    }

    private mutating func remove(_ address: IPv4Address) {
        if let before = byAddress.removeValue(forKey: address), byClient[before.client] == address {
            byClient[before.client] = nil
        }
    }
}
