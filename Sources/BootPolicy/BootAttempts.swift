import BootProtocols

/// The boots a server knows of: one at a time for each node, and which system each one began with.
public struct BootAttempts: Sendable {
    private struct Known: Sendable {
        var attempt: BootAttempt
        var system: ServedSystem
        var lastHeard: Duration
    }

    private var byIdentifier: [String: Known] = [:]
    private var current: [MACAddress: String] = [:]

    /// After so long without a word a boot counts as stopped, and the node's next request as a new one.
    public var silence = Duration.seconds(150)
    /// The same once everything was delivered: a large system unpacks and starts without a word.
    public var bootSilence = Duration.seconds(600)
    /// Finished attempts are kept this long, for late requests.
    static let memory = Duration.seconds(3600)
    /// More nodes at once than one server feeds; those without a transfer make room first, then the oldest.
    static let maximum = 16_384

    public init() {}

    /// All attempts, oldest first.
    public var all: [BootAttempt] {
        byIdentifier.values.map(\.attempt).sorted { ($0.began, $0.identifier) < ($1.began, $1.identifier) }
    }

    public func attempt(_ identifier: String) -> BootAttempt? { byIdentifier[identifier]?.attempt }
    public func system(of identifier: String) -> ServedSystem? { byIdentifier[identifier]?.system }
    public func current(of node: MACAddress) -> BootAttempt? { current[node].flatMap { byIdentifier[$0]?.attempt } }

    /// The attempt a booting client's discover belongs to: the node's own that is still under way, or a new one.
    ///
    /// A boot is one chain of discovers: ROM, then iPXE, then perhaps the kernel. Firmware that asks again after its
    /// kernel was delivered has been reset.
    public mutating func begin(
        _ request: BootRequest, system: ServedSystem, now: Duration, newIdentifier: () -> String
    ) -> (identifier: String, lines: [String]) {
        var lines: [String] = []
        if let identifier = current[request.mac], var known = byIdentifier[identifier] {
            if known.attempt.outcome == .running, !known.attempt.isDelivered, now - known.lastHeard < silence {
                return (identifier, [])
            }
            if known.attempt.outcome == .running {
                let reason =
                    now - known.lastHeard < silence && known.attempt.isDelivered
                    ? "the machine started again before its system phoned home" : known.attempt.likelyReason
                lines = known.attempt.record(.stopped(reason: reason), now: known.lastHeard)
                byIdentifier[identifier] = known
            }
        }
        makeRoom()
        let identifier = newIdentifier()
        byIdentifier[identifier] = Known(
            attempt: BootAttempt(identifier: identifier, node: request.mac, system: system.manifest.system, now: now),
            system: system, lastHeard: now)
        current[request.mac] = identifier
        return (identifier, lines)
    }

    /// Takes an event into an attempt; unknown identifiers are ignored.
    public mutating func record(_ event: BootAttempt.Event, of identifier: String, now: Duration) -> [String] {
        guard byIdentifier[identifier] != nil else { return [] }
        byIdentifier[identifier]?.lastHeard = now
        return byIdentifier[identifier]?.attempt.record(event, now: now) ?? []
    }

    /// Call now and then: boots that have gone silent are stopped, with the likely reason, and old ones
    /// forgotten.
    public mutating func expire(now: Duration) -> [String] {
        var lines: [String] = []
        for (identifier, known) in byIdentifier where known.attempt.outcome == .running {
            let limit = known.attempt.isDelivered ? bootSilence : silence
            if now - known.lastHeard >= limit {
                lines +=
                    byIdentifier[identifier]?.attempt.record(
                        .stopped(reason: known.attempt.likelyReason), now: known.lastHeard) ?? []
            }
        }
        for (identifier, known) in byIdentifier
        where known.attempt.outcome != .running && now - known.lastHeard > Self.memory {
            forget(identifier)
        }
        return lines.sorted()
    }

    private mutating func makeRoom() {
        guard byIdentifier.count >= Self.maximum else { return }
        // A forged discover costs its sender nothing, a transfer does. Many at once, since each search reads all.
        let order = byIdentifier.mapValues { ($0.attempt.hasTransfer ? 1 : 0, $0.lastHeard) }
            .sorted { $0.value < $1.value }
        for (identifier, _) in order.prefix(Self.maximum / 16) { forget(identifier) }
    }

    private mutating func forget(_ identifier: String) {
        guard let known = byIdentifier.removeValue(forKey: identifier) else { return }
        if current[known.attempt.node] == identifier { current[known.attempt.node] = nil }
    }
}
