import Building
import Diagnostics
import Synchronization

/// What a build shows: a line for each thing made, and at the bottom how far it is.
final class BuildProgress: Sendable {
    private struct State {
        var toBuild = 0
        var built = 0
        var toFetch = 0
        var fetched = 0
        var bytes = 0
        var totalBytes = 0
        var running: [String] = []
    }

    private let terminal: Terminal
    private let state = Mutex(State())

    init(terminal: Terminal) { self.terminal = terminal }

    func show(_ event: BuildEvent) {
        let lines = state.withLock { state -> (message: String?, status: String) in
            var message: String?
            switch event {
            case .planned(let builds, let fetches, let bytes):
                (state.toBuild, state.toFetch, state.totalBytes) = (builds, fetches, bytes)
                let fetching = fetches == 0 ? "" : ", \(fetches) files to fetch (\(formatBytes(bytes)))"
                message = "\(builds) to build\(fetching)"
            case .started(let name, let builder):
                if builder != "builtin:fetch" { state.running.append(name) }
            case .finished(let name, let builder, _, let duration):
                if builder == "builtin:fetch" {
                    state.fetched += 1
                } else {
                    state.built += 1
                    state.running.removeAll { $0 == name }
                    // Two hundred segments are no news; what took long, or comes once, is.
                    if builder != "builtin:segment" { message = "made \(name) in \(formatSeconds(duration))" }
                }
            }
            return (message, status(state))
        }
        if let message = lines.message { terminal.message(message) }
        terminal.status(lines.status)
    }

    func fetched(_ bytes: Int) {
        terminal.status(
            state.withLock { state in
                state.bytes += bytes
                return status(state)
            })
    }

    func finish() { terminal.status("") }

    private func status(_ state: State) -> String {
        var parts = ["\(state.built)/\(state.toBuild) built"]
        if state.fetched < state.toFetch {
            parts.append("\(formatBytes(state.bytes))/\(formatBytes(state.totalBytes)) fetched")
        }
        if let name = state.running.last { parts.append(name) }
        return parts.joined(separator: ", ")
    }
}
