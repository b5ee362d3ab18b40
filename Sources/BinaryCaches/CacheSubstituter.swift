import Building
import Carrying
import Diagnostics
import Fetching
import Foundation
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemPackage

/// A binary cache of which builds are taken: what derivations made on a trusted key's word alone, and objects once they are proved
/// like those of a medium (`Import`).
///
/// What is wrong with one file is told, and the build makes that itself; a cache that does not answer, or whose word is nobody's
/// here, is asked no more.
public final class CacheSubstituter: Substituter {
    private let cache: RemoteCache
    private let store: LocalStore
    private let ring: KeyRing
    private let isRequired: Bool
    private let tell: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        var isChecked = false
        var isSetAside = false
        /// What came wrong once is not fetched again.
        var refused: Set<StorePath> = []
        var objects = 0
        var bytes = 0
    }

    /// - Parameters:
    ///   - url: http, https or file; or a folder, seen from `folder`.
    ///   - ring: whose word counts.
    ///   - isRequired: whether all that is wrong with the cache ends the build.
    ///   - tell: takes what is wrong, a line at a time.
    public init(
        _ url: String, seenFrom folder: String, store: LocalStore, ring: KeyRing, isRequired: Bool,
        patience: FetchPatience = .brief, tell: @escaping @Sendable (String) -> Void
    ) throws {
        cache = try RemoteCache(url, in: folder, patience: patience)
        self.store = store
        self.ring = ring
        self.isRequired = isRequired
        self.tell = tell
    }

    /// What came of it, for people; nil where nothing did.
    public var summary: String? {
        let (objects, bytes) = state.withLock { ($0.objects, $0.bytes) }
        return objects == 0 ? nil : "\(objects) objects (\(formatBytes(bytes))) from \(cache.url)"
    }

    public func realisations(of derivations: [StorePath]) async throws -> [StorePath: StorePath] {
        guard !derivations.isEmpty, try await isUsable() else { return [:] }
        do {
            let files = Dictionary(
                uniqueKeysWithValues: derivations.map { ($0, BuildTraceEntry.fileName(of: $0)) })
            let found = try await cache.contents(of: files, limit: BuildTraceEntry.maximumCount)
            var outputs: [StorePath: StorePath] = [:]
            for (derivation, bytes) in found.sorted(by: { $0.key < $1.key }) {
                guard state.withLock({ !$0.isSetAside }) else { break }
                outputs[derivation] = try output(of: derivation, bytes)
            }
            return outputs
        } catch let error as FetchError {
            try setAside("\(error.subject): \(error.message)", error.cause, kind: error.kind)
            return [:]
        }
    }

    /// What a trusted key says that a derivation made; all else is told, and nil.
    private func output(of derivation: StorePath, _ bytes: [UInt8]) throws -> StorePath? {
        let name = "\(cache.url)/\(BuildTraceEntry.fileName(of: derivation))"
        let entry: BuildTraceEntry
        do {
            entry = try BuildTraceEntry(parsing: bytes, of: derivation)
        } catch {
            try refuse("'\(name)': \(error.subject): \(error.message)")
            return nil
        }
        let verdict = ring.judge(entry.signatures, of: entry.fingerprint)
        if let fault = verdict.fault {
            try setAside("'\(name)' \(fault)", nil, kind: .corrupt, remedy: verdict.remedy)
            return nil
        }
        guard entry.realisation.output.name == derivation.name.dropLast(4) else {
            try refuse("'\(name)': names \(entry.realisation.output), which no derivation of that name makes")
            return nil
        }
        return entry.realisation.output
    }

    public func bring(_ objects: Set<StorePath>) async throws -> Set<StorePath> {
        let there = try store.validPaths(among: objects)
        let asked = objects.subtracting(there).subtracting(state.withLock { $0.refused })
        guard !asked.isEmpty, try await isUsable() else { return there }
        do {
            let scratch = try store.makeScratch()
            defer { withExtendedLifetime(scratch) {} }
            let folder = scratch.path.appending("cache")
            try makeFolders(folder)
            let archives = try await collect(asked, into: folder)
            let media = MediumSet(try Medium(folder, ring: ring))
            let importing = Import(store: store, media: media, width: 2)
            let plan = try await onBlockingThread { try importing.plan(asked) }
            // That the cache does not have what was asked for is no fault of it.
            for fault in plan.faults.sorted() where archives.begins(fault.file, of: asked) {
                try refuse("\(cache.url): \(fault)")
            }
            if plan.archiveBytes > plan.freeBytes {
                throw SubstitutionError(
                    "'\(store.directory.path)'",
                    "has \(formatBytes(plan.freeBytes)) free, and \(formatBytes(plan.archiveBytes)) are needed",
                    kind: .host,
                    remedy: "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'")
            }
            for wave in plan.waves { try await take(wave, archives.items, media, folder) }
        } catch let error as FetchError where error.code != .disk {
            try setAside("\(error.subject): \(error.message)", error.cause, kind: error.kind)
        }
        return try store.validPaths(among: objects)
    }

    /// Fetches the archives of some objects whose needs are met, and takes them in; one that is not whole hinders no other.
    private func take(
        _ wave: [NARInfo], _ items: [StorePath: FetchItem], _ media: MediumSet, _ folder: FilePath
    ) async throws {
        // What needs an object that did not come stays behind with it.
        let met = try wave.filter { info in
            let needs = info.registration.references.subtracting([info.registration.path])
            return try store.validPaths(among: needs).count == needs.count
        }
        let wanted = met.compactMap { items[$0.registration.path] }
        let fetched = Mutex(Set<String>())
        do {
            try await cache.fetcher.fetch(
                wanted, into: folder.appending("nar"),
                completed: { item, _ in fetched.withLock { _ = $0.insert(item.sha256) } })
        } catch let error as FetchError where error.code == .corrupt || error.code == .notFound {
            try refuse("\(error.subject): \(error.message)" + (error.cause.map { ": \($0)" } ?? ""))
        }
        let whole = fetched.withLock { $0 }
        let came = met.filter { items[$0.registration.path].map { whole.contains($0.sha256) } ?? false }
        let paths = Set(came.map(\.registration.path))
        state.withLock { $0.refused.formUnion(Set(met.map(\.registration.path)).subtracting(paths)) }
        guard !came.isEmpty else { return }
        var importing = Import(store: store, media: media, width: ProcessInfo.processInfo.activeProcessorCount)
        importing.keepsRoots = false
        let work = importing
        let report = try await onBlockingThread {
            try work.run(try work.plan(paths)) { _, _ in }
        }
        state.withLock { state in
            state.objects += report.imported.count
            state.bytes += came.reduce(0) { $0 + (items[$1.registration.path]?.size ?? 0) }
        }
        for fault in report.faults {
            let named = came.first { fault.file.hasSuffix(items[$0.registration.path]?.sha256 ?? "-") }
            state.withLock { state in named.map { _ = state.refused.insert($0.registration.path) } }
            try refuse("\(cache.url): \(named.map { "\($0.registration.path) " } ?? "\(fault.file) ")\(fault.message)")
        }
        for info in came { unlink(folder.pushing(FilePath(info.url)).string) }
    }
}

