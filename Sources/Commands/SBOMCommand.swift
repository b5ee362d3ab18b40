import ArgumentParser
import Building
import Foundation
import LinuxCalls
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// Which generation a verb is about.
struct GenerationOptions: ParsableArguments {
    @Argument(help: "The system; its newest generation.")
    var system: String
    @Option(help: ArgumentHelp("This generation.", valueName: "number"))
    var generation: Int?
    @OptionGroup var options: WorkspaceOptions

    func image() throws -> BuiltImage { try BuiltImage(chosen: generation, of: system, options) }
}

extension BuiltImage {
    /// A generation's; the newest where no number is given.
    init(chosen generation: Int?, of system: String, _ options: WorkspaceOptions) throws {
        let store = try Workspace.openStore(options)
        let chosen = try chosenGeneration(generation, of: system, in: store, dataDirectory: options.dataDirectory)
        try self.init(path: StorePath(parsing: chosen.image), generation: chosen, store: store)
    }

    /// What it was made from, nil where no record is here.
    func buildRecord() throws -> BuildRecord? {
        try BuildRecords(store: store, system: manifest.system).record(of: manifest)
    }

    /// The same where nothing can be said without it.
    func requiredBuildRecord() throws -> BuildRecord {
        if let record = try buildRecord() { return record }
        throw CommandError(
            kind: .usage, subject: "\(manifest.system) generation \(generation.number)",
            message: "has no build record here: it was made elsewhere, or by a Bootferry that kept none",
            remedy: "ask where it was made; or build it again here: bootferry build \(manifest.system)")
    }

    /// What it is made of; without a record, what runs alone.
    func bill(_ record: BuildRecord?) async throws -> Bill {
        let gathering = BillOfImage(image: self, record: record)
        return try await onBlockingThread { try gathering.gather() }
    }
}

/// `bootferry sbom`: what a generation is made of.
struct SBOMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sbom", abstract: "Write a generation's bill of materials, as SPDX or CycloneDX.",
        discussion: """
            It is made from the record of the build, not by looking through the result. '--closure runtime' has every package in
            the image, by name, version, source, digest and licence, and what it depends on; '--closure build' also every
            package, source and patch that took part in making it. Licences are those of Debian's copyright files in SPDX's
            words ('LicenseRef-…' with the text where SPDX has none), and recipes' own.

            The same generation always has the same bill. Its time is the generation's, or what SOURCE_DATE_EPOCH says.

              bootferry sbom lab-node --format spdx-2.3 >lab-node.spdx.json
              bootferry sbom rescue --closure build --format cyclonedx-1.6 --output rescue.cdx.json
            """)

    @OptionGroup var which: GenerationOptions
    @Option(help: "The form.")
    var format = Bill.Format.spdx23
    @Option(help: "What runs, or all that took part.")
    var closure = Bill.Closure.runtime
    @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file.", valueName: "file"))
    var output: String?

    func run() async throws {
        let image = try which.image()
        let text = try await image.bill(image.requiredBuildRecord()).limited(to: closure).text(format)
        try write(document: text, to: output)
    }
}

/// Prints a text that ends in a line feed, or makes it a file's content.
func write(document text: String, to output: String?) throws {
    guard let output else { return Terminal().result(String(text.dropLast())) }
    do {
        try replaceFile(at: FilePath(output), with: Array(text.utf8))
    } catch {
        throw CommandError(subject: output, message: "cannot be written", cause: "\(error)")
    }
}

extension Bill.Format: ExpressibleByArgument {}
extension Bill.Closure: ExpressibleByArgument {}
