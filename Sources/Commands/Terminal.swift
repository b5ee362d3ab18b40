import Glibc
import Synchronization
import SystemModel

/// Where verbs print: results on standard output, progress and messages on standard error.
final class Terminal: Sendable {
    private struct State {
        var status = ""
    }

    /// Whether a status line can be rewritten in place.
    let isInteractive: Bool
    let isQuiet: Bool
    private let state = Mutex(State())

    init(quiet: Bool = false) {
        isInteractive = isatty(STDERR_FILENO) == 1
        isQuiet = quiet
    }

    /// A line of result, for people or for pipes.
    func result(_ line: String) {
        write(line + "\n", to: STDOUT_FILENO)
    }

    /// A line that even a quiet run shows.
    func error(_ line: String) {
        write(line + "\n", to: STDERR_FILENO)
    }

    /// A line that stays.
    func message(_ line: String) {
        guard !isQuiet else { return }
        state.withLock { state in
            let clear = state.status.isEmpty ? "" : "\r\u{1b}[K"
            write(clear + line + "\n" + state.status, to: STDERR_FILENO)
        }
    }

    /// The line at the bottom that says what is going on; an empty one removes it. Nothing where output is a file.
    func status(_ line: String) {
        guard isInteractive, !isQuiet else { return }
        state.withLock { state in
            guard state.status != line else { return }
            state.status = line
            write("\r\u{1b}[K" + line, to: STDERR_FILENO)
        }
    }

    private func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // A reader that has gone away ends the output, not the build.
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}

/// A verb's result for `--json`: keys sorted, indented.
func encodeJSON(_ value: some Encodable) throws -> String {
    String(try canonicalJSON(value, readable: true).dropLast())
}
