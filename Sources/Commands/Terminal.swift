import Glibc
import Synchronization

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

/// Bytes as people read them: `83.4 MB`.
func formatBytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
        value /= 1000
        unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return unit == 0 ? "\(count) B" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// Seconds as people read them: `0.08 s`, `41 s`, `3 min 5 s`.
func formatSeconds(_ duration: Duration) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    if seconds < 10 {
        let hundredths = Int((seconds * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    }
    let whole = Int(seconds.rounded())
    return whole < 120 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
}
