/// What came of a storm.
public struct StormReport: Sendable, Equatable, Codable {
    /// Seconds that nodes took, from the shortest to the longest.
    public struct Spread: Sendable, Equatable, Codable {
        public var least = 0.0
        public var median = 0.0
        public var p90 = 0.0
        public var p99 = 0.0
        public var most = 0.0

        public init(_ values: [Double]) {
            guard !values.isEmpty else { return }
            let sorted = values.sorted()
            func at(_ share: Double) -> Double { sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
            least = sorted[0]
            median = at(0.5)
            p90 = at(0.9)
            p99 = at(0.99)
            most = sorted[sorted.count - 1]
        }
    }

    public struct File: Sendable, Equatable, Codable {
        public var name: String
        public var size: Int
        public var sha256: String
        /// Downloads that had these bytes.
        public var downloads: Int
    }

    public var nodes = 0
    public var booted = 0
    /// Why nodes did not boot -> how many.
    public var failures: [String: Int] = [:]
    /// Downloads whose bytes were not those of the first, or not those expected.
    public var wrongContents = 0
    public var seconds = 0.0
    /// Bytes of files that were received.
    public var bytes = 0
    public var boot = Spread([])
    public var dhcp = Spread([])
    public var tftp = Spread([])
    public var http = Spread([])
    /// Jain's index of the nodes' boot times: 1 when all took the same.
    public var fairness = 0.0
    /// What was repeated, by protocol.
    public var retries: [String: Int] = [:]
    /// Boots begun anew after a failure.
    public var restarts = 0
    /// What the storm did to packets.
    public var injected: [String: Int] = [:]
    public var files: [File] = []

    public init() {}

    /// For a person.
    public var lines: [String] {
        func text(_ value: Double) -> String {
            let hundredths = Int((value * 100).rounded())
            return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
        }
        func row(_ name: String, _ spread: Spread) -> String {
            "  \(name)  least \(text(spread.least)) s, median \(text(spread.median)) s, 90% \(text(spread.p90)) s, "
                + "99% \(text(spread.p99)) s, most \(text(spread.most)) s"
        }
        func list(_ counts: [String: Int]) -> String {
            counts.isEmpty
                ? "none" : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        let rate = seconds > 0 ? Double(bytes) / seconds / 1_048_576 : 0
        var lines = [
            "\(booted) of \(nodes) nodes booted in \(text(seconds)) s; \(bytes >> 20) MiB at \(Int(rate)) MiB/s",
            row("boot", boot), row("DHCP", dhcp), row("TFTP", tftp), row("HTTP", http),
            "  fairness \(text(fairness)) (Jain's index of boot times)",
            "  retries: \(list(retries)); restarts: \(restarts)",
            "  injected: \(list(injected))",
        ]
        for file in files {
            lines.append("  \(file.downloads) x \(file.name): \(file.size) bytes, SHA-256 \(file.sha256)")
        }
        if wrongContents > 0 { lines.append("  WRONG CONTENT in \(wrongContents) downloads") }
        if !failures.isEmpty { lines.append("  failed: \(list(failures))") }
        return lines
    }
}
