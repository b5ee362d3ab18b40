import StoreModel
import SystemModel

/// What of a system a changed setting leaves as it is: the derivations, by `.drv` path, that settings and image are made from.
///
/// A plan of six hundred derivations for one changed line costs more than the line. So a build remembers its groundwork by
/// `Planner.groundworkKey`, and the next one with the same key plans two derivations; their `.drv` paths are those of the
/// whole plan.
public struct Groundwork: Sendable, Equatable {
    public var compressor: StorePath
    public var loaders: StorePath
    public var kernel: StorePath
    public var configuration: StorePath
    public var services: StorePath
    public var catalogue: StorePath

    /// All of them.
    public var derivations: [StorePath] { [compressor, loaders, kernel, configuration, services, catalogue] }

    /// Nil for any other number of them.
    public init?(derivations: [StorePath]) {
        guard derivations.count == 6 else { return nil }
        self.init(
            compressor: derivations[0], loaders: derivations[1], kernel: derivations[2],
            configuration: derivations[3], services: derivations[4], catalogue: derivations[5])
    }

    init(
        compressor: StorePath, loaders: StorePath, kernel: StorePath, configuration: StorePath, services: StorePath,
        catalogue: StorePath
    ) {
        self.compressor = compressor
        self.loaders = loaders
        self.kernel = kernel
        self.configuration = configuration
        self.services = services
        self.catalogue = catalogue
    }
}

extension Planner {
    /// A digest of all that a system's groundwork follows from: two plans with the same key have the same.
    ///
    /// - Parameters:
    ///   - lockFile: its bytes.
    ///   - request: the digest of what the system asks of a lock, which may not be what this one answered.
    public func groundworkKey(of system: ResolvedSystem, lockFile: [UInt8], request: String) throws -> String {
        struct Key: Encodable {
            var revision = PlanDraft.builderRevision
            var lock: String
            var request: String
            var kernelPackage: String
            var keep: String
            var locale: String
            var services: [[String]]
            var units: [NodeSettings.File]
            var initFiles: [String: String]
        }
        let key = Key(
            lock: Digest.sha256(of: lockFile).hex, request: request, kernelPackage: system.kernelPackage,
            keep: system.kept, locale: system.locale, services: [system.services.enabled, system.services.disabled],
            units: units(of: system), initFiles: initFiles)
        return Digest.sha256(of: try canonicalJSON(key)).hex
    }
}
