import Glibc
import LinuxCalls
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemModel
import SystemPackage

/// Writes generations with all that they need to several volumes, each a medium that says which of how many it is.
///
/// Volumes are filled one after another, each object after all that it needs: so they can be imported in that order from one
/// slot, and in any order together. An object lies on one volume whole. As with `Export`, what is whole on a volume is kept,
/// and manifests come last: until all of them are there, the same export goes on. Blocking.
public struct VolumeExport: Sendable {
    public enum Folders: Sendable {
        /// Media that are there; those that are not needed stay as they are.
        case given([FilePath])
        /// `volume-1` and so on in a folder, as many as are needed.
        case made(in: FilePath)
    }

    public let store: LocalStore
    public let folders: Folders
    public let key: SigningKey
    public let ring: KeyRing
    public var settings: ExportSettings
    /// Bootferry itself, which the first volume has.
    public var program: CarriedProgram?
    /// Bytes that the files of no volume exceed, counted in blocks of 32 KiB; nil where the free space alone counts.
    public var volumeSize: Int?

    public init(
        store: LocalStore, folders: Folders, key: SigningKey, ring: KeyRing, settings: ExportSettings,
        program: CarriedProgram? = nil, volumeSize: Int? = nil
    ) {
        self.store = store
        self.folders = folders
        self.key = key
        self.ring = ring
        self.settings = settings
        self.program = program
        self.volumeSize = volumeSize
    }

    /// What was done.
    public struct Report: Sendable {
        /// Objects and bytes that were written, and objects that were there.
        public var written = 0
        public var writtenBytes = 0
        public var kept = 0
        /// In their order.
        public var volumes: [(folder: FilePath, manifest: MediumManifest)] = []
    }

    /// - Parameters:
    ///   - roots: objects besides the generations' images.
    ///   - base: what the site has.
    public func run(
        _ generations: [Generation], roots: Set<StorePath> = [], base: Set<StorePath> = [], now: Int,
        progress: @escaping Export.Progress
    ) throws -> Report {
        let bringing = try Consignment(generations, roots: roots, base: base, from: store, now: now)
        try program?.requireFiles(upTo: settings.largestFile)
        if case .made(let parent) = folders { try MediumFiles.makeFolder(parent) }
        var filling = Filling(export: self, like: bringing.manifest, objects: bringing.objects)
        try filling.openAgain()
        return try filling.run(progress)
    }

    /// The folder of a volume, counted from 1; nil where no more were given.
    fileprivate func folder(_ number: Int) -> FilePath? {
        switch folders {
        case .given(let folders): number <= folders.count ? folders[number - 1] : nil
        case .made(let parent): number <= MediumManifest.Volume.mostVolumes ? parent.appending("volume-\(number)") : nil
        }
    }
}

/// The volumes of one export while they are filled.
private struct Filling {
    let export: VolumeExport
    /// What all manifests say.
    let manifest: MediumManifest
    /// Each after all that it needs.
    let objects: [PathRegistration]
    private var volumes: [OpenVolume] = []
    /// Which of `volumes` has an object.
    private var kept: [StorePath: Int] = [:]

    init(export: VolumeExport, like manifest: MediumManifest, objects: [PathRegistration]) {
        self.export = export
        self.manifest = manifest
        self.objects = objects
    }

    /// Takes up what an earlier run of the same export left.
    mutating func openAgain() throws {
        while let folder = export.folder(volumes.count + 1), try OpenVolume.isBegun(folder) { _ = try open() }
    }

    /// The next volume; nil where there is none.
    private mutating func open() throws -> OpenVolume? {
        guard let folder = export.folder(volumes.count + 1) else { return nil }
        let volume = try OpenVolume(folder, of: export, like: manifest, objects)
        for path in volume.paths { kept[path] = kept[path] ?? volumes.count }
        volumes.append(volume)
        return volume
    }

    mutating func run(_ progress: @escaping Export.Progress) throws -> VolumeExport.Report {
        var report = VolumeExport.Report()
        let missing = objects.filter { kept[$0.path] == nil }
        report.kept = objects.count - missing.count
        report.written = missing.count
        let counter = SharedProgress(of: missing.reduce(0) { $0 + $1.narSize }, progress)
        if let program = export.program {
            guard let first = try volumes.first ?? open() else { throw full(missing[...]) }
            report.writtenBytes += try first.take(program)
        }
        var current = 0
        for (index, registration) in missing.enumerated() {
            current = max(current, place(before: registration))
            while true {
                if current == volumes.count, try open() == nil { throw full(missing[index...]) }
                let volume = volumes[current]
                if let bytes = try volume.take(registration, onBytes: counter.add) {
                    report.writtenBytes += bytes
                    break
                }
                if volume.isEmpty, case .made = export.folders, let size = export.volumeSize {
                    throw CarryingError(
                        "'\(registration.path)'", "has no place on a volume of \(size) bytes", kind: .usage,
                        remedy: "give a larger --volume-size")
                }
                current += 1
            }
        }
        report.volumes = try seal()
        return report
    }

