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
            "\(file) by \(transport.rawValue): \(size(bytes)) so far"
        case .transferFinished(let file, let transport, let bytes, let seconds):
            "\(file) by \(transport.rawValue): \(size(bytes)) in \(duration(seconds))"
                + (seconds > 0.01 && bytes > 1 << 20 ? ", \(size(Int(Double(bytes) / seconds)))/s" : "")
        case .transferStopped(let file, let transport, let bytes, let total, let reason):
            "\(file) by \(transport.rawValue): stopped after \(size(bytes)) of \(size(total)): \(reason)"
        case .refused(let file, let transport): "asked for \(file) by \(transport.rawValue), which does not exist"
        case .phonedHome(let message):
            "booted in \(duration(elapsed))" + (message.isEmpty ? "" : ": \(message)")
        case .stopped(let reason): "stopped after \(duration(elapsed)): \(reason)"
        }
    }

    /// Bytes as people read them: `1.5 MiB`.
    public static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<1024: "\(bytes) B"
        case ..<(1 << 20): "\(tenths(Double(bytes) / 1024)) KiB"
        case ..<(1 << 30): "\(tenths(Double(bytes) / Double(1 << 20))) MiB"
        default: "\(tenths(Double(bytes) / Double(1 << 30))) GiB"
        }
    }

    /// Seconds as people read them: `9.5 s`, `41 s`.
    public static func duration(_ seconds: Double) -> String {
        seconds < 9.95 ? "\(tenths(seconds)) s" : "\(Int(seconds.rounded())) s"
    }

    private static func tenths(_ value: Double) -> String {
        let rounded = Int((value * 10).rounded())
        return value >= 99.95 ? "\(Int(value.rounded()))" : "\(rounded / 10).\(rounded % 10)"
    }
}

extension BootAttempt {
    /// How it ended, or what it does now, in a few words.
    public var summary: String {
        switch (outcome, entries.last?.event) {
        case (.booted, _): "booted in \(Self.duration(elapsed))"
        case (.stopped, .stopped(let reason)?): "stopped after \(Self.duration(elapsed)): \(reason)"
        case (.stopped, _): "stopped after \(Self.duration(elapsed))"
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
