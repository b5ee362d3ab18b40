import BootPolicy
import BootProtocols
import Diagnostics
import Foundation
import Logging
import NetbootServer
import Subprocess
import Synchronization
import SystemPackage

/// A QEMU machine and the boot server it boots from, in the network namespace that this process began in.
struct LocalNode: Sendable {
    let machine: QEMUMachine
    let image: BuiltImage
    let workspace: Workspace

    /// The namespace's only network; nothing leaves it.
    private static let address = "10.77.0.1"
    private static let range = IPv4Address(value: 0x0A4D_0064)...IPv4Address(value: 0x0A4D_00C7)

    /// Boots with the console shown, until the login prompt and the phone-home.
    func boot(within limit: Duration) async throws -> BootAttempt {
        let watch = BootWatch(terminal: workspace.terminal)
        return try await withServer(watch) {
            try await withThrowingTaskGroup(of: BootAttempt.self) { group in
                group.addTask {
                    try await run { line, isPrompt in watch.console(line, isPrompt: isPrompt) }
                    throw CommandError(
                        subject: image.manifest.system, message: "the machine ended before it reached a login prompt")
                }
                group.addTask {
                    try await Task.sleep(for: limit)
                    throw CommandError(
                        subject: image.manifest.system, message: "no \(watch.missing) within \(formatSeconds(limit))",
                        remedy: "the lines above say where it stopped; --timeout gives it longer")
                }
                group.addTask {
                    for await attempt in watch.booted { return attempt }
                    throw CancellationError()
                }
                defer { group.cancelAll() }
                guard let attempt = try await group.next() else { throw CancellationError() }
                return attempt
            }
        }
    }

    /// Boots with the console in the terminal's hands, until the machine ends.
    func attend() async throws -> BootAttempt? {
        let watch = BootWatch(terminal: workspace.terminal)
        return try await withServer(watch) {
            try machine.prepareVariables()
            if !machine.firmware.commands.isEmpty {
                workspace.terminal.message("type at its prompt: \(machine.firmware.commands.joined(separator: "; "))")
            }
            _ = try await Subprocess.run(
                .path(try program()), arguments: Arguments(machine.arguments), input: .currentStandardInput,
                output: .currentStandardOutput,
                error: .currentStandardError)
            return watch.attempt
        }
    }

    private func withServer<T: Sendable>(
        _ watch: BootWatch, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await Executables.require("ip", ["link", "set", "lo", "up"])
        try await Executables.require("ip", ["tuntap", "add", machine.tap, "mode", "tap"])
        try await Executables.require("ip", ["address", "add", "\(Self.address)/24", "dev", machine.tap])
        try await Executables.require("ip", ["link", "set", machine.tap, "up"])
        let terminal = workspace.terminal
        let configuration = NetbootConfiguration(
            interface: machine.tap, mode: .full(range: Self.range),
            // Alone in its namespace: no other server to look for, and nobody to disturb by advertisements.
            routerAdvertisements: true, isAuthoritative: true, everyone: try image.served(workspace.data.platforms()),
            templates: try workspace.data.templates(), storeDirectory: workspace.store.directory.store)
        return try await withThrowingTaskGroup(of: T?.self) { group in
            let (ready, open) = AsyncStream<Void>.makeStream()
            group.addTask {
                try await NetbootServer.run(
                    configuration, surroundings: .host,
                    logger: Logger(label: "boot") { _ in TerminalLog(terminal: terminal) },
                    show: { terminal.message($0) }, booted: { watch.phonedHome($0) }, ready: { _ in open.yield() })
                return nil
            }
            group.addTask {
                for await _ in ready { break }
                return try await body()
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// Runs the machine; `onLine` gets each line of its console, and what stands on an unfinished one.
    private func run(onLine: @escaping @Sendable (String, _ isPrompt: Bool) -> Void) async throws {
        try machine.prepareVariables()
        let typist = Typist(machine.firmware)
        let (mine, theirs) = try FileDescriptor.pipe()
        defer { try? theirs.close() }
        let result = try await Subprocess.run(
            .path(try program()), arguments: Arguments(machine.arguments),
            input: .fileDescriptor(mine, closeAfterSpawningProcess: true), output: .sequence,
            error: .string(limit: 8192)
        ) { [typist] execution in
            var typist = typist
            var console = ConsoleText()
            for try await buffer in execution.standardOutput {
                let lines = buffer.withUnsafeBytes { console.take($0) }
                for line in lines where !line.isEmpty { onLine(line, false) }
                onLine(console.pending, true)
                if let keys = typist.keys(at: console.pending) { _ = try? theirs.writeAll(Array(keys.utf8)) }
            }
        }
        guard result.terminationStatus.isSuccess else {
            throw CommandError(
                subject: machine.platform.qemuProgram, message: "failed: \(result.terminationStatus)",
                cause: result.standardError)
        }
    }

    private func program() throws -> FilePath {
        guard let program = Executables.find(machine.platform.qemuProgram) else {
            throw CommandError(
                kind: .host, subject: machine.platform.qemuProgram, message: "is not installed",
                remedy: "bootferry doctor")
        }
        return program
    }
}

/// Waits for a boot's two ends: the login prompt on the console, and the phone-home at the server.
final class BootWatch: Sendable {
    private struct Seen {
        var loginPrompt = false
        var attempt: BootAttempt?
    }

    /// Yields the attempt once both have been seen.
    let booted: AsyncStream<BootAttempt>
    private let signal: AsyncStream<BootAttempt>.Continuation
    private let seen = Mutex(Seen())
    private let terminal: Terminal

    init(terminal: Terminal) {
        self.terminal = terminal
        (booted, signal) = AsyncStream.makeStream()
    }

    var attempt: BootAttempt? { seen.withLock { $0.attempt } }

    /// What has not been seen, in words.
    var missing: String { seen.withLock { $0.loginPrompt ? "phone-home" : "login prompt" } }

    /// A line of the console, or what stands on its unfinished last one.
    func console(_ line: String, isPrompt: Bool) {
        if !isPrompt { terminal.result(line) }
        guard line.contains("login:") else { return }
        seen.withLock { seen in
            if isPrompt, !seen.loginPrompt { terminal.result(line) }
            seen.loginPrompt = true
            if let attempt = seen.attempt { signal.yield(attempt) }
        }
    }

    func phonedHome(_ attempt: BootAttempt) {
        seen.withLock { seen in
            seen.attempt = attempt
            if seen.loginPrompt { signal.yield(attempt) }
        }
    }
}