extension CacheSubstituter {
    /// What is to be fetched for objects.
    private struct Archives {
        var items: [StorePath: FetchItem] = [:]

        /// Whether a narinfo is of an object that the cache has, or of one that such an object needs.
        func begins(_ file: String, of objects: Set<StorePath>) -> Bool {
            !objects.contains { file == "\($0.hashPart).narinfo" }
                || items.keys.contains { file.hasPrefix($0.hashPart) }
        }
    }

    private func makeFolders(_ folder: FilePath) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: folder.appending("nar").string, withIntermediateDirectories: true)
        try Data("StoreDir: \(StorePath.directory)\n".utf8).write(
            to: URL(filePath: folder.appending("nix-cache-info").string))
    }

    /// Writes the narinfo of every object that must come into `folder`, each naming its archive by the digest it will be fetched by.
    private func collect(_ objects: Set<StorePath>, into folder: FilePath) async throws -> Archives {
        var archives = Archives()
        var seen = objects
        var frontier = objects
        while !frontier.isEmpty {
            let files = Dictionary(uniqueKeysWithValues: frontier.map { ($0, "\($0.hashPart).narinfo") })
            let found = try await cache.contents(of: files, limit: NARInfo.maximumCount)
            var next: Set<StorePath> = []
            for (path, bytes) in found.sorted(by: { $0.key < $1.key }) {
                guard var info = try information(of: path, bytes), let item = try item(of: info) else { continue }
                archives.items[path] = item
                next.formUnion(info.registration.references)
                info.url = "nar/\(item.sha256)"
                try Data(info.text.utf8).write(to: URL(filePath: folder.appending("\(path.hashPart).narinfo").string))
            }
            next.subtract(try store.validPaths(among: next))
            next.subtract(state.withLock { $0.refused })
            frontier = next.filter { seen.insert($0).inserted }
            guard seen.count <= Self.mostObjects else {
                try setAside("'\(cache.url)': a closure has more than \(Self.mostObjects) objects", nil, kind: .corrupt)
                return Archives()
            }
        }
        return archives
    }

    private static let mostObjects = 1 << 20

    private func information(of path: StorePath, _ bytes: [UInt8]) throws -> NARInfo? {
        let name = "\(cache.url)/\(path.hashPart).narinfo"
        do {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                try refuse("'\(name)': is not UTF-8 text")
                return nil
            }
            let info = try NARInfo(parsing: text)
            if info.registration.path == path { return info }
            try refuse("'\(name)': is of \(info.registration.path), expected \(path)")
        } catch let error as StoreModelError {
            try refuse("'\(name)': \(error.subject): \(error.message)")
        }
        return nil
    }

    /// The file that holds an object's archive; told and nil where it cannot be had by digest.
    private func item(of info: NARInfo) throws -> FetchItem? {
        let path = info.registration.path
        let isPlain = info.compression == "none"
        guard let hash = info.fileHash ?? (isPlain ? info.registration.narHash : nil),
            let size = info.fileSize ?? (isPlain ? info.registration.narSize : nil), hash.algorithm == .sha256, size > 0
        else {
            try refuse("\(cache.url): the narinfo of \(path) states no FileHash by SHA-256 or no FileSize")
            return nil
        }
        let narSize = info.registration.narSize
        guard size <= narSize + narSize >> 8 + 1 << 17 else {
            try refuse("\(cache.url): the narinfo of \(path) states \(size) bytes for an archive of \(narSize)")
            return nil
        }
        guard let address = cache.address(of: info.url) else {
            try refuse(
                "\(cache.url): the narinfo of \(path) names the archive '\(info.url.prefix(200))', which leads elsewhere"
            )
            return nil
        }
        var item = FetchItem(name: "\(path)", urls: [address], size: size, sha256: hash.hex)
        item.pledge = "what its narinfo says"
        return item
    }

    /// Whether it may be asked; the first time, what it is a cache of.
    private func isUsable() async throws -> Bool {
        let (isChecked, isSetAside) = state.withLock { ($0.isChecked, $0.isSetAside) }
        if isChecked || isSetAside { return !isSetAside }
        do {
            try await cache.checkInformation()
            state.withLock { $0.isChecked = true }
            return true
        } catch let error as FetchError {
            try setAside("\(error.subject): \(error.message)", error.cause, kind: error.kind)
        } catch let error as SubstitutionError {
            try setAside("\(error.subject) \(error.message)", nil, kind: error.kind)
        }
        return false
    }

    /// One file of the cache is not taken.
    private func refuse(_ what: String) throws {
        if isRequired { throw SubstitutionError("", what, kind: .corrupt, remedy: Self.leave) }
        tell("not taken: \(what); it is built here instead")
    }

    /// The cache is asked no more.
    private func setAside(_ what: String, _ cause: String?, kind: FailureKind, remedy: String? = nil) throws {
        if isRequired { throw SubstitutionError("", what, kind: kind, cause: cause, remedy: remedy ?? Self.leave) }
        let isNews = state.withLock { state in
            defer { state.isSetAside = true }
            return !state.isSetAside
        }
        guard isNews else { return }
        tell("the build goes on without \(cache.url): \(what)" + (cause.map { ": \($0)" } ?? ""))
        if let remedy { tell("  remedy: \(remedy)") }
    }

    private static let leave = "leave --require-substituter out to build what the cache does not give"
}
