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
        let segments = try request.require("segments").split(separator: " ").map(String.init)
        try Tree.makeDirectory(request.output)
        try Catalogue.write(of: segments, to: request.output, physical: request.physical)
    }
}

/// The directory that `builtin:catalogue` makes.
///
/// `contents`: every path once, as the last segment to carry it has it, in the form of a segment's `contents`;
/// `removals`: a path a line; `capabilities`: lines of hexadecimal attribute, tab, path; `segments`: the
/// segments as an image's manifest lists them, in unpacking order.
struct Catalogue {
    let directory: FilePath

    /// - Parameter physical: where a logical path, as `segments` has them, lies.
    static func write(of segments: [String], to directory: FilePath, physical: (String) -> FilePath) throws {
        // A directory's line ends in a slash; whoever unpacks last decides what the path is.
        var kinds: [Substring: Bool] = [:]
        var listed: [ImageManifest.Segment] = []
        for segment in segments {
            let folder = physical(segment)
            for line in try Tree.text(folder.appending("contents")).split(separator: "\n") {
                let isDirectory = line.utf8.last == UInt8(ascii: "/")
                kinds[isDirectory ? line.dropLast() : line] = isDirectory
            }
            listed.append(.init(directory: segment, summary: try SegmentSummary(segment: folder)))
        }
        let contents = kinds.map { Array($0.key.utf8) + ($0.value ? [UInt8(ascii: "/")] : []) }
        try writeLines(contents.sorted { $0.lexicographicallyPrecedes($1) }, to: directory.appending("contents"))
        let removals = Set(listed.flatMap(\.summary.removals)).map { Array($0.utf8) }
        try writeLines(removals.sorted { $0.lexicographicallyPrecedes($1) }, to: directory.appending("removals"))
        var capabilities: [String: String] = [:]
        for segment in listed { capabilities.merge(segment.summary.capabilities) { $1 } }
        let lines = capabilities.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Array("\($0.value)\t\($0.key)".utf8) }
        try writeLines(lines, to: directory.appending("capabilities"))
        try Tree.write(Array(listed.map(\.line).joined().utf8), to: directory.appending("segments"))
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

    /// As an image's manifest lists them.
    func segments() throws -> [ImageManifest.Segment] {
        try ImageManifest.Segment.list(try Tree.read(directory.appending("segments")))
    }
}

extension ImageManifest.Segment {
    /// The segment of a directory, by its logical path.
    init(directory: String, summary: SegmentSummary) {
        self.init(part: .init(path: "\(directory)/segment.cpio.zst", size: summary.size), summary: summary)
    }
}
