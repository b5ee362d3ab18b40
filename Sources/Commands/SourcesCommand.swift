import ArgumentParser
import Diagnostics
import Foundation
import Proofs
import SystemPackage

/// `bootferry sources`: the sources of what a generation has in it, for whoever it is given to.
struct SourcesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources", abstract: "Write the sources of all that a generation has in it, as licences ask for.",
        discussion: """
            For each Debian package in the image, and for the boot loaders, the source package that it was built from, in just
            that version, and those that its 'Built-Using' names: their '.dsc' and all that it lists, fetched by digest from the
            archive's signed lists. For what recipes make, the source, the patches and the recipe with its build script, and
            the kernel's configuration; for libraries too, which may be linked into programs.

                index.json            each package: version, licence, sources, files; each file: size, SHA-256
                SHA256SUMS            'sha256sum --check' reads it
                debian/NAME_VERSION/  a source package
                recipes/NAME/         a recipe; data/ is what recipes read besides

            What could not be had is in the index by name, with the reason, and is printed; the exit status is 1 then. Mirrors
            keep the sources of what they have now: an archive is best made soon after 'lock'. Files that were fetched lie in
            the store until 'gc'. The same generation makes the same bytes where nothing was missing.

            What a rebuild needs is another thing: 'export --with-sources'.

              bootferry sources lab-node --to lab-node-sources
              bootferry sources rescue --to rescue-sources.tar
            """)

    @OptionGroup var which: GenerationOptions
    @Option(help: ArgumentHelp("A folder to make, or FILE.tar.", valueName: "archive"))
    var to: String
    @OptionGroup var mirror: MirrorOptions

    struct Report: Encodable {
        var archive: String
        var components: Int
        var files: Int
        var bytes: Int
        var missing: [SourceIndex.Absence]
    }

    func run() async throws {
        let workspace = try Workspace(which.options)
        let image = try which.image()
        let target = mediumFolder(to)
        try SourceArchive.requireFree(target)
        let archive = try await SourceGathering(
            image: image, name: which.system, workspace: workspace, mirror: mirror
        ).gather()
        try await archive.write(to: target, workspace.terminal)
        let index = archive.index
        let report = Report(
            archive: target.string, components: index.components.count, files: index.files.count,
            bytes: index.files.reduce(0) { $0 + $1.size }, missing: index.missing)
        if workspace.json {
            workspace.terminal.result(try encodeJSON(report))
        } else {
            for absence in index.missing {
                workspace.terminal.result(
                    "missing: \(absence.source), for \(absence.neededBy.joined(separator: ", ")): \(absence.reason)")
            }
            workspace.terminal.result(
                "\(to): the sources of \(report.components) packages, \(report.files) files, \(formatBytes(report.bytes))"
                    + (report.missing.isEmpty ? "" : "; \(report.missing.count) are missing"))
        }
        if !report.missing.isEmpty { throw ExitCode(FailureKind.failed.rawValue) }
    }
}
