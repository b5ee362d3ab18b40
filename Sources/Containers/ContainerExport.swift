import Compression
import Diagnostics
import Foundation
import LinuxCalls
import OpenSSL
import StoreModel
import SystemModel
import SystemPackage

/// Writes a generation's segments as an OCI image layout, a folder:
///
///     oci-layout   index.json   blobs/sha256/DIGEST
///
/// Segments stay in their order, some to a layer; what a later one deletes of earlier ones is a layer of whiteouts, the last. Layers'
/// archives have the same bytes wherever they are made, their compression those of the host's libzstd. The index comes last: a folder
/// without one is no image. Blocking; memory for one layer, unpacked.
public struct ContainerExport: Sendable {
    /// A segment on this disk.
    public struct Segment: Sendable {
        public var name: String
        /// Its compressed cpio archive.
        public var file: FilePath
        /// Bytes once unpacked.
        public var size: Int

        public init(name: String, file: FilePath, size: Int) {
            self.name = name
            self.file = file
            self.size = size
        }
    }

    /// What was written.
    public struct Report: Sendable {
        public var layers = 0
        /// Of all files.
        public var bytes = 0
        /// Of the manifest: what a registry would call the image.
        public var digest: Digest
        /// By which skopeo and others name it in the folder.
        public var tag: String
    }

    public var description: ContainerDescription
    /// In unpacking order.
    public var segments: [Segment]
    /// `security.capability` of files, by path.
    public var capabilities: [String: [UInt8]]
    public var level = 3
    /// Threads that compress.
    public var width = 1

    public init(
        _ description: ContainerDescription, segments: [Segment], capabilities: [String: [UInt8]]
    ) {
        self.description = description
        self.segments = segments
        self.capabilities = capabilities
    }

    /// A layer is closed once it has so many bytes; what users change comes last and alone.
    private static let layerSize = 32 << 20
    /// What changes with every setting, in layers of their own.
    private static let own: Set = ["configuration", "services", "settings"]

    /// Segments by layers, in their order.
    func groups() -> [[Segment]] {
        var groups: [[Segment]] = []
        var size = 0
        for segment in segments {
            let isOwn = Self.own.contains(segment.name)
            let follows = groups.last?.last.map { !Self.own.contains($0.name) } ?? false
            if follows, !isOwn, size < Self.layerSize {
                groups[groups.count - 1].append(segment)
                size += segment.size
            } else {
                groups.append([segment])
                size = segment.size
            }
        }
        return groups
    }

    /// Writes into `folder`, which is made if it is not there; of one that has anything but an image, nothing is touched.
    public func write(to folder: FilePath, progress: (_ done: Int, _ all: Int) -> Void) throws -> Report {
        let blobs = folder.appending("blobs").appending("sha256")
        try prepare(folder, blobs)
        let all = segments.reduce(0) { $0 + $1.size }
        var image = ContainerImage(description: description, layers: [])
        var removals: Set<String> = []
        var done = 0
        for group in groups() {
            var archive = LayerArchive()
            for segment in group {
                try archive.add(try content(of: segment), capabilities: capabilities)
                done += segment.size
                progress(done, all)
            }
            removals.formUnion(archive.removals)
            image.layers.append(
                try write(archive, holding: group.map(\.name).joined(separator: " "), to: blobs))
        }
        if !removals.isEmpty {
            var archive = LayerArchive()
            for path in removals.sorted() { try archive.addWhiteout(of: path) }
            image.layers.append(try write(archive, holding: "what is removed", to: blobs))
        }
        var bytes = image.layers.reduce(0) { $0 + $1.blob.size }
        for document in [image.configuration, image.manifest] {
            try replace(blobs.appending(ContainerImage.Blob(document).digest.hex), document)
            bytes += document.utf8.count
        }
        try replace(folder.appending("oci-layout"), ContainerImage.layout)
        try replace(folder.appending("index.json"), image.index)
        return Report(
            layers: image.layers.count, bytes: bytes, digest: ContainerImage.Blob(image.manifest).digest,
            tag: description.tag)
    }

    private func prepare(_ folder: FilePath, _ blobs: FilePath) throws {
        let files = FileManager.default
        let names = (try? files.contentsOfDirectory(atPath: folder.string)) ?? []
        let strange = names.filter { !["blobs", "index.json", "oci-layout"].contains($0) }.sorted()
        guard strange.isEmpty else {
            throw ContainerError(
                "'\(folder)'", "has '\(strange[0])', so it is no image layout", kind: .usage,
                remedy: "name an empty folder, or one that is not there")
        }
        do {
            // Until the new index is there, there is no image.
            if names.contains("index.json") { try files.removeItem(atPath: folder.appending("index.json").string) }
            if names.contains("blobs") { try files.removeItem(atPath: folder.appending("blobs").string) }
            try files.createDirectory(atPath: blobs.string, withIntermediateDirectories: true)
        } catch {
            throw ContainerError("'\(folder)'", "cannot be prepared", cause: error.localizedDescription)
        }
    }

    /// A segment's archive, unpacked in memory.
    private func content(of segment: Segment) throws -> [UInt8] {
        do {
            let file = try FileDescriptor.open(segment.file, .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                let decompressor = try Decompressor(.zstd) { try file.read(into: $0) }
                var bytes: [UInt8] = []
                while true {
                    let piece = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
                        count = try decompressor.read(into: UnsafeMutableRawBufferPointer(buffer))
                    }
                    if piece.isEmpty { return bytes }
                    bytes += piece
                }
            }
        } catch {
            throw ContainerError(
                "'\(segment.file)'", "cannot be read", kind: .corrupt, cause: "\(error)", remedy: "bootferry verify")
        }
    }

    /// Compresses a layer into the file that its digest names.
    private func write(
        _ archive: LayerArchive, holding contents: String, to folder: FilePath
    ) throws -> ContainerImage.Layer {
        let beside = folder.appending("layer.unfinished")
        let (archiveDigest, digest) = (SHA256(), SHA256())
        var size = 0
        do {
            let file = try FileDescriptor.open(
                beside, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter {
                func emit(_ bytes: UnsafeRawBufferPointer) throws {
                    digest.update(bytes)
                    size += bytes.count
                    _ = try file.writeAll(bytes)
                }
                let compressor = try Compressor(level: level, workers: width, size: archive.size)
                try archive.write { bytes in
                    archiveDigest.update(bytes)
                    try compressor.write(bytes, to: emit)
                }
                try compressor.finish(to: emit)
                guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            }
            let blob = ContainerImage.Blob(digest: Digest(finishing: digest), size: size)
            let path = folder.appending(blob.digest.hex)
            guard rename(beside.string, path.string) == 0 else { throw Errno(rawValue: errno) }
            return .init(blob: blob, archiveDigest: Digest(finishing: archiveDigest), contents: contents)
        } catch let error as Errno {
            throw ContainerError("'\(beside)'", "cannot be written: \(error)", kind: .host)
        }
    }

    private func replace(_ path: FilePath, _ text: String) throws {
        do {
            try replaceFile(at: path, with: Array(text.utf8))
        } catch {
            throw ContainerError("'\(path)'", "cannot be written: \(error)", kind: .host)
        }
    }
}

/// Why a container's image could not be written.
public typealias ContainerError = DomainError<ContainerDomain>

/// The domain of `ContainerError`.
public enum ContainerDomain: ErrorDomain {
    public static let usualKind = FailureKind.failed
}
