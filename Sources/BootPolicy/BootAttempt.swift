import BootProtocols

/// One node's boot from its first DHCP message to its phone-home, or to where it stopped: a record for
/// `bootferry boots` and the source of the live lines. Times are durations since the Unix epoch.
public struct BootAttempt: Codable, Sendable, Equatable {
    public enum Transport: String, Codable, Sendable {
        case tftp = "TFTP"
        case http = "HTTP"
    }

    public enum Event: Codable, Sendable, Equatable {
        /// A client's DHCP discover: what it is, in words.
        case discovered(client: String)
        /// What it was offered; a boot file's name or URL.
        case offered(address: IPv4Address?, bootFile: String?)
        case leased(address: IPv4Address)
        case transferStarted(file: String, transport: Transport, size: Int)
        /// Bytes so far; only the latest of a transfer is kept.
        case transferProgress(file: String, transport: Transport, bytes: Int)
        case transferFinished(file: String, transport: Transport, bytes: Int, seconds: Double)
        case transferStopped(file: String, transport: Transport, bytes: Int, size: Int, reason: String)
        /// Asked for something that is not there.
        case refused(file: String, transport: Transport)
        /// The booted system's own words, if it sent any.
        case phonedHome(message: String)
        /// Why it counts as stopped.
        case stopped(reason: String)
    }

    public struct Entry: Codable, Sendable, Equatable {
        /// Seconds since the attempt began.
        public var seconds: Double
        public var event: Event
    }

    public enum Outcome: String, Codable, Sendable {
        case running, booted, stopped
    }

    public let identifier: String
    public let node: MACAddress
    public let system: String
    /// Seconds since the Unix epoch.
    public let began: Double
    public private(set) var entries: [Entry] = []
    public private(set) var outcome = Outcome.running

    /// A hostile client can grow a timeline no further.
    static let maximumEntries = 256

    public init(identifier: String, node: MACAddress, system: String, now: Duration) {
        self.identifier = identifier
        self.node = node
        self.system = system
        began = now.inSeconds
    }

    /// Seconds from the beginning to the last event.
    public var elapsed: Double { entries.last?.seconds ?? 0 }

    /// Takes an event in and returns the lines to show for it.
    public mutating func record(_ event: Event, now: Duration) -> [String] {
        // After phone-home only a new attempt says anything new.
        guard outcome == .running else { return [] }
        let event = event.printable
        let entry = Entry(seconds: max(0, now.inSeconds - began), event: event)
        // Firmware says everything twice.
        let isRepeated = entries.suffix(4).contains { $0.event == event } && Self.isRepeatable(event)
        if let last = entries.last, Self.isProgress(last.event), Self.isProgress(event) {
            let shown = Int(last.seconds / 5) == Int(entry.seconds / 5)
            entries[entries.count - 1] = entry
            return shown ? [] : lines(for: event)
        }
        if isRepeated {
            entries[entries.count - 1].seconds = entry.seconds
            return []
        }
        switch event {
        case .phonedHome: outcome = .booted
        case .stopped: outcome = .stopped
        default:
            if entries.count >= Self.maximumEntries { entries.remove(at: Self.maximumEntries / 2) }
        }
        entries.append(entry)
        return lines(for: event)
    }

    /// True once kernel and initramfs, or the unified image, have left in full: what follows is the system's own.
    public var isDelivered: Bool {
        func finished(_ suffix: String) -> Bool {
            entries.contains {
                if case .transferFinished(let file, _, _, _) = $0.event { file.hasSuffix(suffix) } else { false }
            }
        }
        return finished("\(system).efi") || (finished("initrd") && finished("kernel"))
    }

    /// True once the client has begun to fetch something.
    var hasTransfer: Bool {
        entries.contains {
            switch $0.event {
            case .transferStarted, .transferProgress, .transferFinished, .transferStopped: true
            default: false
            }
        }
    }

    private static func isRepeatable(_ event: Event) -> Bool {
        switch event {
        case .discovered, .offered, .leased, .refused: true
        default: false
        }
    }

    private static func isProgress(_ event: Event) -> Bool {
        if case .transferProgress = event { true } else { false }
    }

    private func lines(for event: Event) -> [String] {
        BootAttempt.words(for: event, elapsed: elapsed).map { ["\(system) on \(node): \($0)"] } ?? []
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
