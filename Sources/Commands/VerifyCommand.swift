import ArgumentParser
import Building
import Foundation
import LocalStore

/// `bootferry verify`: is every byte of the store what it was?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hash everything in the store again and name every fault.",
        discussion: """
            The exit status is 3 when there is a fault. What is only left over from a killed build goes with
            'bootferry gc'; a damaged object is made again after 'bootferry gc' has removed what needs it.
            """)

    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let faults = try await onBlockingThread {
            try store.verify(width: ProcessInfo.processInfo.activeProcessorCount) { done, all in
                terminal.status("\(done)/\(all) objects")
            }
        }
        terminal.status("")
        if options.json {
            terminal.result(try encodeJSON(faults.map(\.description)))
        } else {
            for fault in faults { terminal.result(fault.description) }
            terminal.message(faults.isEmpty ? "no faults" : "\(faults.count) faults")
        }
        if !faults.isEmpty { throw ExitCode(3) }
    }
}
