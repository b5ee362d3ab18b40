import ArgumentParser

/// `bootferry fetch`: everything that a build needs from the network, and nothing else.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch a system's locked packages, to build later without a network.",
        discussion: "What was fetched before an interruption is kept, and partial files are resumed.")

    @Argument(help: "The system.")
    var system: String
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        let workspace = try Workspace(options)
        let pipeline = SystemPipeline(
            source: try SystemSource(system, data: workspace.data), workspace: workspace, mirror: mirror)
        let plan = try await pipeline.plan()
        let fetches = plan.order.filter { plan.derivations[$0]?.outputHash != nil }
        let progress = BuildProgress(terminal: workspace.terminal)
        defer { progress.finish() }
        let outputs = try await pipeline.runner.realiser {
            progress.show($0)
        } onBytes: {
            progress.fetched($0)
        }
        .realise(plan, targets: fetches)
        if options.json {
            workspace.terminal.result(try encodeJSON(outputs.values.sorted().map(\.description)))
        } else {
            workspace.terminal.result("\(outputs.count) files are in the store")
        }
    }
}
