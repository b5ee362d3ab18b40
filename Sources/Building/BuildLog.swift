import Glibc
import Logging
import Synchronization
import SystemPackage

/// The log of one build: every line in a file, the last ones in memory to be shown if it fails.
final class BuildLog: LogHandler {
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    static let shownLines = 20
    private let tailLines = Mutex<[String]>([])
    private let descriptor: Int32
    private let file: FilePath

    /// Opens the log anew; one that cannot be written is not worth a failed build.
    init(file: FilePath) {
        self.file = file
        descriptor = open(file.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The last lines, for an error's cause.
    var tail: String { tailLines.withLock { $0.joined(separator: "\n") } }

    /// The error with the log's last lines as its cause, where it has none of its own.
    func explain(_ error: BuildError) -> BuildError {
        var error = error
        let tail = tail
        if error.cause == nil, !tail.isEmpty { error.cause = "\(tail)\n(the whole log: \(file))" }
        return error
    }

    func log(event: LogEvent) {
        let text = event.message.description
        let line = Array((text + "\n").utf8)
        if descriptor >= 0 { _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
        tailLines.withLock { lines in
            lines.append(text)
            if lines.count > Self.shownLines { lines.removeFirst() }
        }
    }
}