    /// The last volume that has anything which an object needs.
    private func place(before registration: PathRegistration) -> Int {
        registration.references.reduce(0) { max($0, kept[$1] ?? 0) }
    }

    private func full(_ rest: ArraySlice<PathRegistration>) -> CarryingError {
        let bytes = rest.reduce(0) { $0 + $1.narSize }
        return CarryingError(
            "--to", "the volumes are full: \(rest.count) objects have no place, \(bytes) bytes before compression",
            kind: .host, remedy: "give the same command again with one more --to; what is written is kept")
    }

    /// Signs the manifests, once all that they list is on the volumes.
    private func seal() throws -> [(FilePath, MediumManifest)] {
        let used = volumes.filter { !$0.isEmpty }
        var numbers: [StorePath: Int] = [:]
        for (index, volume) in used.enumerated() { for path in volume.paths { numbers[path] = index + 1 } }
        var manifests = try used.enumerated().map { index, volume in
            var manifest = manifest
            manifest.files = try volume.finish()
            manifest.volume = .init(
                number: index + 1, count: used.count, set: .sha256(of: ""),
                elsewhere: numbers.filter { $0.value != index + 1 })
            return manifest
        }
        let set = MediumManifest.digest(ofVolumes: manifests)
        for index in manifests.indices {
            manifests[index].volume?.set = set
            try used[index].seal(manifests[index], by: export.key)
        }
        return zip(used, manifests).map { ($0.folder, $1) }
    }
}

/// Thrown where an object does not fit into what is left of a volume.
struct VolumeFull: Error {}

/// One volume that is being filled; nobody else writes to it.
private final class OpenVolume {
    let folder: FilePath
    private(set) var paths: Set<StorePath> = []
    private var files: ObjectWriter.Files = [:]
    private let lock: FileDescriptor
    private let writer: ObjectWriter
    private let largeArchiveWorkers: Int
    /// Bytes that files may still take.
    private var room = 0
    /// That a file takes a whole number of.
    private let block: Int

    /// Nothing is on it that the export put there.
    var isEmpty: Bool { files.isEmpty }

    /// Whether a folder has anything that an export would have written.
    static func isBegun(_ folder: FilePath) throws -> Bool {
        guard MediumFiles.exists(folder) else { return false }
        return try MediumFiles.names(in: folder).contains {
            $0.hasSuffix(".narinfo") || $0.hasPrefix(MediumManifest.fileName) || $0 == CarriedProgram.archiveName
        }
    }

    init(
        _ folder: FilePath, of export: VolumeExport, like manifest: MediumManifest, _ objects: [PathRegistration]
    ) throws {
        self.folder = folder
        try MediumFiles.makeFolder(folder)
        lock = try MediumFiles.lock(folder)
        writer = ObjectWriter(store: export.store, folder: folder, key: export.key, settings: export.settings)
        largeArchiveWorkers = export.settings.width
        block = export.volumeSize == nil ? try MediumFiles.blockSize(at: folder) : 32 << 10
        try refuseOthers(manifest, objects, export.ring)
        for name in Medium.folders { try MediumFiles.makeFolder(folder.appending(name)) }
        try Medium.removeUnfinished(in: folder)
        try examine(objects, export)
        // The manifest, twice while it is replaced; a block for each folder and each small file.
        let names = (objects.map(\.path) + manifest.roots + manifest.base).reduce(0) {
            $0 + $1.baseName.utf8.count + 32
        }
        let fixed = 2 * (names + 4096) + 12 * block
        let free = try MediumFiles.freeBytes(at: folder) - fixed
        let taken = files.values.reduce(0) { $0 + cost($1.size) }
        room = export.volumeSize.map { min(free, $0 - taken - fixed) } ?? free
    }

    deinit { try? lock.close() }

    /// What a file takes, with its line in the manifest.
    private func cost(_ size: Int) -> Int { (size + block - 1) / block * block + 512 }

