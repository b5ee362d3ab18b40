/// What an archive of sources has: for each thing that a generation is made of, the files that its source is, and what of
/// them could not be had.
public struct SourceIndex: Codable, Sendable, Equatable {
    /// Of this format.
    public var version = 1
    public var system: String
    public var generation: Int
    /// Store path of the image.
    public var image: String
    /// Sorted by name and version.
    public var components: [Entry]
    /// Every file of the archive but the index and the sums, sorted by path.
    public var files: [File]
    /// Sources, or files of them, that are not in it; sorted.
    public var missing: [Absence]

    /// A package or a recipe's output.
    public struct Entry: Codable, Sendable, Equatable {
        public var name: String
        /// Empty where it has none.
        public var version: String
        /// `debian` or `recipe`.
        public var kind: String
        /// `runtime` where it is in the image, or starts it; `build` where only programs that are linked with it may be.
        public var use: String
        /// In SPDX's words; absent where nothing is known.
        public var licence: String?
        /// Source packages that it was built from, `NAME VERSION`.
        public var sources: [String]
        /// Paths in the archive.
        public var files: [String]

        public init(
            name: String, version: String, kind: String, use: String, licence: String?, sources: [String],
            files: [String]
        ) {
            self.name = name
            self.version = version
            self.kind = kind
            self.use = use
            self.licence = licence
            self.sources = sources
            self.files = files
        }
    }

    public struct File: Codable, Sendable, Equatable {
        /// In the archive.
        public var path: String
        /// Bytes.
        public var size: Int
        /// Lower-case hexadecimal.
        public var sha256: String

        public init(path: String, size: Int, sha256: String) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }

    /// What could not be had.
    public struct Absence: Codable, Sendable, Equatable {
        /// `NAME VERSION` of a source package, or a recipe's folder.
        public var source: String
        /// Names of what was built from it.
        public var neededBy: [String]
        public var reason: String

        public init(source: String, neededBy: [String], reason: String) {
            self.source = source
            self.neededBy = neededBy
            self.reason = reason
        }
    }

    public init(
        system: String, generation: Int, image: String, components: [Entry], files: [File], missing: [Absence]
    ) {
        self.system = system
        self.generation = generation
        self.image = image
        self.components = components.sorted { ($0.name, $0.version, $0.kind) < ($1.name, $1.version, $1.kind) }
        self.files = files.sorted { $0.path < $1.path }
        self.missing = missing.sorted { $0.source < $1.source }
    }

    /// What the index is called in the archive, and the sums, which `sha256sum --check` reads.
    public static let fileName = "index.json"
    public static let sumsName = "SHA256SUMS"

    /// The text of `SHA256SUMS`: every file of the archive but itself.
    ///
    /// - Parameter index: SHA-256 of the index's text.
    public func sums(index: String) -> String {
        "\(index)  \(Self.fileName)\n" + files.map { "\($0.sha256)  \($0.path)\n" }.joined()
    }
}
