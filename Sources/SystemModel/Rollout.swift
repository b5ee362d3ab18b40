/// Which generation of a system its nodes get: what `publish` and `rollback` write and a running server reads.
public struct Rollout: Codable, Sendable, Equatable {
    /// Some of the nodes, chosen the same way every time.
    public enum Audience: Codable, Sendable, Equatable {
        /// The nodes of a group of the site file.
        case group(String)
        /// So many of a hundred nodes, told by who they are; a larger share has those of a smaller one.
        case share(percent: Int)
    }

    /// A generation that only some get, until it is published to all or rolled back.
    public struct Trial: Codable, Sendable, Equatable {
        public var generation: Int
        public var audience: Audience

        public init(generation: Int, audience: Audience) {
            self.generation = generation
            self.audience = audience
        }
    }

    public var version = 1
    public var system: String
    /// What a node gets.
    public var generation: Int
    public var trial: Trial?
    /// After so many boots of a generation that began to fetch it and did not phone home, a node gets its last good one.
    public var patience: Int
    /// Failures before this moment, in seconds since 1970, count no more: publishing again is another chance.
    public var since: Double

    public static let defaultPatience = 3

    public init(
        system: String, generation: Int, trial: Trial? = nil, patience: Int = defaultPatience, since: Double
    ) {
        self.system = system
        self.generation = generation
        self.trial = trial
        self.patience = patience
        self.since = since
    }

    /// Every generation that may be given out.
    public var generations: Set<Int> { Set([generation] + (trial.map { [$0.generation] } ?? [])) }
}

extension Rollout.Audience: CustomStringConvertible {
    /// `group "lab"`, `10% of the nodes`
    public var description: String {
        switch self {
        case .group(let name): "group \"\(name)\""
        case .share(let percent): "\(percent)% of the nodes"
        }
    }
}
