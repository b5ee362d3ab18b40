import LocalStore
import StoreModel

/// Somewhere that what others built is had from.
///
/// It throws only where the build shall end, as when the disk is full; what it cannot give is absent.
public protocol Substituter: Sendable {
    /// What derivations made, by their `.drv` paths, on a word that is trusted here; those it knows nothing of are absent.
    func realisations(of derivations: [StorePath]) async throws -> [StorePath: StorePath]

    /// Brings objects, each with all that it needs, into the store; they are protected by who asks.
    ///
    /// - Returns: those that are there now.
    func bring(_ objects: Set<StorePath>) async throws -> Set<StorePath>
}

extension Realiser {
    /// The outputs of those derivations that a substituter knows and brought, recorded as theirs.
    func substituted(_ derivations: [StorePath]) async throws -> [StorePath: StorePath] {
        var rest = derivations
        var outputs: [StorePath: StorePath] = [:]
        for substituter in substituters where !rest.isEmpty {
            let claimed = try await substituter.realisations(of: rest)
            guard !claimed.isEmpty else { continue }
            try store.protect(claimed.values)
            let there = try await substituter.bring(Set(claimed.values))
            let made = claimed.filter { there.contains($0.value) }
            try store.register(made.map { Realisation(derivation: $0.key, output: $0.value) })
            outputs.merge(made) { $1 }
            rest.removeAll { made[$0] != nil }
        }
        return outputs
    }

    /// The output of one derivation whose inputs are there, if a substituter has it.
    ///
    /// - Parameters:
    ///   - resolved: with its inputs' paths; `planned` was asked for before anything was built.
    func substituted(
        _ derivation: Derivation, resolved: StorePath, planned: StorePath
    ) async throws -> StorePath? {
        if let output = try derivation.outputPath() {
            for substituter in substituters {
                try store.protect([output])
                guard try await substituter.bring([output]).contains(output) else { continue }
                try store.register([Realisation(derivation: planned, output: output)])
                return output
            }
            return nil
        }
        guard resolved != planned, let output = try await substituted([resolved])[resolved] else { return nil }
        try store.register([Realisation(derivation: planned, output: output)])
        return output
    }
}
