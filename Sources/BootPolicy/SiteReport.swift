import BootProtocols
import SystemModel

/// What a server knows at one moment, as its page and its JSON interface tell it.
public struct SiteReport: Codable, Sendable, Equatable {
    /// One boot, without its timeline.
    public struct Boot: Codable, Sendable, Equatable {
        public var identifier: String
        public var system: String
        public var generation: Int?
        public var outcome: BootAttempt.Outcome
        /// Seconds since the Unix epoch.
        public var began: Double
        /// Seconds from its beginning to its last event.
        public var elapsed: Double
        public var summary: String
        /// Of a boot under way, the file that is being sent.
        public var progress: Progress?
    }

    public struct Progress: Codable, Sendable, Equatable {
        public var file: String
        public var transport: BootAttempt.Transport
        public var bytes: Int
        public var size: Int
    }

    /// One machine and its boots, the newest first.
    public struct Node: Codable, Sendable, Equatable {
        public var node: MACAddress
        /// What the site calls it; nil for a machine that is none of its nodes.
        public var name: String?
        public var boots: [Boot]
    }

    /// A machine that asked and is none of the site's nodes.
    public struct Stranger: Codable, Sendable, Equatable {
        public var mac: MACAddress
        /// What it said it was: `PXE (x64 UEFI)`.
        public var client: String
        /// Seconds since the Unix epoch.
        public var last: Double
    }

    /// One generation of a system, and what a node that boots it takes.
    public struct Generation: Codable, Sendable, Equatable {
        public var number: Int
        public var kernel: String
        public var kernelBytes: Int
        public var initramfsBytes: Int
        public var segments: Int
        public var peakMemoryBytes: Int
        /// On how many of the nodes it was the last that phoned home.
        public var goodOn: Int
    }

    public struct System: Codable, Sendable, Equatable {
        public var name: String
        /// What new boots get; nil where nothing was published.
        public var served: Int?
        /// What only some get, and who.
        public var trial: Int?
        public var trialFor: String?
        public var patience: Int?
        /// Newest first.
        public var generations: [Generation]
    }

    /// Newest boot first, at most `mostNodes`.
    public var nodes: [Node]
    /// All of them, also those left out.
    public var nodeCount: Int
    public var systems: [System]
    /// The latest first, at most `mostStrangers`; none where there is no site to adopt them into.
    public var strangers: [Stranger]
    /// Seconds since the Unix epoch.
    public var now: Double

    public init(nodes: [Node], nodeCount: Int, systems: [System], strangers: [Stranger] = [], now: Double) {
        self.nodes = nodes
        self.nodeCount = nodeCount
        self.strangers = strangers
        self.systems = systems
        self.now = now
    }

    public static let mostNodes = 500
    static let mostStrangers = 50
    static let mostBoots = 6
}

extension SiteReport.Boot {
    public init(_ attempt: BootAttempt) {
        self.init(
            identifier: attempt.identifier, system: attempt.system, generation: attempt.generation,
            outcome: attempt.outcome, began: attempt.began, elapsed: attempt.elapsed, summary: attempt.summary,
            progress: attempt.outcome == .running ? attempt.progress : nil)
    }
}

extension BootAttempt {
    /// The transfer under way: the last one that began and has not ended.
    var progress: SiteReport.Progress? {
        var open: [String: SiteReport.Progress] = [:]
        var last: String?
        for entry in entries {
            switch entry.event {
            case .transferStarted(let file, let transport, let size):
                open[file] = .init(file: file, transport: transport, bytes: 0, size: size)
                last = file
            case .transferProgress(let file, _, let bytes):
                open[file]?.bytes = bytes
                last = file
            case .transferFinished(let file, _, _, _), .transferStopped(let file, _, _, _, _): open[file] = nil
            default: break
            }
        }
        return last.flatMap { open[$0] }
    }
}

extension BootAttempts {
    /// The machines in `wanted`, or all, each with its newest boots; the machine that booted last comes first.
    /// - Parameter named: what the site calls a machine.
    public func report(
        of wanted: Set<MACAddress>? = nil, named: (MACAddress) -> String?
    ) -> [SiteReport.Node] {
        var byNode: [MACAddress: [BootAttempt]] = [:]
        for attempt in all where wanted?.contains(attempt.node) ?? true {
            byNode[attempt.node, default: []].append(attempt)
        }
        return byNode.map { node, attempts in
            SiteReport.Node(
                node: node, name: named(node),
                boots: attempts.suffix(SiteReport.mostBoots).reversed().map(SiteReport.Boot.init))
        }
        .sorted { ($1.boots.first?.began ?? 0, $0.node) < ($0.boots.first?.began ?? 0, $1.node) }
    }

    func goodNodes(of system: String) -> [Int: Int] {
        allHistories.reduce(into: [:]) { counts, history in
            if let good = history.trials[system]?.lastGood { counts[good, default: 0] += 1 }
        }
    }
}

extension BootPolicy {
    /// What the site calls a machine that was seen.
    public func name(of mac: MACAddress) -> String? {
        let machine = seen.machine(mac)
        return site.node(mac: mac, uuid: machine.uuid, serial: machine.serial)?.node.name
    }

    /// The machines that were seen and are no nodes.
    public func strangers() -> [SiteReport.Stranger] {
        if site.nodesPath.isEmpty { return [] }
        return seen.all.sorted { $0.last > $1.last }.lazy.filter { name(of: $0.mac) == nil }
            .prefix(SiteReport.mostStrangers)
            .map { .init(mac: $0.mac, client: $0.client, last: Double($0.last)) }
    }

    /// Each system with its generations.
    public func systemReports(_ attempts: BootAttempts) -> [SiteReport.System] {
        generations.sorted { $0.key < $1.key }.map { name, known in
            let good = attempts.goodNodes(of: name)
            return SiteReport.System(
                name: name, served: known.rollout.generation, trial: known.rollout.trial?.generation,
                trialFor: known.rollout.trial.map { "\($0.audience)" }, patience: known.rollout.patience,
                generations: known.systems.sorted { $0.key > $1.key }.map { number, system in
                    let manifest = system.manifest
                    return .init(
                        number: number, kernel: manifest.kernelRelease, kernelBytes: manifest.kernel.size,
                        initramfsBytes: manifest.initramfsSize, segments: manifest.segments.count,
                        peakMemoryBytes: manifest.peakMemory, goodOn: good[number] ?? 0)
                })
        }
    }
}
