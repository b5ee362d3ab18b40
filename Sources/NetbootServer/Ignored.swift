import Synchronization

/// What came from the network and was not heeded, counted by protocol and reason.
public struct IgnoredPackets: Sendable, Equatable {
    public enum Transport: String, Sendable, Hashable, CaseIterable { case dhcp, tftp, http, https }

    public struct Reason: Hashable, Sendable {
        public var transport: Transport
        public var reason: String
    }

    public private(set) var counts: [Reason: Int] = [:]

    /// Reasons name numbers that a stranger chose; past so many the rest are counted as one.
    static let mostReasons = 64

    public init() {}

    mutating func count(_ transport: Transport, _ reason: String) {
        var key = Reason(transport: transport, reason: reason)
        if counts[key] == nil, counts.count >= Self.mostReasons { key.reason = "other" }
        counts[key, default: 0] += 1
    }
}

/// How often each client may ask: a bucket of requests for each, which fills again with time.
struct RequestRates: Sendable {
    private struct Bucket {
        var left: Double
        var asked: Duration
    }

    private var buckets: [UInt32: Bucket] = [:]
    private static let most = 32_768

    /// Takes one request out of a client's bucket; false where it is empty.
    mutating func admits(_ client: UInt32, perSecond: Int, now: Duration) -> Bool {
        let rate = Double(perSecond)
        // Two seconds' worth at once, for firmware that tries a list of names.
        let size = rate * 2
        if buckets.count >= Self.most {
            // Those that are full again are as good as forgotten.
            buckets = buckets.filter { now - $0.value.asked < .seconds(2) }
            if buckets.count >= Self.most { buckets.removeAll() }
        }
        var bucket = buckets[client] ?? Bucket(left: size, asked: now)
        bucket.left = min(size, bucket.left + rate * ((now - bucket.asked) / .seconds(1)))
        bucket.asked = now
        defer { buckets[client] = bucket }
        guard bucket.left >= 1 else { return false }
        bucket.left -= 1
        return true
    }
}
