import Building
import Foundation
import SystemModel
import SystemPackage

/// `builtin:image`: the manifest of an image, `manifest.json`, refused where the node's RAM cannot hold it.
///
/// Environment: `image`, an `ImageRequest` as JSON, and `catalogue` (of all its segments but the last).
public struct ImageBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let image = try JSONDecoder().decode(ImageRequest.self, from: Data(try request.require("image").utf8))
        func part(_ path: String) throws -> ImageManifest.Part {
            ImageManifest.Part(path: path, size: try Tree.size(of: request.physical(path)))
        }
        let catalogue = try request.require("catalogue")
        let settings = ImageManifest.Segment(
            directory: image.settings, summary: try SegmentSummary(segment: request.physical(image.settings)))
        let listed = try Catalogue(directory: request.physical(catalogue)).segments()
        let kernel = try part("\(image.kernel)/vmlinuz")
        let release = try Tree.text(request.physical("\(image.kernel)/release")).trimmingCharacters(
            in: .whitespacesAndNewlines)
        var manifest = ImageManifest(
            system: image.system, platform: image.platform, kernel: kernel, kernelRelease: release,
            kernelParameters: image.kernelParameters, catalogue: catalogue, segments: listed + [settings],
            loaders: try image.loaders.mapValues(part), peakMemory: 0)
        let estimate = MemoryEstimate(of: manifest)
        try estimate.check(memory: image.memory, system: image.system)
        manifest.peakMemory = estimate.peak
        if let limit = image.largestLoad { try Self.check(manifest, against: limit) }
        if let board = image.uBoot {
            manifest.uBoot = try await onBlockingThread { [manifest] in
                try UBootSums(request: request, board: board).image(of: manifest)
            }
        }
        try Tree.makeDirectory(request.output)
        manifest.segments = [settings]
        try Tree.write(json: manifest, to: request.output.appending("manifest.json"))
    }

    /// A node's own segment comes besides (`NodeSegment`): 1 MiB of files, and what belongs to the boot.
    private static let nodeSegment = 2 << 20

    /// - Parameter limit: MiB.
    private static func check(_ manifest: ImageManifest, against limit: Int) throws(BuildError) {
        let needed = manifest.kernel.size + manifest.initramfsSize + nodeSegment
        guard needed > limit << 20 else { return }
        func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20)" }
        throw BuildError(
            kind: .usage, subject: manifest.system,
            message:
                "has \(mebibytes(needed)) MiB to load, and machines of '\(manifest.platform)' load at most \(limit)",
            cause: """
                \(mebibytes(manifest.kernel.size)) MiB of kernel, \(mebibytes(manifest.initramfsSize)) MiB of initramfs, \
                and up to \(nodeSegment >> 20) MiB of a node's own
                """,
            remedy: "leave packages out: `bootferry build --sizes` lists them by size")
    }
}
