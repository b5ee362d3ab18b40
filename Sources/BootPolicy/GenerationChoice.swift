import BootProtocols
import SystemModel

/// The generations of one system that may be given out, and which of them to whom.
public struct ServedGenerations: Sendable, Equatable {
    public var rollout: Rollout
    /// By number; those that have gone from the store are not here.
    public var systems: [Int: ServedSystem]

    public init(rollout: Rollout, systems: [Int: ServedSystem]) {
        self.rollout = rollout
        self.systems = systems
    }
}

/// Which generation a node gets for a boot that begins now, and why.
public struct GenerationChoice: Sendable, Equatable {
    public var generation: Int
    /// Nil where it is simply the one that everybody gets.
    public var reason: String?
}

extension Rollout {
    /// The generation for a node: a function of who it is, what it has lived through, and what was published.
    ///
    /// - Parameters:
    ///   - trials: what the node has made of this system's generations.
    ///   - good: generations that phoned home on any node, for a node that has no good one of its own.
    ///   - available: what the store still has.
    /// - Returns: nil where nothing that may be given is there.
    public func choice(
        for node: MACAddress, group: String?, trials: NodeHistory.Trials, good: Set<Int>, available: Set<Int>
    ) -> GenerationChoice? {
        var wanted = GenerationChoice(generation: generation)
        if let trial, trial.audience.includes(node, group: group), available.contains(trial.generation) {
            wanted = GenerationChoice(generation: trial.generation, reason: "on trial for \(trial.audience)")
        }
        let failures = trials.failures(of: wanted.generation, since: since)
        if patience > 0, failures >= patience {
            let own = trials.lastGood.flatMap { $0 != wanted.generation && available.contains($0) ? $0 : nil }
            let others = good.filter {
                $0 != wanted.generation && available.contains($0) && failed($0, trials) == false
            }
            if let fallback = own ?? others.max() {
                let whose = own == nil ? "another node's" : "its"
                return GenerationChoice(
                    generation: fallback,
                    reason:
                        "generation \(wanted.generation) did not phone home in \(failures) boot\(failures == 1 ? "" : "s") of this node, "
                        + "and \(fallback) is \(whose) last good one")
            }
        }
        if available.contains(wanted.generation) { return wanted }
        // The image has been deleted; anything that boots is better than a dark machine.
        return available.max().map {
            GenerationChoice(generation: $0, reason: "generation \(wanted.generation) is no longer in the store")
        }
    }

    private func failed(_ generation: Int, _ trials: NodeHistory.Trials) -> Bool {
        trials.failures(of: generation, since: since) >= patience
    }
}

extension Rollout.Audience {
    /// Whether a node belongs to it, now and after every restart.
    public func includes(_ node: MACAddress, group: String?) -> Bool {
        switch self {
        case .group(let name): name == group
        case .share(let percent): Self.place(of: node) < percent
        }
    }

    /// A node's place among a hundred: FNV-1a over its address, then mixed, since cards of one maker differ in few bits.
    static func place(of node: MACAddress) -> Int {
        var hash = node.bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        return Int((hash ^ hash >> 33) % 100)
    }
}

extension BootPolicy {
    /// What a node gets of the system that is its, for a boot that begins now; and why, where that is not simply what
    /// everybody gets.
    func given(
        _ system: ServedSystem, to node: MACAddress, after attempts: BootAttempts
    ) -> (system: ServedSystem, reason: String?) {
        let name = system.manifest.system
        guard let known = generations[name],
            let choice = known.rollout.choice(
                for: node, group: choice(for: seen.machine(node)).node?.group,
                trials: attempts.history(of: node).trials[name] ?? .init(),
                good: attempts.goodGenerations(of: name), available: Set(known.systems.keys)),
            let chosen = known.systems[choice.generation]
        else { return (system, nil) }
        return (chosen, choice.reason)
    }

    /// A system by name and generation, as an earlier run's records name it; nil where it is no longer there.
    public func system(named name: String, generation: Int?) -> ServedSystem? {
        if let generation, let known = generations[name]?.systems[generation] { return known }
        return systems[name].flatMap { $0.generation == generation ? $0 : nil }
    }

    /// The generation that a machine's own menu asks for, `boot/ATTEMPT/generation-N.ipxe`, or
    /// `.cfg` of GRUB's; nil for any other name.
    public func generation(
        chosenBy name: String, for attempts: BootAttempts
    ) -> (attempt: String, system: ServedSystem)? {
        guard let (attempt, scope, file) = BootFileName.split(name), scope == nil,
            let system = attempts.attempt(attempt)?.system,
            file.hasPrefix("generation-"),
            let ending = [".ipxe", GRUBSearch.ending].first(where: file.hasSuffix),
            let number = Int(file.dropFirst(11).dropLast(ending.count)),
            let chosen = generations[system]?.systems[number]
        else { return nil }
        return (attempt, chosen)
    }

    /// What a name decides about the boot that it belongs to: a generation or a system chosen in a menu, or the system of
    /// the node that the serial number in it tells of. Nil where it decides nothing new.
    public func choice(
        madeBy name: String, for attempts: BootAttempts
    ) -> (attempt: String, system: ServedSystem, reason: String, script: BootFileName.File)? {
        let script = name.hasSuffix(GRUBSearch.ending) ? BootFileName.File.grub : .script
        if let chosen = generation(chosenBy: name, for: attempts) {
            return (chosen.attempt, chosen.system, "chosen in the machine's menu", script)
        }
        guard let parts = BootFileName.split(name), [BootFileName.scriptName, GRUBSearch.file].contains(parts.file),
            let scope = parts.scope,
            let node = attempts.attempt(parts.attempt)?.node
        else { return nil }
        let wanted: ServedSystem?
        let reason: String
        switch scope {
        case .system(let name):
            guard choice(for: seen.machine(node)).answer == .menu else { return nil }
            (wanted, reason) = (systems[name], "chosen in the machine's menu")
        case .serial(let serial):
            var machine = seen.machine(node)
            machine.serial = serial ?? ""
            let choice = choice(for: machine)
            guard case .system = choice.answer else { return nil }
            (wanted, reason) = (choice.system, "known by its serial number")
        }
        guard let wanted, wanted.manifest.system != attempts.system(of: parts.attempt)?.manifest.system else {
            return nil
        }
        return (parts.attempt, given(wanted, to: node, after: attempts).system, reason, script)
    }
}
