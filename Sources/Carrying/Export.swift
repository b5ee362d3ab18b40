import Dispatch
import Glibc
import LinuxCalls
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemModel
import SystemPackage

/// Writes generations with all that they need to a folder that is at once a Nix binary cache.
///
/// Every file is written beside, synced and renamed, the medium manifest last: a medium that was pulled has none, or the one
/// before, and the same export goes on with what is whole. Blocking; memory for each object at once, some MB.
public struct Export: Sendable {
    public let store: LocalStore
    public let folder: FilePath
    public let key: SigningKey
    public let ring: KeyRing
    public var settings: ExportSettings
    /// Bootferry itself, where the medium is to have it.
    public var program: CarriedProgram?

    public init(
        store: LocalStore, folder: FilePath, key: SigningKey, ring: KeyRing, settings: ExportSettings,
        program: CarriedProgram? = nil
    ) {
        self.store = store
        self.folder = folder
        self.key = key
        self.ring = ring
        self.settings = settings
        self.program = program
    }

    /// What was done.
    public struct Report: Sendable {
        /// Objects and bytes that were written, and objects that were there.
        public var written = 0
        public var writtenBytes = 0
        public var kept = 0
        public var manifest: MediumManifest
    }

    /// How far it is: bytes of archives, before compression.
    public typealias Progress = @Sendable (_ done: Int, _ all: Int) -> Void

    /// Runs `body` while no other export writes to the folder, which is made if it is not there.
    public func withFolder<Value>(_ body: () throws -> Value) throws -> Value {
        try MediumFiles.makeFolder(folder)
        let lock = try MediumFiles.lock(folder)
        defer { try? lock.close() }
        return try body()
    }

    /// Looks at what is to go and what is there already; nothing is written but empty folders.
    ///
    /// - Parameters:
    ///   - roots: objects besides the generations' images.
    ///   - base: what the site has.
    public func plan(
        _ generations: [Generation], roots: Set<StorePath> = [], base: Set<StorePath> = [], progress: @escaping Progress
    ) throws -> ExportPlan {
        let images = try Set(generations.map { try StorePath(parsing: $0.image) })
        var plan = ExportPlan(
            generations: generations, roots: roots, closure: try store.closure(of: images.union(roots)))
        plan.base = base.intersection(plan.closure.order)
        plan.previous = try previousManifest()
        for name in Medium.folders { try MediumFiles.makeFolder(folder.appending(name)) }
        try Medium.removeUnfinished(in: folder)
        try program?.requireFiles(upTo: settings.largestFile)
        try examine(&plan, progress)
        if let program, try !program.isWhole(on: folder) { plan.programBytes = program.size }
        plan.freeBytes = try MediumFiles.freeBytes(at: folder)
        return plan
    }

    /// Of an export before, which must be somebody's that is trusted here: what it lists is signed anew.
    private func previousManifest() throws -> MediumManifest? {
        guard MediumFiles.exists(folder.appending(MediumManifest.fileName)) else {
            guard try !MediumFiles.names(in: folder).contains(where: { MediumManifest.volumeNumber(ofFile: $0) != nil })
            else {
                throw CarryingError(
                    "'\(folder)'", "has a volume of an export to several", kind: .usage,
                    remedy: "export to an empty folder, or give all --to again")
            }
            return nil
        }
        let medium = try Medium(folder, ring: ring)
        guard let fault = medium.verdict.fault else { return medium.manifest }
        throw CarryingError(
            "'\(folder.appending(MediumManifest.fileName))'", "\(fault), so nothing is added to that medium",
            kind: .corrupt,
            remedy: "export to an empty folder")
    }

    /// Finds what the medium has whole already: read to its end, every digest fitting what the store says of it.
    private func examine(_ plan: inout ExportPlan, _ progress: @escaping Progress) throws {
        let there = plan.closure.registrations.values.filter {
            access(folder.appending("\($0.path.hashPart).narinfo").string, F_OK) == 0 && !plan.base.contains($0.path)
        }
        guard !there.isEmpty else { return }
        // Without its manifest: an interrupted export has none, and what is there is checked against the store instead.
        let medium = Medium(unsigned: .folder(folder), ring: ring)
        let counter = SharedProgress(of: there.reduce(0) { $0 + $1.narSize }, progress)
        let state = Mutex((kept: [StorePath: ObjectWriter.Files](), spoiled: [MediumFault]()))
        try inParallel(there, width: settings.width) { registration in
            do {
                let files = try medium.wholeFiles(
                    of: registration, signedBy: key, settings, onBytes: counter.add)
                state.withLock { $0.kept[registration.path] = files }
            } catch let fault as MediumFault {
                state.withLock { $0.spoiled.append(fault) }
            }
        }
        state.withLock { state in
            plan.kept = Set(state.kept.keys)
            for files in state.kept.values { plan.keptFiles.merge(files) { $1 } }
            plan.spoiled = state.spoiled.sorted()
        }
    }

