import ArgumentParser
import Foundation
import Proofs
import SystemModel

/// `bootferry diff`: what is different between two generations.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Say what is different between two generations.",
        discussion: """
            Packages that came, went, or have another version, other bytes or another licence, and what that is in RAM. A
            generation is a system's name, for its newest, or NAME:NUMBER; it may have been imported. The exit status is 0
            whether they differ or not.

              bootferry diff lab-node:3 lab-node:4
              bootferry diff minimal lab-node --files
            """)

    @Argument(help: "The one before.")
    var before: String
    @Argument(help: "The one after.")
    var after: String
    @Flag(help: "Files that came or went, too.")
    var files = false
    @OptionGroup var options: WorkspaceOptions

    func run() async throws {
        let (old, new) = (try image(before), try image(after))
        // Of an imported one there is no record: then both are compared by what is in the image alone.
        let records = (try old.buildRecord(), try new.buildRecord())
        let isRecorded = records.0 != nil && records.1 != nil
        let was = try await old.bill(isRecorded ? records.0 : nil)
        let now = try await new.bill(isRecorded ? records.1 : nil)
        let difference = BillDifference(
            from: was, to: now, files: files ? (try Self.files(of: old), try Self.files(of: new)) : nil)
        let terminal = Terminal()
        if options.json { return terminal.result(try encodeJSON(difference)) }
        for line in difference.lines { terminal.result(line) }
    }

    private static func files(of image: BuiltImage) throws -> BillDifference.Files {
        let pairs = try image.manifest.segments.map { segment in
            (segment.summary.name, Set(try image.paths(carriedBy: segment).map(String.init)))
        }
        return Dictionary(pairs) { $0.union($1) }
    }

    private func image(_ name: String) throws -> BuiltImage {
        let parts = name.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return try BuiltImage(chosen: nil, of: name, options) }
        guard let number = Int(parts[1]), number > 0 else {
            throw ValidationError("expected NAME or NAME:NUMBER, found '\(name)'")
        }
        return try BuiltImage(chosen: number, of: String(parts[0]), options)
    }
}
