extension BootAttempt {
    /// Text from outside as it may be shown on a terminal: nothing that moves its cursor or turns its direction, and at
    /// most 200 characters.
    public static func printable(_ text: String) -> String {
        let limit = 200
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: continue
            default: break
            }
            guard shown.count < limit else {
                shown.append("\u{2026}")
                break
            }
            shown.append(scalar)
        }
        return String(shown)
    }
}

extension BootAttempt.Event {
    /// The same with all that a client may have written made printable.
    var printable: Self {
        func clean(_ text: String) -> String { BootAttempt.printable(text) }
        return switch self {
        case .discovered(let client): .discovered(client: clean(client))
        case .offered(let address, let bootFile): .offered(address: address, bootFile: bootFile.map(clean))
        case .leased: self
        case .chosen(let generation, let reason): .chosen(generation: generation, reason: reason.map(clean))
        case .requested(let file, let transport, let port):
            .requested(file: clean(file), transport: transport, port: port)
        case .sized(let file, let transport, let size):
            .sized(file: clean(file), transport: transport, size: size)
        case .transferStarted(let file, let transport, let size):
            .transferStarted(file: clean(file), transport: transport, size: size)
        case .transferProgress(let file, let transport, let bytes):
            .transferProgress(file: clean(file), transport: transport, bytes: bytes)
        case .transferFinished(let file, let transport, let bytes, let seconds):
            .transferFinished(file: clean(file), transport: transport, bytes: bytes, seconds: seconds)
        case .transferStopped(let file, let transport, let bytes, let size, let reason):
            .transferStopped(
                file: clean(file), transport: transport, bytes: bytes, size: size, reason: clean(reason))
        case .refused(let file, let transport): .refused(file: clean(file), transport: transport)
        case .secureConnectionFailed(let reason): .secureConnectionFailed(reason: clean(reason))
        case .secretsGiven: self
        case .secretsRefused(let address, let reason): .secretsRefused(address: address, reason: clean(reason))
        case .phonedHome(let message): .phonedHome(message: clean(message))
        case .stopped(let reason): .stopped(reason: clean(reason))
        }
    }
}
