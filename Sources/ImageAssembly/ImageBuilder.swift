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
        if let board = image.uBoot {
            manifest.uBoot = try await onBlockingThread { [manifest] in
                try UBootSums(request: request, board: board).image(of: manifest)
            }
        }
        try Tree.makeDirectory(request.output)
        manifest.segments = [settings]
        try Tree.write(json: manifest, to: request.output.appending("manifest.json"))
    }
}
