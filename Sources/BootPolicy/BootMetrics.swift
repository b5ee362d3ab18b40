/// Counters over what a server has seen since it started, written as Prometheus reads them (text exposition format
/// 0.0.4): a fold over the boot records.
public struct BootMetrics: Sendable, Equatable {
    /// How long boots took from their first DHCP message to the phone-home.
    private struct Histogram: Equatable {
        var counts = [Int](repeating: 0, count: BootMetrics.bounds.count)
        var count = 0
        var sum = 0.0
    }

    /// What is true at the moment of asking.
    public struct Gauges: Sendable {
        public var underWay: Int
        public var nodes: Int
        public var recordsLost: Int
        /// By system, the generation that is served.
        public var generations: [String: Int]
        /// Packets that were not heeded, by protocol and reason.
        public var ignored: [[String]: Double]
        /// Seconds since the Unix epoch.
        public var started: Double

        public init(
            underWay: Int, nodes: Int, recordsLost: Int, generations: [String: Int],
            ignored: [[String]: Double] = [:], started: Double
        ) {
            self.ignored = ignored
            self.underWay = underWay
            self.nodes = nodes
            self.recordsLost = recordsLost
            self.generations = generations
            self.started = started
        }
    }

    /// Seconds.
    private static let bounds: [Double] = [10, 20, 30, 45, 60, 90, 120, 300, 600]

    private var begun: [[String]: Double] = [:]
    private var ended: [[String]: Double] = [:]
    private var fallbacks: [[String]: Double] = [:]
    private var transfers: [[String]: Double] = [:]
    private var bytes: [[String]: Double] = [:]
    private var refused: [[String]: Double] = [:]
    private var durations: [String: Histogram] = [:]

    public init() {}

    /// Takes in what happened in a boot.
    public mutating func take(_ record: BootRecord, of attempt: BootAttempt?) {
        switch record {
        case .began(_, _, let system, _, _): begun[[system], default: 0] += 1
        case .happened(_, let event, _): if let attempt { take(event, of: attempt) }
        case .carried, .history: break
        }
    }

    private mutating func take(_ event: BootAttempt.Event, of attempt: BootAttempt) {
        switch event {
        case .chosen: fallbacks[[attempt.system], default: 0] += 1
        case .transferFinished(_, let transport, let count, _):
            transfers[[transport.rawValue, "complete"], default: 0] += 1
            bytes[[transport.rawValue], default: 0] += Double(count)
        case .transferStopped(_, let transport, let count, _, _):
            transfers[[transport.rawValue, "stopped"], default: 0] += 1
            bytes[[transport.rawValue], default: 0] += Double(count)
        case .refused(_, let transport): refused[[transport.rawValue], default: 0] += 1
        case .phonedHome:
            ended[[attempt.system, "booted"], default: 0] += 1
            var histogram = durations[attempt.system] ?? Histogram()
            for (index, bound) in Self.bounds.enumerated() where attempt.elapsed <= bound {
                histogram.counts[index] += 1
            }
            histogram.count += 1
            histogram.sum += attempt.elapsed
            durations[attempt.system] = histogram
        case .stopped: ended[[attempt.system, "stopped"], default: 0] += 1
        case .discovered, .offered, .leased, .requested, .sized, .transferStarted, .transferProgress, .secretsGiven,
            .secretsRefused, .secureConnectionFailed:
            break
        }
    }

    /// The whole page that a scrape gets.
    public func text(_ gauges: Gauges) -> String {
        var text = ""
        func family(
            _ name: String, _ type: String, _ help: String, _ labels: [String], _ values: [[String]: Double]
        ) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (names, value) in values.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                text += "\(name)\(Self.labels(labels, names)) \(Self.number(value))\n"
            }
        }
        func gauge(_ name: String, _ help: String, _ value: Double) { family(name, "gauge", help, [], [[]: value]) }

        family("bootferry_boots_begun_total", "counter", "Boots that began.", ["system"], begun)
        family(
            "bootferry_boots_ended_total", "counter", "Boots that ended, by their outcome.", ["system", "outcome"],
            ended)
        family(
            "bootferry_generations_chosen_total", "counter",
            "Boots that got another generation than the published one: a trial, a fallback, a choice at the machine.",
            ["system"], fallbacks)
        family(
            "bootferry_transfers_total", "counter", "Boot files sent whole, or in part.", ["transport", "result"],
            transfers)
        family("bootferry_transfer_bytes_total", "counter", "Bytes of boot files sent.", ["transport"], bytes)
        family("bootferry_refused_files_total", "counter", "Files asked for that do not exist.", ["transport"], refused)
        family(
            "bootferry_ignored_packets_total", "counter", "What came from the network and was malformed or too much.",
            ["transport", "reason"], gauges.ignored)
        text += "# HELP bootferry_boot_seconds From the first DHCP message to the phone-home.\n"
        text += "# TYPE bootferry_boot_seconds histogram\n"
        for (system, histogram) in durations.sorted(by: { $0.key < $1.key }) {
            for (bound, count) in zip(Self.bounds, histogram.counts) {
                let labels = Self.labels(["system", "le"], [system, Self.number(bound)])
                text += "bootferry_boot_seconds_bucket\(labels) \(count)\n"
            }
            let all = Self.labels(["system", "le"], [system, "+Inf"])
            let labels = Self.labels(["system"], [system])
            text += "bootferry_boot_seconds_bucket\(all) \(histogram.count)\n"
            text += "bootferry_boot_seconds_sum\(labels) \(Self.number(histogram.sum))\n"
            text += "bootferry_boot_seconds_count\(labels) \(histogram.count)\n"
        }
        gauge("bootferry_boots_under_way", "Boots that have begun and not ended.", Double(gauges.underWay))
        gauge("bootferry_nodes", "Machines of which a boot is remembered.", Double(gauges.nodes))
        gauge("bootferry_records_lost", "Boot records that could not be written.", Double(gauges.recordsLost))
        gauge("process_start_time_seconds", "When the server started, since the Unix epoch.", gauges.started)
        family(
            "bootferry_generation", "gauge", "The generation of a system that new boots get.", ["system"],
            Dictionary(uniqueKeysWithValues: gauges.generations.map { ([$0.key], Double($0.value)) }))
        return text
    }

    private static func labels(_ names: [String], _ values: [String]) -> String {
        guard !names.isEmpty else { return "" }
        let pairs = zip(names, values).map { name, value in
            let escaped = value.reduce(into: "") { text, character in
                switch character {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.append(character)
                }
            }
            return "\(name)=\"\(escaped)\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
