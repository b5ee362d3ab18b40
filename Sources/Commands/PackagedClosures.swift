import BinaryCaches
import Diagnostics
import LocalStore
import Planning
import StoreModel

/// The Nix closures that are packages of a system, found in the store, or brought from a binary cache.
///
/// What an import or a substituter put into the store was proved there; what is not in it is asked for nowhere else.
struct PackagedClosures {
    let source: SystemSource
    let store: LocalStore
    let substituters: [CacheSubstituter]

    /// All of them, in the system's order; they stay until this process ends, whatever is collected.
    ///
    /// - Throws: with every one that cannot be had, where several cannot.
    func find() async throws -> [PackagedClosure] {
        let roots = try source.system.closures.map { try StorePath(parsing: $0) }
        if roots.isEmpty { return [] }
        try store.protect(roots)
        var absent = Set(roots).subtracting(try store.validPaths(among: Set(roots)))
        for substituter in substituters where !absent.isEmpty {
            absent.subtract(try await substituter.bring(absent))
        }
        if let first = roots.first(where: absent.contains) {
            let others = roots.filter { absent.contains($0) && $0 != first }
            let place = source.configuration.positionOfClosure(first.description).map { " (\($0))" } ?? ""
            throw CommandError(
                kind: .usage, subject: first.description,
                message: "is a package of '\(source.system.name)'\(place), and not in the store"
                    + (others.isEmpty ? "" : "; nor are \(others.map { "'\($0)'" }.joined(separator: ", "))"),
                remedy:
                    "'bootferry import MEDIUM --path \(first)', or name the binary cache that has it with --substituter"
            )
        }
        return try roots.map { root in
            PackagedClosure(root, try store.closure(of: [root]))
        }
    }
}