    /// Writes what is missing, and at last the manifest.
    public func run(_ plan: ExportPlan, now: Int, progress: @escaping Progress) throws -> Report {
        let missing = plan.missing
        let counter = SharedProgress(of: plan.archiveBytes + plan.programBytes, progress)
        if let program, plan.programBytes > 0 { try program.write(to: folder, onBytes: counter.add) }
        let writer = ObjectWriter(store: store, folder: folder, key: key, settings: settings)
        let state = Mutex(plan.keptFiles)
        try inParallel(missing, width: settings.width) { registration in
            let files = try writer.write(
                registration, workers: registration.narSize > Self.largeArchive ? settings.width : 0,
                onBytes: counter.add)
            state.withLock { $0.merge(files) { $1 } }
        }
        let written = state.withLock { $0 }
        var manifest = plan.previous ?? MediumManifest(created: now)
        manifest.created = now
        let information = Medium.cacheInformationText
        try MediumFiles.replace(folder.appending(Medium.cacheInformation), with: information)
        manifest.files.merge(written) { $1 }
        if let program { manifest.files.merge(program.files) { $1 } }
        manifest.files[Medium.cacheInformation] = .init(digest: .sha256(of: information), size: information.count)
        for generation in plan.generations {
            manifest.generations.removeAll { $0.system == generation.system && $0.number == generation.number }
            manifest.generations.append(generation)
        }
        manifest.roots.formUnion(plan.roots)
        manifest.base.formUnion(plan.base)
        manifest.base.subtract(plan.closure.order.filter { !plan.base.contains($0) })
        if !plan.spoiled.isEmpty { try removeReplaced(&manifest) }
        try seal(manifest)
        return Report(
            written: missing.count,
            writtenBytes: written.values.reduce(0) { $0 + $1.size }
                - plan.keptFiles.values.reduce(0) { $0 + $1.size } + plan.programBytes, kept: plan.kept.count,
            manifest: manifest)
    }

    /// Takes away archives of an earlier export that no narinfo names any more, since their objects were written anew.
    private func removeReplaced(_ manifest: inout MediumManifest) throws {
        let medium = Medium(unsigned: .folder(folder), ring: ring)
        var named: Set<String> = []
        for name in manifest.files.keys where name.hasSuffix(".narinfo") {
            // One that is damaged may name any of them: then all stay.
            guard let info = try? medium.information(in: name) else { return }
            named.formUnion(medium.parts(of: info))
        }
        for name in manifest.files.keys where name.hasPrefix("\(Medium.archives)/") && !named.contains(name) {
            manifest.files[name] = nil
            unlink(folder.pushing(FilePath(name)).string)
        }
    }

    /// An archive that is worth several threads of its own.
    static let largeArchive = 32 << 20

    /// Signs the manifest once all that it lists is on the medium.
    private func seal(_ manifest: MediumManifest) throws {
        do {
            let directory = try FileDescriptor.open(folder, .readOnly, options: [.directory, .closeOnExec])
            try directory.closeAfter { try FileCalls.syncFileSystem(of: directory) }
        } catch {
            throw CarryingError("cannot sync", folder, error)
        }
        let signed = try SignedText(manifest.text, by: key)
        try MediumFiles.replace(folder.appending(MediumManifest.fileName), with: Array(signed.whole.utf8))
    }
}

extension Medium {
    /// Takes away what was being written in a folder when its writer ended.
    static func removeUnfinished(in folder: FilePath) throws {
        for name in try MediumFiles.names(in: folder) where isReplacement(name) {
            unlink(folder.appending(name).string)
        }
        let archives = folder.appending(archives)
        for name in try MediumFiles.names(in: archives) where name.hasSuffix(unfinished) {
            unlink(archives.appending(name).string)
        }
    }

    /// The files of an object that is there just as an export would write it, every digest fitting what the store says of it;
    /// anything else is a fault.
    func wholeFiles(
        of registration: PathRegistration, signedBy key: SigningKey, _ settings: ExportSettings, onBytes: (Int) -> Void
    ) throws -> ObjectWriter.Files {
        let name = "\(registration.path.hashPart).narinfo"
        guard let info = try information(of: registration.path) else { throw MediumFault(name, "is missing") }
        guard info.registration.fingerprint == registration.fingerprint, info.fileHash != nil,
            info.registration.contentAddress == registration.contentAddress,
            info.registration.signatures.contains(where: { key.publicKey.isValid($0, of: registration.fingerprint) })
        else { throw MediumFault(name, "is not what this export would write") }
        var files = try readArchive(info, onBytes: onBytes) { _ in }
        for (name, file) in files where file.size > settings.largestFile {
            throw MediumFault(name, "has \(file.size) bytes, which is more than \(settings.largestFile)")
        }
        for name in files.keys { try MediumManifest.checkName(name) }
        for entry in settings.claims[registration.path] ?? [] {
            let name = BuildTraceEntry.fileName(of: entry.realisation.derivation)
            let text = try entry.content()
            guard source.has(name), try content(of: name, limit: BuildTraceEntry.maximumCount) == text else {
                throw MediumFault(name, "is missing, or not what this export would write")
            }
            files[name] = MediumManifest.File(digest: .sha256(of: text), size: text.count)
        }
        let text = try content(of: name, limit: NARInfo.maximumCount)
        files[name] = MediumManifest.File(digest: .sha256(of: text), size: text.count)
        return files
    }

    /// What `nix-cache-info` says on every medium.
    static var cacheInformationText: [UInt8] {
        Array("StoreDir: \(StorePath.directory)\nWantMassQuery: 1\nPriority: 40\n".utf8)
    }
}

/// Does `work` for each on so many threads; the first error ends it, once those under way have ended.
func inParallel<Item: Sendable>(
    _ items: [Item], width: Int, _ work: @escaping @Sendable (Item) throws -> Void
) throws {
    let state = Mutex((next: 0, failure: (any Error)?.none))
    DispatchQueue.concurrentPerform(iterations: max(1, min(width, items.count))) { _ in
        while true {
            let index = state.withLock { state in
                defer { state.next += 1 }
                return state.failure == nil ? state.next : items.count
            }
            guard index < items.count else { return }
            do {
                try work(items[index])
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
}
