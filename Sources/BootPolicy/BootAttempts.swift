import BootProtocols

/// The boots a server knows of: one at a time for each node, which system each one began with, and what each node has
/// lived through.
public struct BootAttempts: Sendable {
    private struct Known: Sendable {
        var attempt: BootAttempt
        /// Nil where the records tell of a system that is no longer there.
        var system: ServedSystem?
        var lastHeard: Duration
    }

    private var byIdentifier: [String: Known] = [:]
    private var current: [MACAddress: String] = [:]
    private var histories: [MACAddress: NodeHistory] = [:]
    /// By system, the generations that phoned home on some node.
    private var good: [String: Set<Int>] = [:]
    /// What has happened since `takeRecords`, where someone takes them.
    private var records: [BootRecord] = []
    private let keepsRecords: Bool

    /// After so long without a word a boot counts as stopped, and the node's next request as a new one.
    public var silence = Duration.seconds(150)
    /// The same once everything was delivered: a large system unpacks and starts without a word.
    public var bootSilence = Duration.seconds(600)
    /// Finished attempts are kept this long, for late requests; the newest of them longer, to be looked at.
    static let memory = Duration.seconds(3600)
    static let mostFinished = 4096
    /// More nodes at once than one server feeds; those without a transfer make room first, then the oldest.
    static let maximum = 16_384

    /// - Parameter keepsRecords: whether `takeRecords` will be called now and then.
    public init(keepsRecords: Bool = false) { self.keepsRecords = keepsRecords }

    /// All attempts, oldest first.
    public var all: [BootAttempt] {
        byIdentifier.values.map(\.attempt).sorted { ($0.began, $0.identifier) < ($1.began, $1.identifier) }
    }

    public func attempt(_ identifier: String) -> BootAttempt? { byIdentifier[identifier]?.attempt }
    public func system(of identifier: String) -> ServedSystem? { byIdentifier[identifier]?.system }
    public func current(of node: MACAddress) -> BootAttempt? { current[node].flatMap { byIdentifier[$0]?.attempt } }
    /// The boot under way of the machine that was lent an address.
    public func running(at address: IPv4Address) -> String? {
        byIdentifier.values.first { known in
            // The lease is among the first that a boot tells of itself.
            known.attempt.outcome == .running
                && known.attempt.entries.prefix(16).contains { $0.event == .leased(address: address) }
        }?.attempt.identifier
    }
    var allHistories: [NodeHistory] { Array(histories.values) }
    public func history(of node: MACAddress) -> NodeHistory { histories[node] ?? NodeHistory(node: node) }

    /// The generations of a system that phoned home on some node, as far as the records go back.
    public func goodGenerations(of system: String) -> Set<Int> { good[system] ?? [] }

    /// The generations of a system that some node would fall back to.
    public func lastGoodGenerations(of system: String) -> Set<Int> {
        Set(histories.values.compactMap { $0.trials[system]?.lastGood })
    }

    /// What has happened since the last call, for the log.
    public mutating func takeRecords() -> [BootRecord] {
        defer { records = [] }
        return records
    }

    /// What a log's new file begins with: all that must outlive the files before it.
    public var carriedRecords: [BootRecord] {
        histories.values.sorted { $0.node < $1.node }.map(BootRecord.history)
            + all.filter { $0.outcome == .running }.map(BootRecord.carried)
    }

    /// The attempt a booting client's discover belongs to: the node's own that is still under way, or a new one, which
    /// gets `system`, for a reason if it is not simply what everybody gets.
    ///
    /// A boot is one chain of discovers: ROM, then iPXE, then perhaps the kernel. Firmware that asks again after its
    /// kernel was delivered has been reset.
    public mutating func begin(
        _ request: BootRequest, system: ServedSystem, reason: String? = nil, now: Duration, newIdentifier: () -> String
    ) -> (identifier: String, lines: [String]) {
        let lines = endPrevious(of: request.mac, now: now)
        if let identifier = current[request.mac], byIdentifier[identifier]?.attempt.outcome == .running {
            return (identifier, lines)
        }
        makeRoom()
        let identifier = newIdentifier()
        let record = BootRecord.began(
            boot: identifier, node: request.mac, system: system.manifest.system, generation: system.generation,
            at: now.inSeconds)
        begin(record, system: system)
        if keepsRecords { records.append(record) }
        guard let reason, let generation = system.generation else { return (identifier, lines) }
        let chosen = self.record(.chosen(generation: generation, reason: reason), of: identifier, now: now)
        return (identifier, lines + chosen)
    }

    /// Ends a node's boot that its new discover does not belong to, so that what the node has lived through is known
    /// before its next boot is given anything.
    mutating func endPrevious(of node: MACAddress, now: Duration) -> [String] {
        guard let identifier = current[node], let known = byIdentifier[identifier],
            known.attempt.outcome == .running, !isContinued(known, now: now)
        else { return [] }
        let reason =
            now - known.lastHeard < silence && known.attempt.isDelivered
            ? "the machine started again before its system phoned home" : known.attempt.likelyReason
        return record(.stopped(reason: reason), of: identifier, now: known.lastHeard)
    }

