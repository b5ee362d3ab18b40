import BootProtocols

/// One node's boot from its first DHCP message to its phone-home, or to where it stopped: a record for
/// `bootferry boots` and the source of the live lines. Times are durations since the Unix epoch.
public struct BootAttempt: Codable, Sendable, Equatable {
    public enum Transport: String, Codable, Sendable {
        case tftp = "TFTP"
        case http = "HTTP"
        case https = "HTTPS"
    }

    public enum Event: Codable, Sendable, Equatable {
        /// A client's DHCP discover: what it is, in words.
        case discovered(client: String)
        /// What it was offered; a boot file's name or URL.
        case offered(address: IPv4Address?, bootFile: String?)
        case leased(address: IPv4Address)
        /// Which generation this boot is given, and why that one where it is not simply the current one.
        case chosen(generation: Int, reason: String?)
        /// A request for a file has come, and an answer is on its way to that port of the client's.
        case requested(file: String, transport: Transport, port: Int)
        /// The client learnt a file's size and hung up, as UEFI does before it fetches it.
        case sized(file: String, transport: Transport, size: Int)
        case transferStarted(file: String, transport: Transport, size: Int)
        /// Bytes so far; only the latest of a transfer is kept.
        case transferProgress(file: String, transport: Transport, bytes: Int)
        case transferFinished(file: String, transport: Transport, bytes: Int, seconds: Double)
        case transferStopped(file: String, transport: Transport, bytes: Int, size: Int, reason: String)
        /// Asked for something that is not there.
        case refused(file: String, transport: Transport)
        /// It began HTTPS and broke off before it had asked for anything.
        case secureConnectionFailed(reason: String)
        /// The node has its secrets, so many files.
        case secretsGiven(address: IPv4Address, files: Int)
        /// Somebody asked for the node's secrets and did not get them.
        case secretsRefused(address: IPv4Address, reason: String)
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
    /// The number of the system's generation, where it is one.
    public private(set) var generation: Int?
    /// Seconds since the Unix epoch.
    public let began: Double
    public private(set) var entries: [Entry] = []
    public private(set) var outcome = Outcome.running

    /// Who was given the node's secrets, and when first.
    public struct Giving: Codable, Sendable, Equatable {
        /// Seconds since the attempt began.
        public var seconds: Double
        public var address: IPv4Address
    }
    public private(set) var secretsGiven: Giving?

    /// A hostile client can grow a timeline no further.
    static let maximumEntries = 256
    static let mostAfterwards = 16

    public init(identifier: String, node: MACAddress, system: String, generation: Int? = nil, now: Duration) {
        self.identifier = identifier
        self.node = node
        self.system = system
        self.generation = generation
        began = now.inSeconds
    }

    /// Seconds from the beginning to its end, or to the last event.
    public var elapsed: Double { lastOfBoot?.seconds ?? 0 }

    /// The last entry but what was asked for after the end.
    var lastOfBoot: Entry? {
        outcome == .running ? entries.last : entries.last { Self.isEnd($0.event) } ?? entries.last
    }

    private static func isEnd(_ event: Event) -> Bool {
        switch event {
        case .phonedHome, .stopped: true
        default: false
        }
    }

    /// Takes an event in and returns the lines to show for it.
    public mutating func record(_ event: Event, now: Duration) -> [String] { take(event, now: now).lines }

    /// Takes an event in; `isNews` unless a reader of the records would miss nothing without it.
    mutating func take(_ event: Event, now: Duration) -> (lines: [String], isNews: Bool) {
        // After phone-home only a new attempt says anything new, or somebody who has no business with this one.
        if outcome != .running {
            guard case .secretsRefused = event,
                entries.suffix(Self.mostAfterwards).contains(where: { Self.isEnd($0.event) })
            else { return ([], false) }
        }
        let event = event.printable
        let entry = Entry(seconds: max(0, now.inSeconds - began), event: event)
        // Firmware says everything twice.
        let isRepeated = entries.suffix(4).contains { $0.event == event } && Self.isRepeatable(event)
        if let last = entries.last, Self.isProgress(last.event), Self.isProgress(event) {
            let isShown = Int(last.seconds / 5) != Int(entry.seconds / 5)
            entries[entries.count - 1] = entry
            return isShown ? (lines(for: event), true) : ([], false)
        }
        if isRepeated {
            if outcome == .running {
                entries[entries.count - 1].seconds = max(entry.seconds, entries[entries.count - 1].seconds)
            }
            return ([], false)
        }
        switch event {
        case .phonedHome: outcome = .booted
        case .stopped: outcome = .stopped
        case .chosen(let generation, _): self.generation = generation
        case .secretsGiven(let address, _):
            secretsGiven = secretsGiven ?? Giving(seconds: entry.seconds, address: address)
        default: break
        }
        switch event {
        case .phonedHome, .stopped: break
        default:
            if entries.count >= Self.maximumEntries { entries.remove(at: Self.maximumEntries / 2) }
        }
        entries.append(entry)
        return (lines(for: event), true)
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

    /// True once the node has begun to fetch the system itself: a boot that ends after this without a phone-home says
    /// something of its generation; one that ends before says something of the network.
    public var hasBegunSystem: Bool {
        entries.contains {
            switch $0.event {
            case .transferStarted(let file, _, _), .transferFinished(let file, _, _, _),
                .transferStopped(let file, _, _, _, _):
                Self.isSystem(file, of: system)
            default: false
            }
        }
    }

    static func isSystem(_ file: String, of system: String) -> Bool {
        file == "kernel" || file == "initrd" || file == "\(system).efi"
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

    /// Whether just this event at that moment, in seconds since the Unix epoch, has been taken in.
    func contains(_ event: Event, at seconds: Double) -> Bool {
        entries.contains { $0.event == event && abs($0.seconds - (seconds - began)) < 0.000_1 }
    }

    private static func isRepeatable(_ event: Event) -> Bool {
        switch event {
        case .discovered, .offered, .leased, .refused, .chosen, .secretsRefused, .secureConnectionFailed: true
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
