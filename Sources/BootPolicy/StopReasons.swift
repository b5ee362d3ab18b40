/// Why a boot that fell silent probably did: a table, read from the top; the first row whose pattern is in the timeline
/// gives the words.
struct StopReason: Sendable {
    /// Names the row, for tests and readers of the table.
    var name: String
    /// The likely reason in words, or nil where the timeline is not of this kind.
    var words: @Sendable (Evidence) -> String?

    /// What the table's rows look at, gathered from a timeline once.
    struct Evidence: Sendable {
        struct Stop: Sendable {
            var file: String
            var transport: BootAttempt.Transport
            var bytes: Int
            var size: Int
            var reason: String
        }

        let attempt: BootAttempt
        /// Requests by file and transport, with the client's ports in order, since the last byte that arrived anywhere.
        var unanswered: [(file: String, transport: BootAttempt.Transport, ports: [Int])] = []
        /// Transfers that stopped with something delivered, in order.
        var stops: [Stop] = []
        /// Files that arrived whole, in order.
        var finished: [String] = []
        /// The file of the last progress or start that nothing followed, and its bytes.
        var open: (file: String, transport: BootAttempt.Transport, bytes: Int)?
        /// Clients in words, in the order they were first seen: the firmware, then perhaps iPXE.
        var clients: [String] = []
        /// True where the last client that asked came after the last file that arrived.
        var asksSinceLastFile = false
        /// The file whose size was asked for last, and of which nothing was fetched since.
        var sized: (file: String, size: Int)?
        var refusals: [(file: String, transport: BootAttempt.Transport)] = []
        var hasAddress = false
        var offeredFile: String?
        var isOffered = false
        var isProxied = false
        var hasSecrets = false
        /// How its last try of HTTPS ended, where nothing arrived since.
        var secureFailure: String?

        init(_ attempt: BootAttempt) {
            self.attempt = attempt
            for entry in attempt.entries { take(entry.event) }
        }

        private mutating func take(_ event: BootAttempt.Event) {
            switch event {
            case .discovered(let client):
                if clients.last != client { clients.append(client) }
                asksSinceLastFile = true
            case .offered(let address, let bootFile):
                isOffered = true
                isProxied = address == nil
                offeredFile = bootFile ?? offeredFile
            case .leased: hasAddress = true
            case .requested(let file, let transport, let port):
                if let index = unanswered.firstIndex(where: { $0.file == file && $0.transport == transport }) {
                    unanswered[index].ports.append(port)
                } else {
                    unanswered.append((file, transport, [port]))
                }
            case .sized(let file, _, let size):
                arrived()
                sized = (file, size)
            case .transferStarted(let file, let transport, _):
                arrived()
                open = (file, transport, 0)
            case .transferProgress(let file, let transport, let bytes):
                arrived()
                open = (file, transport, bytes)
            case .transferFinished(let file, _, _, _):
                arrived()
                finished.append(file)
                asksSinceLastFile = false
                open = nil
            case .transferStopped(let file, let transport, let bytes, let size, let reason):
                open = nil
                guard bytes > 0 || transport != .tftp else { return }
                arrived()
                stops.append(Stop(file: file, transport: transport, bytes: bytes, size: size, reason: reason))
            case .refused(let file, let transport): refusals.append((file, transport))
            case .secretsGiven: hasSecrets = true
            case .secureConnectionFailed(let reason): secureFailure = reason
            case .chosen, .secretsRefused, .phonedHome, .stopped: break
            }
        }

        /// Something got through, so what was asked for before it was answered.
        private mutating func arrived() {
            unanswered = []
            sized = nil
            secureFailure = nil
        }

        var firmware: String { clients.first ?? "the machine" }
        /// The stop that nothing made good: no later transfer brought the same file whole.
        var lastStop: Stop? { stops.last { !finished.contains($0.file) } }
    }

    static func likely(for attempt: BootAttempt) -> String {
        let evidence = Evidence(attempt)
        for row in table {
            if let words = row.words(evidence) { return words }
        }
        return "nothing was heard of it"
    }
}

extension BootAttempt {
    /// Where a silent boot stands and the likely reason, from the first row of `StopReason.table` that fits.
    public var likelyReason: String { StopReason.likely(for: self) }
}
