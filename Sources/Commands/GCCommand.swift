import ArgumentParser
import Building
import Diagnostics
import LocalStore
import NetbootServer
import StoreModel
import SystemPackage

/// `bootferry gc`: deletes what nothing needs.
struct GCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Delete what no generation and no running build needs.",
        discussion: """
            The newest generation of each system keeps, besides its image, what it was made from, so that a changed line
            is still a quick build; '--inputs' gives that up as well. Logs of builds whose results are gone, and downloads
            that nobody went on with for a day, go too. What 'import' brought by itself stays until 'bootferry roots' lets it go.

              bootferry gc --dry-run
              bootferry gc --keep 3
            """)

    @Option(
        help: ArgumentHelp(
            "Forget all but the newest N generations of each system first, and those that nodes get or fall back to.",
            valueName: "n"))
    var keep: Int?
    @Flag(help: "Delete packages and intermediate results too: the next build fetches and makes them anew.")
    var inputs = false
    @Flag(help: "Say what would be deleted, and delete nothing.")
    var dryRun = false
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var deleted: [String]
        var leftovers: Int
        /// Logs of builds whose output is no longer known, older than a day.
        var logs: Int
        /// Downloads that nobody went on with for a day.
        var downloads: Int
        var bytes: Int
        var notDeleted: [String]
    }

    func validate() throws {
        if let keep, keep < 1 { throw ValidationError("--keep takes at least 1: a system's newest generation stays") }
    }

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        var bySystem = Dictionary(grouping: try store.generations(), by: \.system)
        var forgotten: Set<String> = []
        if let keep {
            for (system, generations) in bySystem {
                // What nodes are given, and what they would fall back to, stays however old it is.
                let needed = try store.rollout(of: system)?.generations ?? []
                let good = try BootLogFiles.goodGenerations(of: system, below: store.directory.netboot)
                for generation in generations.dropLast(keep)
                where !needed.union(good).contains(generation.number) {
                    forgotten.insert(generation.rootName)
                    if !dryRun { try store.remove(generation) }
                }
                bySystem[system] = generations.suffix(keep)
            }
        }
        var keeping: Set<StorePath> = []
        if !inputs {
            for system in bySystem.keys { keeping.formUnion(try store.inputs(of: system)) }
        }
        var report = try await onBlockingThread { [keeping, forgotten, dryRun] in
            try store.collectGarbage(dryRun: dryRun, keeping: keeping, ignoringRoots: forgotten)
        }
        if !report.remaining.isEmpty {
            for path in report.remaining.keys where (try? await Sandbox.remove(path)) != nil {
                report.remaining[path] = nil
            }
            // What is left of them are lock files, which nobody holds now.
            _ = try await onBlockingThread { try store.sweepAbandonedWork() }
        }
        let debris = try store.sweepDebris(dryRun: dryRun)
        if options.json {
            terminal.result(
                try encodeJSON(
                    Report(
                        deleted: report.objects.map(\.description),
                        leftovers: report.leftovers.count + report.abandoned.count, logs: debris.logs,
                        downloads: debris.downloads, bytes: report.bytes + debris.bytes,
                        notDeleted: report.remaining.map { "\($0.key): \($0.value)" }.sorted())))
            return
        }
        for (path, reason) in report.remaining { terminal.message("\(path) could not be deleted: \(reason)") }
        let would = dryRun ? "would delete" : "deleted"
        terminal.result(
            "\(would) \(report.objects.count) objects, \(report.leftovers.count + report.abandoned.count) leftovers, "
                + "\(debris.logs) old logs and \(debris.downloads) unfinished downloads, "
                + formatBytes(report.bytes + debris.bytes))
    }
}
