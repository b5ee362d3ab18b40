import ArgumentParser
import Carrying
import Foundation
import Glibc
import SystemModel
import SystemPackage

/// `bootferry boot`: the whole way over the network, on this host alone.
struct BootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot", abstract: "Boot a system over the network in a local QEMU.",
        discussion: """
            Builds the system if need be, makes a network of its own that reaches nowhere else, starts the boot server
            in it and a diskless machine beside it, and shows the console. The verb ends well when the machine has
            reached its login prompt and phoned home; with '--console' you stay at its console until it powers off
            (or Ctrl-A X).

              bootferry boot minimal
              bootferry boot lab-node --firmware uefi-http
              bootferry boot lab-node --console --accelerator kvm
              bootferry boot rescue --board qemu-ppce500
            """)

    @Argument(help: "The system.")
    var system: String
    @OptionGroup var board: BoardOption
    @Option(help: "One of the platform's, such as 'bios', 'uefi', 'uefi-http'; its first by default.")
    var firmware: String?
    @Flag(help: "Stay at the machine's console.")
    var console = false
    @Option(help: ArgumentHelp("The machine's RAM in MiB; the system's own 'memory' by default.", valueName: "MiB"))
    var memory: Int?
    @Option(help: "'tcg' works everywhere; 'kvm' is many times quicker where the host has it.")
    var accelerator = "tcg"
    @Option(help: ArgumentHelp("Give up after so many seconds without a login prompt.", valueName: "seconds"))
    var timeout = 600
    @Option(
        name: .customLong("in-namespace"), help: ArgumentHelp("Set by the verb itself.", visibility: .private))
    var generation: Int?
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func validate() throws {
        guard ["tcg", "kvm"].contains(accelerator) else {
            throw ValidationError("--accelerator takes 'tcg' or 'kvm', found '\(accelerator)'")
        }
        if let memory, memory < 64 { throw ValidationError("--memory takes at least 64 (MiB)") }
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let source = try SystemSource(system, data: workspace.data, board: board.name)
        if let generation {
            return try await boot(generation, of: source, in: workspace)
        }
        try await Requirement.check(for: "boot", of: source.configuration.platform)
        let pipeline = SystemPipeline(source: source, workspace: workspace, mirror: mirror)
        let image = try await pipeline.publishedImage()
        // A process with threads cannot enter a user namespace, so the verb goes on as a process that begins in one.
        // As the first process of its own PID namespace it takes the machine with it, however it ends.
        var inside = ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "--"]
        if geteuid() != 0 { inside.insert("--map-root-user", at: 0) }
        inside += try RunningProgram.current().command + CommandLine.arguments.dropFirst()
        inside += ["--in-namespace", String(image.generation.number)]
        try Executables.become("unshare", inside)
    }

    private func firmware(of source: SystemSource) throws -> Firmware {
        let platform = source.configuration.platform
        let chosen = firmware.map { name in platform.firmware.first { $0.name == name } } ?? platform.firmware.first
        if let board = source.configuration.board, board.qemu?.firmware.isEmpty == true {
            throw CommandError(
                kind: .usage, subject: board.name, message: "is a board that QEMU does not play",
                remedy: "serve it: bootferry serve \(source.configuration.path)")
        }
        guard let chosen else {
            throw ValidationError(
                "the platform '\(platform.name)' has the firmware \(platform.firmware.map(\.name).joined(separator: ", "))"
            )
        }
        return chosen
    }

    /// The first process of a namespace gets no signal that it has not asked for.
    private func endOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { _exit(128 + number) }
            source.resume()
            return source
        }
    }

    private func boot(_ number: Int, of source: SystemSource, in workspace: Workspace) async throws {
        let system = source.system
        guard let generation = try workspace.store.generations(of: system.name).first(where: { $0.number == number })
        else { throw CommandError(subject: "\(system.name) generation \(number)", message: "has gone meanwhile") }
        let signals = endOnSignals()
        defer {
            for signal in signals { signal.cancel() }
        }
        let scratch = try workspace.store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let node = LocalNode(
            machine: QEMUMachine(
                platform: source.configuration.platform, firmware: try firmware(of: source),
                memory: memory ?? system.memory, macAddress: "52:54:00:12:34:56", tap: "tap0",
                accelerator: accelerator, isInteractive: console, scratch: scratch.path),
            image: try BuiltImage(
                path: .init(parsing: generation.image), generation: generation, store: workspace.store),
            workspace: workspace)
        let attempt = console ? try await node.attend() : try await node.boot(within: .seconds(timeout))
        if options.json, let attempt { workspace.terminal.result(try encodeJSON(attempt)) }
    }
}
