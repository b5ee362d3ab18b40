/// What is pinned: every package of every set, by version, size and SHA-256.
///
/// The canonical text is JSON with one package a line, sorted, so that a change of versions is a readable diff.
public struct LockFile: Sendable, Equatable {
    /// Packages that apt solved together.
    public var sets: [PackageSet: [LockedPackage]]
    /// SHA-256 over what was asked of apt (suite, components, package names…), to tell that a lock is stale.
    public var request: String

    public init(sets: [PackageSet: [LockedPackage]], request: String) {
        self.sets = sets
        self.request = request
    }
}

/// The groups of packages that a system is made with.
public enum PackageSet: String, Codable, Sendable, CaseIterable {
    /// What runs on the node; the kernel included.
    case system
    /// What runs in the build sandbox: amd64, whatever the node is.
    case toolbox
    /// Boot loaders that the server hands out: iPXE, the UEFI stub.
    case loaders
    /// What runs the node's programs in the build sandbox, where that is of another processor: one package of amd64.
    case emulator
}

/// A file of the archive, as apt answered: a binary package, or one of the files of a source package.
public struct LockedPackage: Codable, Sendable, Equatable {
    /// The package's name.
    public var name: String
    /// Debian's version, epoch included.
    public var version: String
    /// Debian's word, or `all`; `source` for a file of a source package.
    public var architecture: String
    /// Relative to the archive's root: `pool/main/…`.
    public var poolPath: String
    /// Which archive of the mirror: `debian` or `debian-security`.
    public var archive: String
    /// Bytes of the file.
    public var size: Int
    /// Lower-case hexadecimal.
    public var sha256: String

    public init(
        name: String, version: String, architecture: String, poolPath: String, archive: String, size: Int,
        sha256: String
    ) {
        self.name = name
        self.version = version
        self.architecture = architecture
        self.poolPath = poolPath
        self.archive = archive
        self.size = size
        self.sha256 = sha256
    }
}
