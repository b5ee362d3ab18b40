import ArgumentParser
import Building
import Carrying
import Diagnostics
import Foundation
import LocalStore
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry import`: what a medium carries, into this store.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take systems from a medium, once every byte is proved.",
        discussion: """
            The medium's signature must be by a key that is trusted here ('bootferry key trust'). Every object is checked to
            its last byte, and comes after all that it needs; what is missing or bad is named, all of it, and what is
            whole stays, so that the same command goes on after an interruption. The exit status is 3 where anything is bad.

            FILE.tar and what comes through a pipe ('-') are taken like the folder. A file is read where it lies; the files of a
            pipe lie in the state directory until they are proved, and of a pipe that ends too early nothing is taken.

            A Nix binary cache that another program wrote ('nix copy --to file://…') is taken too: signed objects as they are,
            unsigned ones only where their path follows from their content, and they are asked for by --path. These are
            kept from 'gc' as roots 'imported-HASH'.

              bootferry import /media/stick
              ssh home bootferry export lab-node --to - | bootferry import -
              bootferry serve netboot/site.yaml --no-build
            """)

    @Argument(help: ArgumentHelp("The medium's folder, or its FILE.tar, or '-' for a pipe.", valueName: "medium"))
    var medium: String
    @Option(
        help: ArgumentHelp(
            "Only this object, with all that it needs; may be repeated.", valueName: "/nix/store/hash-name"))
    var path: [String] = []
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var imported: [String]
        var there: Int
        var generations: [Generation]
        var faults: [String]
        var hindered: [String]
    }

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let spool = try await medium == "-" ? spool(into: store, terminal) : nil
        defer { withExtendedLifetime(spool) {} }
        let medium = try Medium(spool?.folder ?? mediumFolder(medium), ring: KeyStore(store.directory).ring())
        let paths = try path.isEmpty ? nil : Set(path.map { try StorePath(parsing: $0) })
        let importing = Import(
            store: store, medium: medium, width: ProcessInfo.processInfo.activeProcessorCount)
        let (plan, report) = try await onBlockingThread { try copy(importing, paths, terminal) }
        let summary = Report(
            imported: report.imported.map(\.description), there: plan.there, generations: report.generations,
            faults: report.faults.map(\.description), hindered: report.hindered.map(\.description))
        if options.json {
            terminal.result(try encodeJSON(summary))
        } else {
            for fault in report.faults { terminal.result(fault.description) }
            for generation in report.generations {
                terminal.result("\(generation.system)  \(generation.number)  \(generation.image)")
            }
            terminal.message(
                "\(report.imported.count) objects imported, \(plan.there) were there"
                    + (report.hindered.isEmpty ? "" : ", \(report.hindered.count) could not come")
                    + (report.faults.isEmpty
                        ? "" : "; \(report.faults.count) faults: get what is named anew, and import again"))
        }
        if !report.faults.isEmpty { throw ExitCode(3) }
    }

    private func spool(into store: LocalStore, _ terminal: Terminal) async throws -> TarSpool {
        try await onBlockingThread {
            defer { terminal.status("") }
            return try TarSpool(reading: .standardInput, into: store) { count in
                terminal.status("\(formatBytes(count)) have come")
            }
        }
    }

    private func copy(
        _ importing: Import, _ paths: Set<StorePath>?, _ terminal: Terminal
    ) throws -> (ImportPlan, Carrying.Import.Report) {
        defer { terminal.status("") }
        let plan = try importing.plan(paths)
        terminal.message(
            "\(plan.count) objects to import, \(formatBytes(plan.archiveBytes)); \(plan.there) there already; "
                + "\(formatBytes(plan.freeBytes)) free")
        guard plan.archiveBytes <= plan.freeBytes else {
            throw CommandError(
                kind: .host, subject: "'\(importing.store.directory.path)'",
                message: "has \(formatBytes(plan.freeBytes)) free, and \(formatBytes(plan.archiveBytes)) are needed",
                remedy: "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'")
        }
        let report = try importing.run(plan) { done, all in
            terminal.status("\(formatBytes(done)) of \(formatBytes(all))")
        }
        return (plan, report)
    }
}

/// A medium's folder as the command line names it.
func mediumFolder(_ name: String) -> FilePath {
    FilePath(currentDirectory()).pushing(FilePath(name)).lexicallyNormalized()
}
