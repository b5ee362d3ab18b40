import Building
import Foundation
import SystemModel
import SystemPackage

/// `builtin:catalogue`: what an image's segments carry, in one place, so that a changed setting reads a few files and
/// not three for each package.
///
/// Environment: `segments` (directories in unpacking order, separated by spaces). The output is a `Catalogue`.
public struct CatalogueBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let segments = try request.require("segments").split(separator: " ").map { request.physical(String($0)) }
        try Tree.makeDirectory(request.output)
        try Catalogue.write(of: segments, to: request.output)
    }
}

/// The directory that `builtin:catalogue` makes.
///
/// `contents`: every path once, as the last segment to carry it has it, in the form of a segment's `contents`;
/// `removals`: a path a line; `capabilities`: lines of hexadecimal attribute, tab, path; `segments.json`: every
/// segment's summary, in unpacking order.
struct Catalogue {
    let directory: FilePath

    static func write(of segments: [FilePath], to directory: FilePath) throws {
        // A directory's line ends in a slash; whoever unpacks last decides what the path is.
        var kinds: [Substring: Bool] = [:]
        var summaries: [SegmentSummary] = []
        for segment in segments {
            for line in try Tree.text(segment.appending("contents")).split(separator: "\n") {
                let isDirectory = line.utf8.last == UInt8(ascii: "/")
                kinds[isDirectory ? line.dropLast() : line] = isDirectory
            }
            summaries.append(try SegmentSummary(segment: segment))
        }
        let contents = kinds.map { Array($0.key.utf8) + ($0.value ? [UInt8(ascii: "/")] : []) }
        try writeLines(contents.sorted { $0.lexicographicallyPrecedes($1) }, to: directory.appending("contents"))
        let removals = Set(summaries.flatMap(\.removals)).map { Array($0.utf8) }
        try writeLines(removals.sorted { $0.lexicographicallyPrecedes($1) }, to: directory.appending("removals"))
        var capabilities: [String: String] = [:]
        for summary in summaries { capabilities.merge(summary.capabilities) { $1 } }
        let lines = capabilities.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Array("\($0.value)\t\($0.key)".utf8) }
        try writeLines(lines, to: directory.appending("capabilities"))
        try Tree.write(json: summaries, to: directory.appending("segments.json"))
    }

    private static func writeLines(_ lines: [[UInt8]], to file: FilePath) throws {
        try Tree.write(lines.flatMap { $0 + [0x0A] }, to: file)
    }

    func contents() throws -> CarriedPaths { CarriedPaths(list: try Tree.read(directory.appending("contents"))) }

    /// Paths that the segments' presence deletes from earlier ones.
    func removals() throws -> [Substring] { try Tree.text(directory.appending("removals")).split(separator: "\n") }

    /// File capabilities: path -> the `security.capability` attribute in hexadecimal, sorted by path.
    func capabilities() throws -> [(path: String, attribute: String)] {
        try Tree.text(directory.appending("capabilities")).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[1], parts[0]) : nil
        }
    }

    func summaries() throws -> [SegmentSummary] {
        try JSONDecoder().decode(
            [SegmentSummary].self, from: Data(try Tree.read(directory.appending("segments.json"))))
    }
}
