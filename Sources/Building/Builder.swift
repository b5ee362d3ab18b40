import Logging
import StoreModel
import SystemPackage

/// One derivation to be realised, with its inputs in place.
public struct BuildRequest: Sendable {
    /// Resolved: `environment` and `arguments` name real store paths.
    public let derivation: Derivation
    /// Where the builder must create its one output, a file or a directory; it does not exist yet.
    public let output: FilePath
    /// An empty directory for the builder alone; removed afterwards, whatever happens.
    public let scratch: FilePath
    /// Physical directory of the logical `/nix/store`.
    public let storeDirectory: FilePath
    /// All that some store paths refer to, directly or not, themselves included.
    public let reached: @Sendable (Set<StorePath>) throws -> Set<StorePath>
    /// Takes lines for the build's log; the last ones are shown if it fails.
    public let logger: Logger

    public init(
        derivation: Derivation, output: FilePath, scratch: FilePath, storeDirectory: FilePath,
        reached: @escaping @Sendable (Set<StorePath>) throws -> Set<StorePath> = { $0 }, logger: Logger
    ) {
        self.derivation = derivation
        self.output = output
        self.scratch = scratch
        self.storeDirectory = storeDirectory
        self.reached = reached
        self.logger = logger
    }

    /// The physical path of a logical one: `/nix/store/X/y` -> `STATE/store/X/y`.
    public func physical(_ logical: String) -> FilePath {
        storeDirectory.appending(String(logical.dropFirst(StorePath.directory.count + 1)))
    }

    /// The path by which the output may name itself while it is built; in the store it is found and rewritten.
    public func ownPath() throws(StoreModelError) -> StorePath {
        let digest = Digest.sha256(of: "bootferry output of \(try derivation.path())")
        return try StorePath(baseName: "\(digest.nix32.prefix(StorePath.hashPartCount))-\(derivation.name)")
    }

    /// A value of the derivation's environment; a missing one is a fault of the planner.
    public func require(_ key: String) throws(BuildError) -> String {
        guard let value = derivation.environment[key] else {
            throw BuildError(
                subject: derivation.name,
                message: "has no '\(key)' in its environment, which '\(derivation.builder)' needs")
        }
        return value
    }
}

/// Makes the output of one kind of derivation, chosen by the derivation's `builder` (`builtin:segment`, …).
public protocol Builder: Sendable {
    func build(_ request: BuildRequest) async throws
}
