import Diagnostics
import FileFormats
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemModel
import SystemPackage

/// Takes what a medium, or the volumes of one, carries into the store.
///
/// Each object is checked to its last byte before it has a name here, and comes after all that it needs; what is whole stays,
/// whatever happens to the rest. Blocking; memory for each object at once, some MB.
public struct Import: Sendable {
    public let store: LocalStore
    public let media: MediumSet
    public let width: Int
    /// Whether what was asked for is kept from collection; without it, who asked sees to that.
    public var keepsRoots = true

    public init(store: LocalStore, media: MediumSet, width: Int) {
        self.store = store
        self.media = media
        self.width = width
    }

    /// What was done.
    public struct Report: Sendable {
        public var imported: [StorePath] = []
        /// Objects that were here already.
        public var there = 0
        /// Generations that are complete here now, under the numbers that they have here.
        public var generations: [Generation] = []
        /// Every file that is missing or bad.
        public var faults: [MediumFault] = []
        /// Objects that could not come, since something that they need could not.
        public var hindered: [StorePath] = []
    }

    /// Looks at what is to come; `paths` are objects asked for by hash, nil is all that the medium carries.
    public func plan(_ paths: Set<StorePath>? = nil) throws -> ImportPlan {
        var plan = try media.importPlan(paths) { path in
            // Asked one by one: a medium may name what nobody has ever heard of.
            try store.isValid(path)
        }
        plan.freeBytes = try MediumFiles.freeBytes(at: store.directory.path)
        return plan
    }

    /// Copies, wave by wave; throws where the host or the medium as a whole fails, and returns every other fault.
    public func run(
        _ plan: ImportPlan, progress: @escaping Export.Progress
    ) throws -> Report {
        let counter = SharedProgress(of: plan.archiveBytes, progress)
        let state = Mutex(
            (imported: [StorePath](), faults: plan.faults, hindered: plan.hindered))
        try store.protect(plan.roots.union(plan.waves.joined().map(\.registration.path)))
        for wave in plan.waves {
            try inParallel(wave, width: width) { info in
                let path = info.registration.path
                let isHindered = state.withLock { state in
                    let isHindered = !state.hindered.isDisjoint(with: info.registration.references.subtracting([path]))
                    if isHindered { state.hindered.insert(path) }
                    return isHindered
                }
                if isHindered { return }
                let volume = media.volumes[plan.places[path] ?? 0]
                do {
                    try take(info, from: volume, onBytes: counter.add)
                    state.withLock { $0.imported.append(path) }
                } catch let fault as MediumFault {
                    state.withLock { state in
                        state.faults.insert(fault.on(volume))
                        state.hindered.insert(path)
                    }
                } catch let error as LocalStoreError where error.kind == .corrupt {
                    state.withLock { state in
                        state.faults.insert(MediumFault(info.url, "\(error)").on(volume))
                        state.hindered.insert(path)
                    }
                }
            }
        }
        var report = state.withLock { state in
            Report(
                imported: state.imported.sorted(), there: plan.there, faults: state.faults.sorted(),
                hindered: state.hindered.sorted())
        }
        for generation in plan.generations where try store.isValid(StorePath(parsing: generation.image)) {
            report.generations.append(try store.adopt(generation))
        }
        // No collection takes what was asked for by name; a generation keeps its own image.
        guard keepsRoots else { return report }
        for root in plan.roots.subtracting(try plan.generations.map { try StorePath(parsing: $0.image) })
        where try store.isValid(root) {
            try store.keepImported(root)
        }
        return report
    }

    private func take(_ info: NARInfo, from medium: Medium, onBytes: (Int) -> Void) throws {
        var registration = info.registration
        // Whose word counts here may be passed on; nobody else's.
        registration.signatures = registration.signatures.filter {
            medium.ring.judge([$0], of: registration.fingerprint).isValid
        }
        try store.importObject(registration) { write in try medium.readArchive(info, onBytes: onBytes, to: write) }
    }
}
