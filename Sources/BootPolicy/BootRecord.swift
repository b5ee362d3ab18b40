import BootProtocols

/// One line of the boot records: what a reader needs to tell every boot again, in the order it happened.
///
/// Replaying all lines gives the attempts and what each node has lived through; the last two kinds stand at the head of a
/// new file, so that it can be replayed without the files before it.
public enum BootRecord: Codable, Sendable, Equatable {
    /// A boot began; `at` is in seconds since the Unix epoch.
    case began(boot: String, node: MACAddress, system: String, generation: Int?, at: Double)
    /// Something happened in a boot.
    case happened(boot: String, event: BootAttempt.Event, at: Double)
    /// A boot that was under way when the file was begun.
    case carried(BootAttempt)
    /// What a node had lived through when the file was begun.
    case history(NodeHistory)
}

/// What one node has made of the generations it was given.
public struct NodeHistory: Codable, Sendable, Equatable {
    /// The generations of one system.
    public struct Trials: Codable, Sendable, Equatable {
        /// The last generation that phoned home.
        public var lastGood: Int?
        /// Generation -> when it began to be fetched and did not phone home, in seconds since the Unix epoch, since it
        /// last did.
        public var failures: [Int: [Double]] = [:]

        public init() {}

        /// How often `generation` failed since a moment.
        public func failures(of generation: Int, since: Double) -> Int {
            failures[generation]?.count { $0 >= since } ?? 0
        }
    }

    public var node: MACAddress
    /// By system.
    public var trials: [String: Trials] = [:]

    public init(node: MACAddress) { self.node = node }

    /// More are forgotten, oldest first: nobody's patience is longer, and a node is given few generations.
    static let mostFailures = 8
    static let mostGenerations = 8
    static let mostSystems = 8

    /// Takes in how a boot ended; false where that says nothing of its generation.
    mutating func take(_ attempt: BootAttempt) -> Bool {
        guard let generation = attempt.generation else { return false }
        if trials[attempt.system] == nil, trials.count >= Self.mostSystems, let first = trials.keys.min() {
            trials[first] = nil
        }
        var trial = trials[attempt.system] ?? Trials()
        switch attempt.outcome {
        case .running: return false
        case .booted:
            trial.lastGood = generation
            trial.failures[generation] = nil
        case .stopped:
            guard attempt.hasBegunSystem else { return false }
            let known = trial.failures[generation] ?? []
            guard !known.contains(attempt.began) else { return false }
            trial.failures[generation] = (known + [attempt.began]).suffix(Self.mostFailures)
            while trial.failures.count > Self.mostGenerations, let oldest = trial.failures.keys.min() {
                trial.failures[oldest] = nil
            }
        }
        trials[attempt.system] = trial
        return true
    }
}
