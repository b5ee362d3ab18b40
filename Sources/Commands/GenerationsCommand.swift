import ArgumentParser
import Foundation

/// `bootferry generations`: the images that may be booted.
struct GenerationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generations", abstract: "List the images that may be booted.",
        discussion: """
            Every build that changes an image makes a generation, which keeps the image from collection.
            'bootferry gc --keep N' forgets all but the newest N of each system.
            """)

    @Argument(help: "A system's name; all systems by default.")
    var system: String?
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let terminal = Terminal(quiet: options.quiet)
        let generations = try Workspace.openStore(options).generations(of: system)
        if options.json {
            terminal.result(try encodeJSON(generations))
            return
        }
        if generations.isEmpty { terminal.message("no generations yet; 'bootferry build' makes one") }
        let formatter = ISO8601DateFormatter()
        for generation in generations {
            let time = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(generation.created)))
            terminal.result("\(generation.system)  \(generation.number)  \(time)  \(generation.image)")
        }
    }
}
