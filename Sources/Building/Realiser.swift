import Diagnostics
import Foundation
import LocalStore
import Logging
import StoreModel
import SystemPackage

/// Realises build plans: what is in the store already is used, the rest is built, several at once.
///
/// A derivation is looked up twice: as planned, which needs no input, and resolved, with its inputs' paths
/// filled in. The second makes a changed derivation with an unchanged output stop the rebuild there.
public struct Realiser: Sendable {
    /// How many builds of a kind run at once.
    public struct Width: Sendable {
        /// Of derivations with an output known beforehand.
        public var fetches: Int
        /// Of all others.
        public var builds: Int

        public init(fetches: Int, builds: Int) {
            self.fetches = fetches
            self.builds = builds
        }
    }

    /// What is there, and where outputs go.
    public var store: LocalStore
    /// By the derivation's `builder`.
    public var builders: [String: any Builder]
    /// How many at once.
    public var width: Width
    /// Whether what a failed build worked in stays, in `failed/` of the state directory.
    public var keepsFailed = false
    /// Asked, in this order, for what others built, before it is built here.
    public var substituters: [any Substituter] = []
    /// Told of each step, from any thread.
    public var onEvent: @Sendable (BuildEvent) -> Void

    public init(
        store: LocalStore, builders: [String: any Builder], width: Width,
        onEvent: @escaping @Sendable (BuildEvent) -> Void
    ) {
        self.store = store
        self.builders = builders
        self.width = width
        self.onEvent = onEvent
    }

    /// The output of the plan's target, built if need be.
    public func realise(_ plan: BuildPlan) async throws -> StorePath {
        guard let target = plan.target, let output = try await realise(plan, targets: [target])[target] else {
            throw BuildError(subject: "build plan", message: "has no target")
        }
        return output
    }

    /// The plan's target as a derivation whose inputs are built and filled in, and which is not built itself.
    public func prepare(_ plan: BuildPlan) async throws -> Derivation {
        guard let target = plan.target, let derivation = plan.derivations[target] else {
            throw BuildError(subject: "build plan", message: "has no target")
        }
        return try derivation.resolved(
            with: try await realise(plan, targets: derivation.inputDerivations.sorted()))
    }

    /// The outputs of some derivations of a plan.
    public func realise(_ plan: BuildPlan, targets: [StorePath]) async throws -> [StorePath: StorePath] {
        let reached = try await reach(targets, in: plan)
        let needed = reached.needed
        if needed.isEmpty { return reached.outputs }
        var outputs = reached.outputs
        let fetches = needed.filter { plan.derivations[$0]?.outputHash != nil }
        onEvent(
            .planned(
                builds: needed.count - fetches.count, fetches: fetches.count,
                bytes: fetches.reduce(0) { $0 + (Int(plan.derivations[$1]?.environment["size"] ?? "") ?? 0) }))
        try await sweep()
        try await run(plan, needed: needed, outputs: &outputs)
        return outputs.filter { targets.contains($0.key) }
    }

    /// Removes what killed builds left, so that it does not fill the disk.
    private func sweep() async throws {
        let report = try await onBlockingThread { [store] in try store.sweepAbandonedWork() }
        // What has many owners can only be removed from inside a sandbox; what resists that too, `gc` names.
        if report.remaining.isEmpty { return }
        for path in report.remaining.keys { try? await Sandbox.remove(path) }
        // What is left of them are lock files, which nobody holds now.
        _ = try await onBlockingThread { [store] in try store.sweepAbandonedWork() }
    }

    /// Outputs known without building, by `.drv` path; only those whose objects are valid. They stay, whatever is
    /// collected, until this process ends.
    public func known(_ derivations: [StorePath], in plan: BuildPlan) throws -> [StorePath: StorePath] {
        let fixed = derivations.compactMap { path in plan.fixedOutputs[path].map { (path, $0) } }
        // Protected first and asked for afterwards: between the two a collection could take them.
        let found = try store.realisations(of: derivations)
        if found.isEmpty, fixed.isEmpty { return [:] }
        try store.protect(Array(found.values) + fixed.map(\.1))
        var outputs = found.isEmpty ? [:] : try store.realisations(of: derivations)
        if fixed.isEmpty { return outputs }
        let valid = try store.validPaths(among: fixed.map(\.1))
        for (path, output) in fixed where valid.contains(output) { outputs[path] = output }
        return outputs
    }

