import BinaryCaches
import Building
import Foundation
import ImageAssembly
import LocalStore
import PackageLocking
import Planning
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// The straight line from a system as written to its image, one step a function.
struct SystemPipeline: Sendable {
    let source: SystemSource
    let workspace: Workspace
    let mirror: MirrorOptions
    /// Whether what failed builds worked in stays.
    var keepsFailed = false
    /// Asked for what others built.
    var substituters: [CacheSubstituter] = []

    struct LockOutcome: Encodable {
        var lockFile: String
        var changes: [String]
    }

    /// Locks anew and writes the lock file; `update` as `PackageLocker` takes it.
    func lock(update: [String]?) async throws -> LockOutcome {
        let terminal = workspace.terminal
        let system = source.system
        guard system.recipes.isEmpty else {
            guard update?.isEmpty != false else {
                throw CommandError(
                    kind: .usage, subject: update?.first ?? "",
                    message: "cannot be moved alone: recipes are locked together",
                    remedy: "bootferry recipe lock --update")
            }
            _ = try await recipes.lock(workspace.data.recipes(), update: update != nil)
            return LockOutcome(lockFile: recipes.lockPath.string, changes: [])
        }
        try mirror.requireNetwork(toWrite: source.lockPath)
        let names = system.packages + [system.kernelPackage].compactMap { $0 }
        let positions = Dictionary(
            names.compactMap { name in source.configuration.positionOfPackage(name).map { (name, $0) } },
            uniquingKeysWith: { first, _ in first })
        let request = LockRequest(system, platform: source.configuration.platform, positions: positions)
        terminal.status("locking the packages of '\(system.name)' (apt)")
        defer { terminal.status("") }
        let existing = try source.readLock()
        let outcome = try await PackageLocker(
            stateDirectory: workspace.store.directory.path, mirrors: try await mirror.list()
        ).lock(request, existing: existing, update: update)
        try workspace.write(outcome.lock.rendered(), to: source.lockPath)
        let count = outcome.lock.sets.values.reduce(0) { $0 + $1.count }
        terminal.message("\(source.lockPath): \(count) packages locked, \(outcome.changes.count) changed")
        if existing != nil { for change in outcome.changes { terminal.message("  \(change)") } }
        return LockOutcome(
            lockFile: source.lockPath.string, changes: outcome.changes.map(\.description))
    }

    /// The lock file and its bytes, read once; made, or brought up to what the configuration asks for now, where need be.
    func currentLock() async throws -> (lock: LockFile, bytes: [UInt8]) {
        func read() throws -> (lock: LockFile, bytes: [UInt8])? {
            try source.lockBytes().map { (try LockFile.read($0, path: source.lockPath.string), $0) }
        }
        if let found = try read(), found.lock.request == request { return found }
        _ = try await lock(update: nil)
        guard let found = try read() else {
            throw CommandError(subject: source.lockPath.string, message: "has gone while it was used")
        }
        return found
    }

    /// A digest of what the system asks of a lock.
    private var request: String { LockRequest(source.system, platform: source.configuration.platform).digest }

    private var recipes: RecipePipeline { RecipePipeline(workspace: workspace, mirror: mirror) }

    private func planner() async throws -> Planner {
        let closures = try await PackagedClosures(
            source: source, store: workspace.store, substituters: substituters
        ).find()
        return try Planner(
            initFiles: workspace.data.initFiles(), hostFiles: hostFiles(),
            loaderFiles: Planner.loaderFiles(for: source.configuration.platform),
            emulator: source.configuration.platform.emulator, closures: closures,
            largestLoad: source.configuration.platform.largestLoad)
    }

    /// The build host's files that the system takes in, copied into the store.
    private func hostFiles() throws -> [String: StorePath] {
        var hostFiles: [String: StorePath] = [:]
        for file in source.system.files {
            guard case .file(let path) = file.source else { continue }
            let name = FilePath(path).lastComponent?.string ?? "file"
            do {
                hostFiles[path] = try workspace.store.addSource(
                    HostFiles.regularFile(path), name: (try? StorePath.checkName(name)) == nil ? "file" : name)
            } catch let error as LocalStoreError {
                throw CommandError(
                    kind: .usage, subject: path, message: "cannot be taken into the system as '\(file.path)'",
                    cause: error.description)
            }
        }
        return hostFiles
    }

    /// All of what the system is made by.
    func plan() async throws -> BuildPlan {
        guard source.system.recipes.isEmpty else {
            return try plan(by: await recipes.planner(for: source.configuration.platform))
        }
        let lock = try await currentLock().lock
        return try await planner().plan(source.system, lock: lock).plan
    }