    /// The node's boot that a packet of its firmware belongs to; nil where that begins another.
    func underWay(of node: MACAddress, now: Duration) -> BootAttempt? {
        current[node].flatMap { byIdentifier[$0] }.flatMap { isContinued($0, now: now) ? $0.attempt : nil }
    }

    private func isContinued(_ known: Known, now: Duration) -> Bool {
        known.attempt.outcome == .running && !known.attempt.isDelivered && now - known.lastHeard < silence
    }

    private mutating func begin(_ record: BootRecord, system served: ServedSystem?) {
        guard case .began(let boot, let node, let system, let generation, let seconds) = record else { return }
        let now = Duration.seconds(seconds)
        byIdentifier[boot] = Known(
            attempt: BootAttempt(identifier: boot, node: node, system: system, generation: generation, now: now),
            system: served, lastHeard: now)
        current[node] = boot
    }

    /// Gives a boot under way another generation or system than it began with: someone at the machine chose it, or only now
    /// it is known who it is. With another system the timeline begins anew.
    public mutating func change(
        _ identifier: String, to system: ServedSystem, reason: String, now: Duration
    ) -> [String] {
        guard let known = byIdentifier[identifier], known.attempt.outcome == .running else { return [] }
        if known.attempt.system != system.manifest.system {
            let began = BootRecord.began(
                boot: identifier, node: known.attempt.node, system: system.manifest.system,
                generation: system.generation, at: now.inSeconds)
            begin(began, system: system)
            if keepsRecords { records.append(began) }
        }
        guard let generation = system.generation else { return [] }
        byIdentifier[identifier]?.system = system
        return record(.chosen(generation: generation, reason: reason), of: identifier, now: now)
    }

    /// Takes an event into an attempt; unknown identifiers are ignored.
    public mutating func record(_ event: BootAttempt.Event, of identifier: String, now: Duration) -> [String] {
        guard let recorded = byIdentifier[identifier]?.attempt.take(event, now: now) else { return [] }
        byIdentifier[identifier]?.lastHeard = now
        guard recorded.isNews else { return recorded.lines }
        if keepsRecords {
            records.append(.happened(boot: identifier, event: event.printable, at: now.inSeconds))
        }
        switch event {
        case .phonedHome, .stopped: if let known = byIdentifier[identifier] { remember(known.attempt) }
        default: break
        }
        return recorded.lines
    }

    private mutating func remember(_ attempt: BootAttempt) {
        var history = history(of: attempt.node)
        guard history.take(attempt) else { return }
        noteGood(history)
        if histories[attempt.node] == nil, histories.count >= Self.maximum, let any = histories.keys.first {
            histories[any] = nil
        }
        histories[attempt.node] = history
    }

    private mutating func noteGood(_ history: NodeHistory) {
        for (system, trials) in history.trials {
            if let generation = trials.lastGood { good[system, default: []].insert(generation) }
        }
    }

    /// Call now and then: boots that have gone silent are stopped, with the likely reason, and old ones
    /// forgotten.
    public mutating func expire(now: Duration) -> [String] {
        var lines: [String] = []
        for (identifier, known) in byIdentifier where known.attempt.outcome == .running {
            let limit = known.attempt.isDelivered ? bootSilence : silence
            if now - known.lastHeard >= limit {
                lines += record(.stopped(reason: known.attempt.likelyReason), of: identifier, now: known.lastHeard)
            }
        }
        let finished = byIdentifier.filter { $0.value.attempt.outcome != .running }
            .sorted { $0.value.lastHeard > $1.value.lastHeard }
        for (identifier, known) in finished.dropFirst(Self.mostFinished) where now - known.lastHeard > Self.memory {
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

extension BootAttempts {
    /// Takes in one line of the records of an earlier run; the lines that it stands for are returned.
    ///
    /// - Parameter system: The system of a generation, where it is still there: a node that was under way goes on with it.
    public mutating func replay(_ record: BootRecord, system: (_ name: String, _ generation: Int?) -> ServedSystem?)
        -> [String]
    {
        switch record {
        case .began(_, _, let name, let generation, _):
            makeRoom()
            begin(record, system: system(name, generation))
            return []
        case .happened(let boot, let event, let seconds):
            // What happened while a file was begun may be in what it carries, and follow once more.
            if attempt(boot)?.contains(event, at: seconds) == true { return [] }
            return self.record(event, of: boot, now: .seconds(seconds))
        case .carried(let attempt):
            makeRoom()
            let heard = Duration.seconds(attempt.began + attempt.elapsed)
            byIdentifier[attempt.identifier] = Known(
                attempt: attempt, system: system(attempt.system, attempt.generation), lastHeard: heard)
            current[attempt.node] = attempt.identifier
            return []
        case .history(let history):
            histories[history.node] = history
            noteGood(history)
            return []
        }
    }

    /// Call after the last `replay`: nodes may have asked while no server was there, so silence counts from now.
    public mutating func resume(now: Duration) {
        for (identifier, known) in byIdentifier where known.attempt.outcome == .running {
            byIdentifier[identifier]?.lastHeard = max(known.lastHeard, now)
        }
        records = []
    }
}
