import ArgumentParser
import Foundation
import LocalStore
import SystemModel

/// `bootferry generations`: the images that may be booted.
struct GenerationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generations", abstract: "List the images that may be booted.",
        discussion: """
            Every build that changes an image makes a generation, which keeps the image from collection.
            'bootferry publish' and 'rollback' choose which one new boots get; it is marked here.
            'bootferry gc --keep N' forgets all but the newest N of each system.
            """)

    @Argument(help: "A system's name; all systems by default.")
    var system: String?
    @OptionGroup var options: WorkspaceOptions

    /// A generation, and who gets it.
    struct Listed: Encodable {
        var generation: Generation
        /// Nil where no new boot gets it.
        var served: String?

        init(_ generation: Generation, _ rollout: Rollout?) {
            self.generation = generation
            if rollout?.generation == generation.number {
                served = rollout?.trial == nil ? "all nodes" : "all other nodes"
            } else if let trial = rollout?.trial, trial.generation == generation.number {
                served = "\(trial.audience)"
            }
        }

        enum CodingKeys: CodingKey { case served }

        func encode(to encoder: any Encoder) throws {
            try generation.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(served, forKey: .served)
        }
    }

    func run() throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let generations = try store.generations(of: system)
        let rollouts = try store.rollouts()
        let listed = generations.map { Listed($0, rollouts[$0.system]) }
        if options.json {
            terminal.result(try encodeJSON(listed))
            return
        }
        if generations.isEmpty { terminal.message("no generations yet; 'bootferry build' makes one") }
        let formatter = ISO8601DateFormatter()
        for (generation, served) in listed.map({ ($0.generation, $0.served) }) {
            let time = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(generation.created)))
            terminal.result(
                "\(generation.system)  \(generation.number)  \(time)  \(generation.image)"
                    + (served.map { "  for \($0)" } ?? ""))
        }
    }
}