    /// What must be built for the targets, inputs first, and the outputs that are there already of what that takes in.
    ///
    /// From the targets down, a generation of inputs a query: what is known needs no look at its own inputs.
    private func reach(
        _ targets: [StorePath], in plan: BuildPlan
    ) async throws -> (outputs: [StorePath: StorePath], needed: [StorePath]) {
        var outputs: [StorePath: StorePath] = [:]
        var wanted: Set<StorePath> = []
        var seen = Set(targets)
        var frontier = targets
        while !frontier.isEmpty {
            var known = try known(frontier, in: plan)
            // What is fetched by its digest waits until something needs it.
            let unknown = frontier.filter { known[$0] == nil && plan.fixedOutputs[$0] == nil }
            known.merge(try await substituted(unknown)) { $1 }
            outputs.merge(known) { $1 }
            var next: [StorePath] = []
            for path in frontier where known[path] == nil {
                wanted.insert(path)
                next += (plan.derivations[path]?.inputDerivations ?? []).filter { seen.insert($0).inserted }
            }
            frontier = next
        }
        return (outputs, plan.order.filter(wanted.contains))
    }

    /// One derivation's end. A class, since Swift 6.3's optimiser corrupts a task group's tuples that hold a `Result`.
    private final class Finished: Sendable {
        let path: StorePath
        let isFetch: Bool
        let output: StorePath?
        let error: (any Error)?

        init(_ path: StorePath, isFetch: Bool, output: StorePath?, error: (any Error)?) {
            self.path = path
            self.isFetch = isFetch
            self.output = output
            self.error = error
        }
    }

    private func run(
        _ plan: BuildPlan, needed: [StorePath], outputs: inout [StorePath: StorePath]
    ) async throws {
        var waiting = needed
        var running = (fetches: 0, builds: 0)
        // A stale lock file is stale in many places: all fetches are tried before the first failure ends this.
        var failures: [any Error] = []
        try await withThrowingTaskGroup(of: Finished.self) { group in
            while true {
                var blocked: [StorePath] = []
                for path in waiting {
                    guard let derivation = plan.derivations[path] else { continue }
                    let isFetch = derivation.outputHash != nil
                    let hasRoom =
                        isFetch
                        ? running.fetches < width.fetches : running.builds < width.builds && failures.isEmpty
                    guard hasRoom, derivation.inputDerivations.allSatisfy({ outputs[$0] != nil }) else {
                        blocked.append(path)
                        continue
                    }
                    if isFetch { running.fetches += 1 } else { running.builds += 1 }
                    let resolved = try derivation.resolved(with: outputs)
                    group.addTask {
                        do {
                            let output = try await realiseOne(resolved, planned: path)
                            return Finished(path, isFetch: isFetch, output: output, error: nil)
                        } catch {
                            return Finished(path, isFetch: isFetch, output: nil, error: error)
                        }
                    }
                }
                waiting = blocked
                guard let finished = try await group.next() else { break }
                if finished.isFetch { running.fetches -= 1 } else { running.builds -= 1 }
                outputs[finished.path] = finished.output
                guard let error = finished.error else { continue }
                let kind = (error as? any ExplainedError)?.kind ?? .failed
                if finished.isFetch, error is any ExplainedError, kind != .unreachable, kind != .host {
                    failures.append(error)
                } else {
                    group.cancelAll()
                    // What the host lacks, such as room on its disk, fails several builds at once, and not each can tell.
                    while let other = try await group.next() {
                        if let reason = other.error as? any ExplainedError, reason.kind == .host { throw reason }
                    }
                    throw error
                }
            }
        }
        if let first = failures.first as? any JoinableError { throw joined(first, failures) }
        if let first = failures.first { throw first }
        precondition(waiting.isEmpty, "a plan's order puts inputs first")
    }