    private func plan(by planner: RecipePlanner) throws -> BuildPlan {
        try planner.plan(
            source.system, board: source.configuration.board, base: workspace.data.baseFiles(), hostFiles: hostFiles())
    }

    /// What there is to do on the groundwork of the last build; nil where that is another's, or not in the store.
    private func shortPlan(_ planner: Planner, _ memory: RememberedGroundwork) throws -> BuildPlan? {
        guard let lockFile = try source.lockBytes(),
            let groundwork = memory.groundwork(
                under: try planner.groundworkKey(of: source.system, lockFile: lockFile, request: request))
        else { return nil }
        let plan = try planner.plan(source.system, on: groundwork)
        let known = try realiser(events: { _ in }).known(groundwork.derivations, in: plan)
        return known.count == groundwork.derivations.count ? plan : nil
    }

    /// What realises its plans.
    var runner: PlanRunner {
        PlanRunner(workspace: workspace, mirror: mirror, keepsFailed: keepsFailed, substituters: substituters)
    }

    /// Builds, with progress on the terminal.
    func realise(_ plan: BuildPlan) async throws -> StorePath { try await runner.realise(plan) }

    func realiser(events: @escaping @Sendable (BuildEvent) -> Void) -> Realiser { runner.realiser(events: events) }

    /// The image as it was last built from exactly this configuration and lock.
    func existingImage() async throws -> BuiltImage {
        var plan = source.system.recipes.isEmpty ? try await shortPlan(planner(), groundworkMemory) : nil
        if plan == nil { plan = try await self.plan() }
        guard let plan, let target = plan.target,
            let image = try realiser(events: { _ in }).known([target], in: plan)[target],
            let generation = try workspace.store.generations(of: source.system.name).last(where: {
                $0.image == image.description
            })
        else {
            throw CommandError(
                kind: .usage, subject: source.system.name, message: "is not built as it is written now",
                remedy: "bootferry build \(source.configuration.path)")
        }
        return try BuiltImage(path: image, generation: generation, store: workspace.store)
    }

    /// Builds the image and makes it a generation.
    func publishedImage() async throws -> BuiltImage {
        guard source.system.recipes.isEmpty else {
            let planner = try await recipes.planner(for: source.configuration.platform)
            let plan = try plan(by: planner)
            let image = try await realise(plan)
            let inputs = try realiser(events: { _ in }).known(plan.order.filter { $0 != plan.target }, in: plan)
            let built = try published(image, madeFrom: Array(inputs.values))
            try record(built, plan, inputs, packages: planner.lock.packages + planner.lock.sources) {
                try recipes.facts(of: $0, planner)
            }
            return built
        }
        let planner = try await planner()
        if let plan = try shortPlan(planner, groundworkMemory) {
            let built = try published(try await realise(plan), madeFrom: nil)
            if records.has(built.manifest) { return built }
        }
        let (lock, lockFile) = try await currentLock()
        let (plan, groundwork) = try planner.plan(source.system, lock: lock)
        // Of the lock that was planned from: the file may be another by the time that is built.
        let key = try planner.groundworkKey(of: source.system, lockFile: lockFile, request: request)
        let image = try await realise(plan)
        // Without the settings and the image themselves, which their generation keeps, and only it.
        let own = Set(try planner.plan(source.system, on: groundwork).order)
        let inputs = try realiser(events: { _ in }).known(plan.order.filter { !own.contains($0) }, in: plan)
        let built = try published(image, madeFrom: Array(inputs.values))
        try record(built, plan, inputs, packages: lock.sets.values.flatMap(\.self)) { _ in nil }
        try groundworkMemory.remember(groundwork, under: key)
        return built
    }

    private var records: BuildRecords { BuildRecords(store: workspace.store, system: source.system.name) }

    /// Keeps what a whole plan was, for bills of materials and provenance.
    private func record(
        _ image: BuiltImage, _ plan: BuildPlan, _ outputs: [StorePath: StorePath], packages: [LockedPackage],
        recipe: (Derivation) throws -> BuildRecord.RecipeFacts?
    ) throws {
        let record = try BuildRecord(
            of: plan, system: source.system.name, outputs: outputs, packages: packages, recipe: recipe)
        try records.keep(record, of: image.manifest)
    }

    private var groundworkMemory: RememberedGroundwork {
        RememberedGroundwork(directory: workspace.store.directory, system: source.system.name)
    }

    private func published(_ image: StorePath, madeFrom inputs: [StorePath]?) throws -> BuiltImage {
        let last = try workspace.store.latestGeneration(of: source.system.name)
        let generation =
            if let last, last.image == image.description {
                last
            } else {
                try workspace.store.publish(image, as: source.system.name, madeFrom: inputs)
            }
        return try BuiltImage(path: image, generation: generation, store: workspace.store)
    }
}
