import Building
import Containers
import Diagnostics
import Foundation
import LocalStore
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// What a container is made from: the segments of an image, and what cpio has no place for.
struct ContainerOfImage {
    let image: BuiltImage
    let platform: Platform

    func export() throws -> ContainerExport {
        let processor =
            platform.debianArchitecture ?? platform.target.map { String($0.triple.prefix { $0 != "-" }) }
            ?? platform.name
        guard
            let description = ContainerDescription(
                system: image.manifest.system, generation: image.generation.number, image: image.path.description,
                created: timestamp(BillOfImage.time(of: image.generation)), processor: processor)
        else {
            throw CommandError(
                kind: .usage, subject: image.manifest.system,
                message: "is for '\(processor)', which the OCI image specification has no name for")
        }
        return ContainerExport(
            description,
            segments: try image.manifest.segments.map {
                .init(name: $0.summary.name, file: try image.physical($0.part), size: $0.summary.unpackedBytes)
            }, capabilities: try capabilities())
    }

    /// Of the packages, which the catalogue has gathered, and of what stands in the manifest itself.
    private func capabilities() throws -> [String: [UInt8]] {
        var attributes: [String: String] = [:]
        if let catalogue = image.manifest.catalogue {
            let file = try image.store.physicalPath(ofLogical: catalogue).appending("capabilities")
            for line in try HostFiles.text(file).split(separator: "\n") {
                let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
                if parts.count == 2 { attributes[parts[1]] = parts[0] }
            }
        }
        for segment in image.manifest.segments { attributes.merge(segment.summary.capabilities) { $1 } }
        return try attributes.mapValues { text in
            guard let bytes = Self.bytes(hexadecimal: text) else {
                throw CommandError(
                    kind: .corrupt, subject: image.path.description,
                    message: "has the capability '\(text)', which is none",
                    remedy: "bootferry verify")
            }
            return bytes
        }
    }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension ExportCommand {
    struct ContainerReport: Encodable {
        var folder: String
        var generation: Generation
        var layers: Int
        var bytes: Int
        /// Of the image's manifest.
        var digest: String
        var tag: String
    }

    /// Writes an OCI image layout.
    func write(_ generation: Generation, of store: LocalStore, _ terminal: Terminal) async throws {
        let image = try BuiltImage(path: StorePath(parsing: generation.image), generation: generation, store: store)
        let platform = try ProjectData(named: options.dataDirectory).platform(image.manifest.platform)
        var export = try ContainerOfImage(image: image, platform: platform).export()
        export.level = level
        export.width = ProcessInfo.processInfo.activeProcessorCount
        let (work, folder) = (export, mediumFolder(to.first ?? ""))
        let report = try await onBlockingThread {
            defer { terminal.status("") }
            return try work.write(to: folder) { done, all in
                terminal.status("\(formatBytes(done)) of \(formatBytes(all))")
            }
        }
        let summary = ContainerReport(
            folder: folder.string, generation: generation, layers: report.layers, bytes: report.bytes,
            digest: "sha256:\(report.digest.hex)", tag: report.tag)
        terminal.result(
            options.json
                ? try encodeJSON(summary)
                : "oci:\(folder):\(report.tag)  \(report.layers) layers, \(formatBytes(report.bytes)), \(summary.digest)"
        )
    }
}
