import ArgumentParser
import Building
import Carrying
import Diagnostics
import Foundation
import LocalStore

/// `bootferry verify`: is every byte of the store what it was?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hash everything in the store, or on a medium, again and name every fault.",
        discussion: """
            The exit status is 3 when there is a fault. What is only left over from a killed build goes with
            'bootferry gc'.

            With a medium's folder or its FILE.tar, that is read instead: every file against the signed manifest, every archive against its
            narinfo, whether all is there that its systems need, and whether a key that is trusted here signed it. Of an export
            on several volumes, any of them may be given, all in one command or each by itself; those that are not are named.

            With --repair, modes and times are set again, and a damaged object is fetched or built again where a system's
            configuration and lock file, as they are now, say how: those of the systems named, or of the generations' systems
            in targets/systems. What cannot be mended is unregistered, so that the next build makes it again, and named;
            the exit status then is 3.

              bootferry verify
              bootferry verify --repair
              bootferry verify --repair lab-node my/system.yaml
              bootferry verify /media/stick
              bootferry verify /media/first /media/second
            """)

    @Argument(
        help: ArgumentHelp(
            "Media, each a folder or FILE.tar; with --repair, the systems whose plans say how objects are made.",
            valueName: "subject")
    )
    var systems: [String] = []
    @Flag(help: "Mend what can be mended.")
    var repair = false
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        if !repair, !systems.isEmpty {
            return try await verify(
                MediumSet(systems.map(mediumFolder), ring: KeyStore(store.directory).ring()), terminal)
        }
        let faults = try await onBlockingThread {
            try store.verify(width: ProcessInfo.processInfo.activeProcessorCount) { done, all in
                terminal.status("\(done)/\(all) objects")
            }
        }
        terminal.status("")
        if repair { return try await mend(faults, terminal) }
        try report(faults.map(\.description), terminal)
    }

    private func verify(_ media: MediumSet, _ terminal: Terminal) async throws {
        let faults = try await onBlockingThread {
            try media.faults(width: ProcessInfo.processInfo.activeProcessorCount) { done, all in
                terminal.status("\(formatBytes(done)) of \(formatBytes(all))")
            }
        }
        terminal.status("")
        if let remedy = media.remedy { terminal.message("remedy: \(remedy)") }
        if let rest = missingVolumes(of: media) { terminal.message("not looked at: \(rest)") }
        try report(faults.map(\.description), terminal)
    }

    private func report(_ faults: [String], _ terminal: Terminal) throws {
        if options.json {
            terminal.result(try encodeJSON(faults))
        } else {
            for fault in faults { terminal.result(fault) }
            terminal.message(faults.isEmpty ? "no faults" : "\(faults.count) faults")
        }
        if !faults.isEmpty { throw ExitCode(3) }
    }

    private func mend(_ faults: [StoreFault], _ terminal: Terminal) async throws {
        let report = try await StoreRepair(workspace: Workspace(options), mirror: mirror).run(faults, systems: systems)
        if options.json {
            terminal.result(try encodeJSON(report))
        } else {
            for line in report.faults { terminal.result(line) }
            for line in report.mended { terminal.result("mended: \(line)") }
            for line in report.unmended { terminal.result("not mended: \(line)") }
            terminal.message(
                faults.isEmpty ? "no faults" : "\(report.mended.count) mended, \(report.unmended.count) not")
        }
        if !report.unmended.isEmpty { throw ExitCode(3) }
    }
}

/// Which volumes of an export are not at hand, as people say it; nil where all are.
func missingVolumes(of media: MediumSet) -> String? {
    let missing = media.missing
    guard !missing.isEmpty else { return nil }
    let numbers = missing.map(String.init).joined(separator: ", ")
    return "volume\(missing.count == 1 ? "" : "s") \(numbers) of \(media.count)"
}
