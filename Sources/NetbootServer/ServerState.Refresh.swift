import BootPolicy
import Logging
import NIOPosix

/// What may change while the server runs: generations that are published, and who the nodes are.
extension ServerState {
    /// Takes up what has been published since the last call. Blocking.
    func refreshGenerations() throws {
        guard let changed = try generations?() else { return }
        let before = withShared { shared in
            defer {
                shared.policy.generations = changed
                shared.changed.systems = true
            }
            return shared.policy.generations
        }
        for (name, now) in changed.sorted(by: { $0.key < $1.key }) where before[name]?.rollout != now.rollout {
            let trial = now.rollout.trial.map { ", and \($0.generation) on trial by \($0.audience)" } ?? ""
            if before[name] != nil { show("\(name): new boots get generation \(now.rollout.generation)\(trial)") }
        }
    }

    /// Takes over who the nodes are now. A boot under way keeps its system; what is its node's own is as it is now.
    func refreshNodes() throws {
        guard let changed = try nodes?() else { return }
        withShared { shared in
            shared.policy.site.nodes = changed.nodes
            shared.policy.site.groups = changed.groups
            shared.policy.site.unknown = changed.unknown
            shared.policy.provisions = changed.provisions
            shared.changed.strangers = true
            shared.changed.machines.formUnion(shared.attempts.all.map(\.node))
        }
        show("the site was read anew: \(changed.nodes.count == 1 ? "1 node" : "\(changed.nodes.count) nodes")")
    }

    /// Both on a thread of the pool; what cannot be read leaves all as it is, and is said.
    func refresh(on pool: NIOThreadPool) async {
        await attempt("generations cannot be read", on: pool) { try $0.refreshGenerations() }
        await attempt("the site's nodes stay as they were", on: pool) { try $0.refreshNodes() }
    }

    private func attempt(
        _ complaint: Logger.Message, on pool: NIOThreadPool, _ body: @escaping @Sendable (ServerState) throws -> Void
    ) async {
        do {
            try await pool.runIfActive { [self] in try body(self) }
        } catch is CancellationError {
        } catch {
            logger.error(complaint, metadata: ["error": "\(error)"])
        }
    }
}