    /// Errors of one type as one; `first` where they are of several.
    private func joined<Failure: JoinableError>(_ first: Failure, _ failures: [any Error]) -> any Error {
        let alike = failures.compactMap { $0 as? Failure }
        return alike.count == failures.count ? Failure(joining: alike) : first
    }

    /// One derivation whose inputs are there. Of two processes that want the same, the second waits for the first.
    private func realiseOne(_ derivation: Derivation, planned: StorePath) async throws -> StorePath {
        let resolved = try derivation.path()
        let lock = try await onBlockingThread { [store] in try store.lock(derivation: resolved) }
        defer { withExtendedLifetime(lock) {} }
        if let output = try store.realisation(of: resolved) {
            try store.protect([output])
            if try store.isValid(output) {
                try store.register([Realisation(derivation: planned, output: output)])
                return output
            }
        }
        if let output = try await substituted(derivation, resolved: resolved, planned: planned) { return output }
        let start = ContinuousClock.now
        onEvent(.started(name: derivation.name, builder: derivation.builder))
        let output = try await build(derivation, resolved: resolved, planned: planned)
        onEvent(
            .finished(
                name: derivation.name, builder: derivation.builder, output: output,
                duration: ContinuousClock.now - start))
        return output
    }

    func build(_ derivation: Derivation, resolved: StorePath, planned: StorePath) async throws -> StorePath {
        guard let builder = builders[derivation.builder] else {
            throw BuildError(
                subject: derivation.name, message: "needs the builder '\(derivation.builder)', which does not exist")
        }
        let scratch = try store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let log = BuildLog(file: store.directory.log.appending("\(resolved.baseName).log"))
        let request = BuildRequest(
            derivation: derivation, output: scratch.path.appending("output"), scratch: scratch.path.appending("work"),
            storeDirectory: store.directory.store, reached: { [store] in try store.paths(reachedFrom: $0) },
            logger: Logger(label: derivation.name) { _ in log })
        do {
            try FileDescriptor.makeDirectory(request.scratch)
            try await builder.build(request)
        } catch {
            if let full = BuildError.fullDisk(under: store.directory.path, making: derivation.name, error) {
                throw full
            }
            let kept = keepsFailed ? try keep(request.scratch, of: resolved) : nil
            switch error {
            case var error as BuildError:
                if let kept { error.remedy = "look at '\(kept)', where the build was" }
                throw log.explain(error)
            case let error as Errno:
                throw BuildError(subject: derivation.name, message: "could not be made", cause: "\(error)")
            default: throw error
            }
        }
        // Files of a sandbox's many owners can only be removed from inside one: thousands, while the output is hashed.
        async let cleared: Void = rmdir(request.scratch.string) != 0 ? Sandbox.remove(request.scratch) : ()
        let output = try await onBlockingThread { [store] in
            if let fixed = derivation.outputHash, fixed.method == .flat {
                return try store.addFlat(
                    request.output, name: derivation.name, digest: fixed.digest, realising: [planned, resolved])
            }
            return try store.addContentAddressed(
                request.output, name: derivation.name, candidates: derivation.inputSources,
                furtherCandidates: { try store.paths(reachedFrom: derivation.inputSources) },
                selfHashPart: try request.ownPath().hashPart, realising: [planned, resolved])
        }
        try await cleared
        return output
    }

    /// Moves what a failed build worked in out of the way of the sweepers.
    private func keep(_ work: FilePath, of derivation: StorePath) throws -> FilePath {
        let folder = store.directory.path.appending("failed")
        if mkdir(folder.string, 0o755) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
        let kept = folder.appending(derivation.baseName)
        if access(kept.string, F_OK) == 0 { try FileManager.default.removeItem(atPath: kept.string) }
        guard rename(work.string, kept.string) == 0 else { throw Errno(rawValue: errno) }
        return kept
    }
}

extension FileDescriptor {
    fileprivate static func makeDirectory(_ path: FilePath) throws {
        guard mkdir(path.string, 0o700) == 0 else { throw Errno(rawValue: errno) }
    }
}
