import Diagnostics

extension BootAttempt {
    /// An event in words, without the node's name; nil for what is not worth a line.
    public static func words(for event: Event, elapsed: Double) -> String? {
        switch event {
        case .discovered(let client): "\(client) asks"
        case .offered(let address, let bootFile):
            switch (address, bootFile) {
            case (let address?, let file?): "offered \(address) and \(file)"
            case (nil, let file?): "offered \(file)"
            case (let address?, nil): "offered \(address)"
            case (nil, nil): nil
            }
        case .leased(let address): "has \(address)"
        case .chosen(let generation, let reason):
            // Nobody needs to be told of the ordinary.
            reason.map { "gets generation \(generation): \($0)" }
        case .requested, .sized, .transferStarted: nil
        case .transferProgress(let file, let transport, let bytes):
            "\(file) by \(transport.rawValue): \(formatBytes(bytes)) so far"
        case .transferFinished(let file, let transport, let bytes, let seconds):
            "\(file) by \(transport.rawValue): \(formatBytes(bytes)) in \(formatSeconds(seconds))"
                + (seconds > 0.01 && bytes > 1 << 20 ? ", \(formatBytes(Int(Double(bytes) / seconds)))/s" : "")
        case .transferStopped(let file, let transport, let bytes, let total, let reason):
            "\(file) by \(transport.rawValue): stopped after \(formatBytes(bytes)) of \(formatBytes(total)): \(reason)"
        case .refused(let file, let transport): "asked for \(file) by \(transport.rawValue), which does not exist"
        case .secureConnectionFailed(let reason): "began HTTPS and broke off: \(reason)"
        case .secretsGiven(let address, let files): "secrets given to \(address): \(files) file\(files == 1 ? "" : "s")"
        case .secretsRefused(let address, let reason): "secrets refused to \(address): \(reason)"
        case .phonedHome(let message):
            "booted in \(formatSeconds(elapsed))" + (message.isEmpty ? "" : ": \(message)")
        case .stopped(let reason): "stopped after \(formatSeconds(elapsed)): \(reason)"
        }
    }

    /// With one decimal, whatever the size: lines of a timeline stand below each other.
    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension BootAttempt {
    /// How it ended, or what it does now, in a few words.
    public var summary: String {
        switch (outcome, lastOfBoot?.event) {
        case (.booted, _): "booted in \(formatSeconds(elapsed))"
        case (.stopped, .stopped(let reason)?): "stopped after \(formatSeconds(elapsed)): \(reason)"
        case (.stopped, _): "stopped after \(formatSeconds(elapsed))"
        case (.running, _):
            "under way: "
                + (entries.reversed().lazy.compactMap { Self.words(for: $0.event, elapsed: $0.seconds) }.first ?? "")
        }
    }

    /// One line an event that is worth one: seconds since the boot began, and what happened.
    public var timeline: [String] {
        entries.compactMap { entry in
            Self.words(for: entry.event, elapsed: entry.seconds).map { words in
                let seconds = Self.tenths(entry.seconds)
                return String(repeating: " ", count: max(0, 6 - seconds.count)) + "\(seconds) s  \(words)"
            }
        }
    }
}
