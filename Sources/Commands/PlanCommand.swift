import ArgumentParser
import StoreModel

/// `bootferry plan`: the derivations of a system.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what a build would do, without doing it.",
        discussion: """
            One line a derivation, inputs first: its builder, its name, and its output where that is in the store
            already. '--json' prints every derivation whole.
            """)

    @Argument(help: "The system.")
    var system: String
    @OptionGroup var board: BoardOption
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    struct Row: Encodable {
        var derivation: String
        var name: String
        var builder: String
        var environment: [String: String]
        var inputs: [String]
        var output: String?
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let pipeline = SystemPipeline(
            source: try SystemSource(system, data: workspace.data, board: board.name), workspace: workspace,
            mirror: mirror)
        let plan = try await pipeline.plan()
        let outputs = try pipeline.realiser(events: { _ in }).known(plan.order, in: plan)
        let rows = plan.order.compactMap { path in
            plan.derivations[path].map {
                Row(
                    derivation: path.description, name: $0.name, builder: $0.builder, environment: $0.environment,
                    inputs: ($0.inputDerivations.union($0.inputSources)).sorted().map(\.description),
                    output: outputs[path]?.description)
            }
        }
        if options.json {
            workspace.terminal.result(try encodeJSON(rows))
            return
        }
        for row in rows {
            let state = row.output.map { "in the store: \($0)" } ?? "to do"
            workspace.terminal.result("\(row.builder)  \(row.name)  \(state)")
        }
        let missing = rows.count { $0.output == nil }
        workspace.terminal.message("\(rows.count) derivations, \(missing) to do")
    }
}
