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
        let units = units(of: system)
        var fields = [
            PlanDraft.builderRevision, Digest.sha256(of: lockFile).hex, request, system.kernelPackage ?? "",
            system.kept,
            system.locale, system.services.enabled.joined(separator: " "),
            system.services.disabled.joined(separator: " "), units.isEmpty ? "" : try canonicalJSON(units),
        ]
        if let emulator { fields += [emulator.package, emulator.path, try canonicalJSON(emulator.format)] }
        for closure in closures { fields += [closure.root.description, closure.digest.hex] }
        for (name, text) in initFiles.sorted(by: { $0.key < $1.key }) { fields += [name, text] }
        // Lengths first, so that no field's end can be another's beginning.
        let lengths = fields.map { String($0.utf8.count) }.joined(separator: " ")
        return Digest.sha256(of: ([lengths] + fields).joined(separator: "\n")).hex
    }
}
