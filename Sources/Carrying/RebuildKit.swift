import Foundation
import LocalStore
import MediumModel
import StoreModel
import SystemPackage

/// What a generation is rebuilt from, as one object of the store.
///
/// The object has the configuration, `targets` and `netboot` as plain files, and refers to every file that the build fetches,
/// so that a medium which carries it carries those. It is a folder:
///
///     rebuild-kit.json     this
///     netboot/ targets/    the data, without other systems
///     configuration/       the system's files, where they are not in `targets/systems`
public struct RebuildKit: Codable, Sendable, Equatable {
    /// Of this format.
    public var version = 1
    public var system: String
    /// The board's name, where the generation is for one.
    public var board: String?
    /// Store path of the image that a rebuild makes.
    public var image: String
    /// The system's file, relative to the kit.
    public var configuration: String
    /// All that is fetched, sorted by path.
    public var files: [File]

    /// A file of Debian's archive: a package, or one file of a source.
    public struct File: Codable, Sendable, Equatable, Comparable {
        /// Where it is in the store.
        public var path: String
        /// The name of its package, or of its source package.
        public var package: String
        /// `debian` or `debian-security`, and where it is in there.
        public var archive: String
        public var poolPath: String
        /// Bytes.
        public var size: Int
        /// Lower-case hexadecimal.
        public var sha256: String

        public init(path: String, package: String, archive: String, poolPath: String, size: Int, sha256: String) {
            self.path = path
            self.package = package
            self.archive = archive
            self.poolPath = poolPath
            self.size = size
            self.sha256 = sha256
        }

        public static func < (a: File, b: File) -> Bool { a.path < b.path }
    }

    public init(system: String, board: String?, image: String, configuration: String, files: [File]) {
        self.system = system
        self.board = board
        self.image = image
        self.configuration = configuration
        self.files = files
    }

    /// The file in the kit that says what it is.
    public static let fileName = "rebuild-kit.json"
    /// Bytes that it may have: some 100,000 files.
    static let maximumSize = 1 << 25

    /// The name of the object of a system.
    public static func storeName(of system: String) -> String { "\(system)\(suffix)" }

    private static let suffix = "-rebuild-kit"

    /// Reads what a kit in the store says of itself; it may have come from anywhere.
    public init(_ path: StorePath, in store: LocalStore) throws {
        func fault(_ message: String, _ cause: String? = nil) -> CarryingError {
            CarryingError(
                "'\(path)'", message, kind: .corrupt, cause: cause,
                remedy: "let go of it, and export again: bootferry roots --release \(path)")
        }
        let file = store.physicalPath(of: path).appending(Self.fileName)
        let bytes: [UInt8]
        do {
            let (descriptor, size) = try MediumFiles.open(file)
            defer { try? descriptor.close() }
            guard size <= Self.maximumSize else { throw fault("has a '\(Self.fileName)' of \(size) bytes") }
            bytes = try MediumFiles.bytes(of: descriptor, at: 0, count: size)
        } catch let error as CarryingError {
            throw fault("is no rebuild kit", error.description)
        }
        do {
            self = try JSONDecoder().decode(RebuildKit.self, from: Data(bytes))
        } catch {
            throw fault("is no rebuild kit", "\(error)")
        }
        guard version == 1 else { throw fault("is a rebuild kit of version \(version), expected 1") }
        let parts = configuration.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(""), !parts.contains(".."), path.name == Self.storeName(of: system) else {
            throw fault("is a rebuild kit that says '\(system)' and '\(configuration)' of itself")
        }
    }

    /// Whether an object has the name of a kit.
    public static func isNamed(_ path: StorePath) -> Bool { path.name.hasSuffix(suffix) }
}

extension LocalStore {
    /// The kits that imports brought, by path.
    public func rebuildKits() throws -> [StorePath: RebuildKit] {
        var kits: [StorePath: RebuildKit] = [:]
        for path in try importedRoots() where RebuildKit.isNamed(path) { kits[path] = try RebuildKit(path, in: self) }
        return kits
    }
}
