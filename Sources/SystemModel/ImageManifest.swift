import Foundation

/// What a segment's `segment.json` says of `segment.cpio.zst` beside it.
///
/// A segment is a store directory: `segment.cpio.zst` (exactly one zstd frame), `segment.json` (this), and
/// `contents` (one line a path, sorted by bytes, without a leading slash; a directory's line ends in one).
public struct SegmentSummary: Codable, Sendable, Equatable {
    /// A package's name, or `configuration`, `settings`, `init`.
    public var name: String
    /// Bytes of `segment.cpio.zst`.
    public var size: Int
    /// Bytes of file contents once unpacked, each file rounded up to a 4,096-byte page: what tmpfs will hold.
    public var unpackedBytes: Int
    /// Files, directories and links.
    public var inodes: Int
    /// Paths this segment's presence must delete from earlier ones (cpio cannot); without a leading slash.
    public var removals: [String]
    /// File capabilities: path -> the `security.capability` attribute in lower-case hexadecimal.
    public var capabilities: [String: String]

    public init(
        name: String, size: Int, unpackedBytes: Int, inodes: Int, removals: [String] = [],
        capabilities: [String: String] = [:]
    ) {
        self.name = name
        self.size = size
        self.unpackedBytes = unpackedBytes
        self.inodes = inodes
        self.removals = removals
        self.capabilities = capabilities
    }
}

/// An image: a list, not a file. Everything a boot server needs to answer any firmware, by store path.
///
/// In the store it is a directory with `manifest.json`, which lists only the segments that are not in its catalogue: the image
/// of a changed setting is then some hundred bytes that refer to four objects, whatever the system's size.
public struct ImageManifest: Codable, Sendable, Equatable {
    /// A file in the store.
    public struct Part: Codable, Sendable, Equatable {
        /// Logical, `/nix/store/HASH-NAME[/inner/path]`.
        public var path: String
        public var size: Int

        public init(path: String, size: Int) {
            self.path = path
            self.size = size
        }
    }

    /// A segment of the initramfs, and what it says of itself.
    public struct Segment: Codable, Sendable, Equatable {
        /// The compressed archive.
        public var part: Part
        /// A copy of its `segment.json`.
        public var summary: SegmentSummary

        public init(part: Part, summary: SegmentSummary) {
            self.part = part
            self.summary = summary
        }
    }

    /// Of this format.
    public var version = 1
    /// The system's name.
    public var system: String
    /// The platform's name.
    public var platform: String
    /// The kernel as Debian packs it.
    public var kernel: Part
    /// As `uname -r` says it on the node.
    public var kernelRelease: String
    /// The kernel's command line, word by word.
    public var kernelParameters: [String]
    /// Store path of the output of `builtin:catalogue` whose file `segments` has the first of them, a line each; in memory
    /// they are in `segments` too.
    public var catalogue: String?
    /// In unpacking order: `init` first, `settings` (which carries the sentinel) last.
    public var segments: [Segment]
    /// File name as served (`undionly.kpxe`, `snponly.efi`, `linuxx64.efi.stub`) -> the loader.
    public var loaders: [String: Part]
    /// What a board's U-Boot gets; nil where the image is for none.
    public var uBoot: UBootImage?
    /// Predicted peak RAM of a boot, in bytes, as the planner's sum.
    public var peakMemory: Int

    public init(
        system: String, platform: String, kernel: Part, kernelRelease: String, kernelParameters: [String],
        catalogue: String? = nil, segments: [Segment], loaders: [String: Part], peakMemory: Int
    ) {
        self.system = system
        self.platform = platform
        self.kernel = kernel
        self.kernelRelease = kernelRelease
        self.kernelParameters = kernelParameters
        self.catalogue = catalogue
        self.segments = segments
        self.loaders = loaders
        self.peakMemory = peakMemory
    }

    /// - Parameter list: Reads the file `segments` of the catalogue at this store path.
    public init(json: [UInt8], list: (_ catalogue: String) throws -> [UInt8]) throws {
        self = try JSONDecoder().decode(ImageManifest.self, from: Data(json))
        if let catalogue { segments = try Segment.list(try list(catalogue)) + segments }
        if segments.isEmpty { throw MalformedSegmentList(line: "") }
    }

    /// Bytes of the initramfs: the sum of its segments, each padded to a multiple of 4 by the boot file.
    public var initramfsSize: Int { segments.reduce(0) { $0 + ($1.part.size + 3) & ~3 } }
}

extension ImageManifest.Segment {
    /// Its line in a list of segments: package, bytes as compressed and as unpacked, inodes, path.
    public var line: String {
        "\(summary.name) \(summary.size) \(summary.unpackedBytes) \(summary.inodes) \(part.path)\n"
    }

    /// The segments of a list; what else their summaries said is not in it. By bytes: text would take ten times as long.
    public static func list(_ bytes: [UInt8]) throws(MalformedSegmentList) -> [Self] {
        var segments: [Self] = []
        for line in bytes.split(separator: 0x0a) {
            let fields = line.split(separator: 0x20)
            guard fields.count == 5, let size = number(fields[1]), let unpacked = number(fields[2]),
                let inodes = number(fields[3])
            else { throw MalformedSegmentList(line: String(decoding: line.prefix(200), as: UTF8.self)) }
            let summary = SegmentSummary(
                name: String(decoding: fields[0], as: UTF8.self), size: size, unpackedBytes: unpacked, inodes: inodes)
            segments.append(
                Self(part: .init(path: String(decoding: fields[4], as: UTF8.self), size: size), summary: summary))
        }
        return segments
    }

    /// A decimal number of at most 18 digits, which fits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.count <= 18, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}

/// A line that is not package, three numbers and path.
public struct MalformedSegmentList: Error, CustomStringConvertible {
    public let line: String
    public var description: String { "expected 'package bytes unpacked inodes path', found '\(line)'" }
}
