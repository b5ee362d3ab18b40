import ArgumentParser
import Diagnostics
import Foundation
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry build`: from a configuration to a bootable image.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a system's bootable image.",
        discussion: """
            The first build locks the system's packages, fetches them, turns each into a segment, configures them in a
            sandbox without network, and writes the image's manifest. The next one makes only what changed. A build
            that was interrupted goes on where it was. With '--offline' it uses what is in the store, by 'fetch' or 'import', and
            names every file that would have to be fetched.

            The image becomes the newest generation of its system. '--output' writes it as plain files besides:
            'vmlinuz', 'initramfs.img' and 'boot.ipxe', for any boot server; for a board with U-Boot 'SYSTEM.itb', a FIT.

              bootferry build lab-node
              bootferry build my/system.yaml --output /srv/tftp/my
              bootferry build lab-node --sizes
              bootferry build lab-node --offline
              bootferry build lab-node --substituter http://10.77.0.1:8080/binary-cache
            """)

    @Argument(help: "The system.")
    var system: String
    @OptionGroup var board: BoardOption
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Write kernel, initramfs and boot script into this folder.", valueName: "dir"))
    var output: String?
    @Flag(help: "List the packages by the RAM that they take on a node.")
    var sizes = false
    @Flag(help: "Keep what a failed build worked in, in 'failed/' of the state directory.")
    var keepFailed = false
    @OptionGroup var substitution: SubstituterOptions
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func validate() throws { try substitution.requireLocal(mirror) }

    struct Report: Encodable {
        struct Package: Encodable {
            var name: String
            var segment: String
            var compressedBytes: Int
            var unpackedBytes: Int
            var inodes: Int
        }
        var system: String
        var generation: Int
        var image: String
        var kernel: String
        var initramfsBytes: Int
        var unpackedBytes: Int
        var peakMemoryBytes: Int
        /// In unpacking order.
        var segments: [Package]
        /// Against the generation before; absent where nothing was published.
        var news: BuildNews?
    }

    func run() async throws {
        let start = ContinuousClock.now
        // At once: each takes a tenth of a build that has one line to change.
        async let opened = Workspace(options)
        let source = try SystemSource(system, data: ProjectData(named: options.dataDirectory), board: board.name)
        let workspace = try await opened
        let pipeline = SystemPipeline(
            source: source, workspace: workspace, mirror: mirror, keepsFailed: keepFailed,
            substituters: try substitution.substituters(for: workspace.store, workspace.terminal))
        let before = try workspace.store.latestGeneration(of: pipeline.source.system.name)
        let image = try await pipeline.publishedImage()
        if let output {
            try await PlainFiles(image: image, data: workspace.data).write(to: FilePath(output))
            workspace.terminal.message("wrote vmlinuz, initramfs.img and boot.ipxe to \(output)")
        }
        let isNew = before?.number != image.generation.number
        let news = isNew ? news(since: before, image) : nil
        if options.json {
            var report = try Report(image)
            report.news = news
            workspace.terminal.result(try encodeJSON(report))
            return
        }
        let manifest = image.manifest
        if sizes {
            for segment in manifest.segments.sorted(by: { $0.summary.unpackedBytes > $1.summary.unpackedBytes }) {
                let columns = [segment.summary.unpackedBytes, segment.part.size].map { bytes in
                    let text = formatBytes(bytes)
                    return String(repeating: " ", count: max(0, 9 - text.count)) + text
                }
                workspace.terminal.result("\(columns[0]) \(columns[1])  \(segment.summary.name)")
            }
        }
        workspace.terminal.result(
            """
            \(manifest.system) generation \(image.generation.number) (\(isNew ? "new" : "unchanged")), in \(formatSeconds(ContinuousClock.now - start))
              image      \(workspace.store.physicalPath(of: image.path))
              kernel     \(manifest.kernelRelease), \(formatBytes(manifest.kernel.size))
              initramfs  \(formatBytes(manifest.initramfsSize)) in \(manifest.segments.count) segments, \
            \(formatBytes(image.unpackedBytes)) unpacked
              RAM        \(formatBytes(manifest.peakMemory)) at the peak of a boot
            """)
        if let news, let earlier = news.comparedWith {
            for line in news.lines { workspace.terminal.result("  \(line)") }
            if news.isEmpty { workspace.terminal.result("  the same segments as generation \(earlier)") }
        }
    }

    /// A generation before that can no longer be read is compared with like none.
    private func news(since before: Generation?, _ image: BuiltImage) -> BuildNews {
        guard let before, let path = try? StorePath(parsing: before.image),
            let earlier = try? BuiltImage(path: path, generation: before, store: image.store)
        else { return BuildNews() }
        return BuildNews(from: earlier, to: image)
    }
}

extension BuildCommand.Report {
    init(_ image: BuiltImage) throws {
        system = image.manifest.system
        generation = image.generation.number
        self.image = image.path.description
        kernel = try image.physical(image.manifest.kernel).string
        initramfsBytes = image.manifest.initramfsSize
        unpackedBytes = image.unpackedBytes
        peakMemoryBytes = image.manifest.peakMemory
        segments = try image.manifest.segments.map {
            Package(
                name: $0.summary.name, segment: try image.physical($0.part).string, compressedBytes: $0.part.size,
                unpackedBytes: $0.summary.unpackedBytes, inodes: $0.summary.inodes)
        }
    }
}
