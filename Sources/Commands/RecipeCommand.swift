import ArgumentParser
import Diagnostics
import StoreModel
import SystemModel

/// `bootferry recipe`: what Debian does not build for a platform.
struct RecipeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe", abstract: "Build what Debian does not build, from source, for another machine.",
        subcommands: [RecipeListCommand.self, RecipeLockCommand.self, RecipeBuildCommand.self])
}

/// `bootferry recipe list`.
struct RecipeListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the recipes.")

    @OptionGroup var options: WorkspaceOptions

    struct Row: Encodable {
        var name: String
        var summary: String
        var licence: String
        var inputs: [String]
    }

    func run() throws {
        let book = try ProjectData(named: options.dataDirectory).recipes()
        let rows = book.recipes.values.sorted { $0.name < $1.name }.map {
            Row(name: $0.name, summary: $0.summary, licence: $0.licence, inputs: $0.inputs)
        }
        let terminal = Terminal(quiet: options.quiet)
        if options.json { return terminal.result(try encodeJSON(rows)) }
        for row in rows {
            let inputs = row.inputs.isEmpty ? "" : " (from \(row.inputs.joined(separator: ", ")))"
            terminal.result("\(row.name)  \(row.summary) [\(row.licence)]\(inputs)")
        }
    }
}

/// `bootferry recipe lock`.
struct RecipeLockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Pin the tools and sources of all recipes by version and SHA-256.",
        discussion: """
            One lock for all recipes, 'targets/recipes/recipes.lock'. Without --update, every version that is locked stays.
            """)

    @Flag(help: "Move everything to the newest version.")
    var update = false
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        let workspace = try Workspace(options)
        let pipeline = RecipePipeline(workspace: workspace, mirror: mirror)
        let lock = try await pipeline.lock(workspace.data.recipes(), update: update)
        workspace.terminal.result(
            options.json
                ? try encodeJSON(["lockFile": pipeline.lockPath.string])
                : "\(pipeline.lockPath): \(lock.toolboxes.count) toolboxes")
    }
}

/// `bootferry recipe build`.
struct RecipeBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a recipe, and all that it needs, for a platform.",
        discussion: """
            The build runs in a sandbox that has the recipe's locked tools as its system, and no network. What it makes is
            in the store, and every ELF file in it is of the platform's ABI, or the build fails. What is there already is not
            built again. Logs are in 'log/' of the state directory.

              bootferry recipe build busybox --platform ppc64-elfv2
              bootferry recipe build linux --platform ppc64-elfv2-e5500
              bootferry recipe build linux --platform ppc64-elfv2 --substituter http://10.77.0.1:8080/binary-cache
            """)

    @Argument(help: "The recipe.")
    var recipe: String
    @Option(help: "What it is built for, a file of 'targets/platforms', or one with a variant of it.")
    var platform: String
    @Flag(help: "Keep what a failed build worked in, in 'failed/' of the state directory.")
    var keepFailed = false
    @OptionGroup var substitution: SubstituterOptions
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func validate() throws { try substitution.requireLocal(mirror) }

    struct Report: Encodable {
        var recipe: String
        var platform: String
        /// In the store's own words, and where it lies.
        var output: String
        var path: String
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let platform = try workspace.data.platform(platform)
        let planner = try await RecipePipeline(workspace: workspace, mirror: mirror).planner(for: platform)
        let plan = try planner.plan(recipe)
        let runner = PlanRunner(
            workspace: workspace, mirror: mirror, keepsFailed: keepFailed,
            substituters: try substitution.substituters(for: workspace.store, workspace.terminal))
        let output = try await runner.realise(plan)
        // Asked for by name: no collection takes it until it is built anew.
        try workspace.store.addRoot("recipe-\(recipe)-\(platform.fullName)", output)
        let report = Report(
            recipe: recipe, platform: platform.fullName, output: output.description,
            path: workspace.store.physicalPath(of: output).string)
        workspace.terminal.result(options.json ? try encodeJSON(report) : report.path)
    }
}
