import DebianArchive
import Diagnostics
import StoreModel
import SystemModel

/// What is asked of apt: everything that, when it changes, makes a lock stale.
public struct LockRequest: Sendable {
    /// What the build sandbox is made of; amd64, whatever the node is.
    public static let toolboxPackages = [
        "bash", "coreutils", "dash", "dpkg", "findutils", "grep", "gzip", "libarchive-tools", "libc-bin", "mawk", "sed",
        "systemd", "tar", "util-linux", "xz-utils", "zstd",
    ]
    public var base: DebianBase
    /// The node's, in Debian's word.
    public var architecture: String
    /// Asked for by name; the kernel's package included.
    public var packages: [String]
    /// Those of the boot loaders that the server hands out, of the node's architecture.
    public var loaders: [String]
    /// The emulator's, of amd64; nil where the node's programs run without one.
    public var emulator: String?
    /// Where a package was asked for, so that an error can point there.
    public var positions: [String: SourcePosition]

    public init(_ system: ResolvedSystem, platform: Platform, positions: [String: SourcePosition] = [:]) {
        base = system.base
        architecture = platform.debianArchitecture ?? "amd64"
        packages = Set(system.packages + [system.kernelPackage, "base-files", "base-passwd"].compactMap { $0 }).sorted()
        loaders = Set(platform.loaders.compactMap(\.package)).sorted()
        emulator = platform.emulator?.package
        self.positions = positions
    }

    /// What `LockFile.request` holds when the lock answers this request.
    public var digest: String {
        var lines = [
            "bootferry lock 1", InstalledPseudoPackage.stanza, base.suite,
            base.components.sorted().joined(separator: " "),
            architecture, packages.joined(separator: " "), Self.toolboxPackages.joined(separator: " "),
            loaders.joined(separator: " "),
        ]
        lines += [emulator].compactMap { $0 }
        return Digest.sha256(of: lines.joined(separator: "\n")).hex
    }
}

/// One package that a new lock has in another version than the old one.
public struct LockChange: Sendable, Equatable, CustomStringConvertible {
    public var set: PackageSet
    public var name: String
    /// nil where the package is new.
    public var old: String?
    /// nil where the package is gone.
    public var new: String?

    public var description: String {
        switch (old, new) {
        case (let old?, let new?) where old == new: "\(name) \(old) (rebuilt)"
        case (let old?, let new?): "\(name) \(old) -> \(new)"
        case (nil, let new?): "\(name) \(new) (new)"
        case (let old?, nil): "\(name) \(old) (gone)"
        case (nil, nil): name
        }
    }

    /// What changed, by set and name.
    public static func changes(from old: LockFile?, to new: LockFile) -> [LockChange] {
        PackageSet.allCases.flatMap { set -> [LockChange] in
            let before = Dictionary((old?.sets[set] ?? []).map { ($0.key, $0) }) { $1 }
            let after = Dictionary((new.sets[set] ?? []).map { ($0.key, $0) }) { $1 }
            return Set(before.keys).union(after.keys).sorted().compactMap { key in
                let (old, new) = (before[key], after[key])
                guard old != new, let name = (new ?? old)?.name, old?.sha256 != new?.sha256 else { return nil }
                return LockChange(set: set, name: name, old: old?.version, new: new?.version)
            }
        }
    }
}

extension LockedPackage {
    // An architecture that becomes `all` between two versions is still the same package.
    fileprivate var key: String { name }
}
