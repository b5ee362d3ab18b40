import BootPolicy
import LocalStore
import StoreModel
import Synchronization
import SystemModel

/// What may be given out of some systems, read anew where it has changed: how a running server hears of `publish`.
final class GenerationWatch: Sendable {
    private let systems: [String]
    private let store: LocalStore
    /// Read when the server began: it may not read their files any more.
    private let platforms: [Platform]
    private let seen = Mutex<[String: ServedGenerations]?>(nil)
    /// Told once of each generation that cannot be read.
    private let report: @Sendable (String) -> Void
    private let unreadable = Mutex<Set<String>>([])

    /// More generations than these, the newest, are not kept at hand.
    static let mostGenerations = 32

    init(
        systems: [String], store: LocalStore, platforms: [Platform], report: @escaping @Sendable (String) -> Void
    ) {
        self.platforms = platforms
        self.report = report
        self.systems = systems
        self.store = store
    }

    /// Everything that may be given out, or nil where it is as it was at the last call.
    func changes() throws -> [String: ServedGenerations]? {
        try seen.withLock { seen in
            var found: [String: ServedGenerations] = [:]
            for system in systems {
                let before = seen?[system]
                guard let rollout = try store.rollout(of: system) ?? before?.rollout ?? unpublished(system) else {
                    continue
                }
                let known = before?.systems ?? [:]
                found[system] = ServedGenerations(rollout: rollout, systems: try served(system, rollout, known))
            }
            guard found != seen else { return nil }
            seen = found
            return found
        }
    }

    /// What was imported, or built and no more, is given out as it was when the server began, until someone publishes.
    private func unpublished(_ system: String) throws -> Rollout? {
        try store.latestGeneration(of: system).map { Rollout(system: system, generation: $0.number, since: 0) }
    }

    /// A generation never changes, so only new ones are read. One whose image is lost must not keep the others from their
    /// nodes: it is left out, which is what `Rollout.choice` takes for gone.
    private func served(
        _ system: String, _ rollout: Rollout, _ known: [Int: ServedSystem]
    ) throws -> [Int: ServedSystem] {
        let numbers = try store.generationNumbers(of: system)
        let wanted = Set(numbers.suffix(Self.mostGenerations)).union(rollout.generations.intersection(numbers))
        var served = known.filter { wanted.contains($0.key) }
        for number in wanted where served[number] == nil {
            guard let generation = try store.generation(number, of: system) else { continue }
            do {
                served[number] = try BuiltImage(
                    path: StorePath(parsing: generation.image), generation: generation, store: store
                ).served(platforms)
            } catch {
                let name = "\(system) generation \(number)"
                if unreadable.withLock({ $0.insert(name).inserted }) { report("\(name) is not served: \(error)") }
            }
        }
        return served
    }
}