    private func refuseOthers(_ manifest: MediumManifest, _ objects: [PathRegistration], _ ring: KeyRing) throws {
        func refusal(_ message: String) -> CarryingError {
            CarryingError("'\(folder)'", message, kind: .usage, remedy: "export to an empty folder")
        }
        let names = try MediumFiles.names(in: folder)
        if names.contains(where: { $0.hasPrefix(MediumManifest.fileName) && !$0.hasSuffix(".new") }) {
            let medium = try Medium(folder, ring: ring)
            guard let before = medium.manifest, before.volume != nil else {
                throw refusal("is a medium by itself, so it can be no volume of an export")
            }
            if let fault = medium.verdict.fault { throw refusal("\(fault), so nothing is added to that volume") }
            guard before.purpose == manifest.purpose else { throw refusal("is a volume of another export") }
        }
        let known = Set(objects.map { "\($0.path.hashPart).narinfo" })
        if let other = names.first(where: { $0.hasSuffix(".narinfo") && !known.contains($0) }) {
            throw refusal("has '\(other)', which is no part of this export")
        }
    }

    /// Finds what is there whole already, as `Export` does.
    private func examine(_ objects: [PathRegistration], _ export: VolumeExport) throws {
        let there = objects.filter { MediumFiles.exists(folder.appending("\($0.path.hashPart).narinfo")) }
        let medium = Medium(unsigned: .folder(folder), ring: export.ring)
        let found = Mutex([StorePath: ObjectWriter.Files]())
        try inParallel(there, width: export.settings.width) { registration in
            do {
                let files = try medium.wholeFiles(
                    of: registration, signedBy: export.key, export.settings
                ) { _ in }
                found.withLock { $0[registration.path] = files }
            } catch is MediumFault {}
        }
        for (path, more) in found.withLock({ $0 }) {
            paths.insert(path)
            files.merge(more) { $1 }
        }
    }

    /// Writes the program, where it is not there; bytes that were written.
    func take(_ program: CarriedProgram) throws -> Int {
        let isThere = try program.isWhole(on: folder)
        let needed = program.files.values.reduce(0) { $0 + cost($1.size) }
        guard isThere || needed <= room else {
            throw CarryingError(
                "'\(folder)'", "has no room for Bootferry itself, \(program.size) bytes", kind: .host,
                remedy: "give larger volumes, or --without-bootferry")
        }
        if !isThere { try program.write(to: folder) { _ in } }
        room -= needed
        files.merge(program.files) { $1 }
        return isThere ? 0 : program.size
    }

    /// Writes an object; bytes that were written, or nil where it does not fit.
    func take(_ registration: PathRegistration, onBytes: @escaping (Int) -> Void) throws -> Int? {
        let narinfo = 2048 + registration.references.reduce(0) { $0 + $1.baseName.utf8.count + 1 }
        // Each claim is a file in a folder of its own.
        let claims = (writer.settings.claims[registration.path]?.count ?? 0) * (2 * block + 512)
        let left = (room - cost(narinfo) - claims - 512) / block * block
        guard left > 0 else { return nil }
        do {
            let written = try writer.write(
                registration, workers: registration.narSize > Export.largeArchive ? largeArchiveWorkers : 0, room: left,
                onBytes: onBytes)
            room -= written.values.reduce(0) { $0 + cost($1.size) }
            files.merge(written) { $1 }
            paths.insert(registration.path)
            return written.values.reduce(0) { $0 + $1.size }
        } catch is VolumeFull {
            return nil
        }
    }

    /// All files, once those that belong to nothing are gone.
    func finish() throws -> ObjectWriter.Files {
        let information = Medium.cacheInformationText
        try MediumFiles.replace(folder.appending(Medium.cacheInformation), with: information)
        files[Medium.cacheInformation] = .init(digest: .sha256(of: information), size: information.count)
        let archives = try MediumFiles.names(in: folder.appending(Medium.archives)).map { "\(Medium.archives)/\($0)" }
        let infos = try MediumFiles.names(in: folder).filter { $0.hasSuffix(".narinfo") }
        for name in archives + infos where files[name] == nil { unlink(folder.pushing(FilePath(name)).string) }
        return files
    }

    func seal(_ manifest: MediumManifest, by key: SigningKey) throws {
        do {
            try FileCalls.syncFileSystem(of: lock)
        } catch {
            throw CarryingError("cannot sync", folder, error)
        }
        let name = MediumManifest.fileName(ofVolume: manifest.volume?.number)
        try MediumFiles.replace(
            folder.appending(name), with: Array(try SignedText(manifest.text, by: key).whole.utf8))
        for other in try MediumFiles.names(in: folder)
        where other != name && MediumManifest.volumeNumber(ofFile: other) != nil {
            unlink(folder.appending(other).string)
        }
    }
}

extension MediumManifest {
    /// What it is there to bring, whatever files that takes.
    fileprivate var purpose: String {
        var manifest = MediumManifest(created: 0)
        manifest.generations = generations
        manifest.roots = roots
        manifest.base = base
        return manifest.text
    }
}
