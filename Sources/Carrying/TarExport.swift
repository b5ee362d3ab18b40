import FileFormats
import Glibc
import LinuxCalls
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemModel
import SystemPackage

/// Writes the files of a medium one after another, as a tar archive: into a file, or into a pipe.
///
/// Each object's archive stands before the narinfo that names it, after all that the object needs; the manifest, which has
/// every file's digest, is the last. So one pass makes it, with no more beside it than the few objects that are compressed at
/// once. A file is written beside, as `FILE.unfinished`: an export that was interrupted goes on after its last whole object.
/// Blocking.
public struct TarExport: Sendable {
    public let store: LocalStore
    public let output: ExportOutput
    public let key: SigningKey
    public let ring: KeyRing
    public var settings: ExportSettings
    /// Bootferry itself, where the medium is to have it.
    public var program: CarriedProgram?

    public init(
        store: LocalStore, output: ExportOutput, key: SigningKey, ring: KeyRing, settings: ExportSettings,
        program: CarriedProgram? = nil
    ) {
        self.store = store
        self.output = output
        self.key = key
        self.ring = ring
        self.settings = settings
        self.program = program
    }

    /// - Parameters:
    ///   - roots: objects besides the generations' images.
    ///   - base: what the site has.
    public func run(
        _ generations: [Generation], roots: Set<StorePath> = [], base: Set<StorePath> = [], now: Int,
        progress: @escaping Export.Progress
    ) throws -> Export.Report {
        guard settings.largestFile <= Tar.largestFile else {
            throw CarryingError(
                "--largest-file",
                "is \(settings.largestFile), and no file in a tar archive has more than \(Tar.largestFile)",
                kind: .usage)
        }
        try program?.requireFiles(upTo: settings.largestFile)
        let bringing = try Consignment(generations, roots: roots, base: base, from: store, now: now)
        var manifest = bringing.manifest
        let objects = bringing.objects
        switch output {
        case .pipe(let pipe):
            let writer = TarWriter(pipe, named: "the pipe")
            try begin(writer, &manifest)
            return try write(objects[...], kept: 0, manifest, to: writer, progress)
        case .file(let path):
            let (file, kept) = try resume(path, objects, &manifest)
            let beside = Self.unfinished(path)
            return try file.closeAfter {
                let writer = TarWriter(file, named: beside.string)
                if kept == nil { try begin(writer, &manifest) }
                let report = try write(objects[(kept ?? 0)...], kept: kept ?? 0, manifest, to: writer, progress)
                guard fsync(file.rawValue) == 0 else {
                    throw CarryingError("cannot sync", beside, Errno(rawValue: errno))
                }
                guard rename(beside.string, path.string) == 0 else {
                    throw CarryingError("cannot name", path, Errno(rawValue: errno))
                }
                try syncDirectory(path.removingLastComponent())
                return report
            }
        }
    }

    static func unfinished(_ path: FilePath) -> FilePath { FilePath("\(path)\(Medium.unfinished)") }

    /// The folders that nix wants, and that it is a cache.
    private func begin(_ writer: TarWriter, _ manifest: inout MediumManifest) throws {
        for name in Medium.folders { try writer.append(Tar.Member(name: name, size: 0, isDirectory: true)) }
        let information = Medium.cacheInformationText
        try writer.append(information, named: Medium.cacheInformation)
        manifest.files[Medium.cacheInformation] = .init(digest: .sha256(of: information), size: information.count)
    }

    private func write(
        _ objects: ArraySlice<PathRegistration>, kept: Int, _ manifest: MediumManifest, to writer: TarWriter,
        _ progress: @escaping Export.Progress
    ) throws -> Export.Report {
        var manifest = manifest
        let counter = SharedProgress(of: objects.reduce(0) { $0 + $1.narSize }, progress)
        let scratch = try store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let folder = scratch.path.appending("export")
        for path in [folder, folder.appending(Medium.archives)] { try MediumFiles.makeFolder(path) }
        let objectWriter = ObjectWriter(store: store, folder: folder, key: key, settings: settings, isScratch: true)
        var rest = objects
        var writtenBytes = 0
        while !rest.isEmpty {
            let some = Array(rest.prefix(max(1, settings.width)))
            rest = rest.dropFirst(some.count)
            let made = Mutex([StorePath: ObjectWriter.Files]())
            try inParallel(some, width: settings.width) { registration in
                let files = try objectWriter.write(registration, workers: 0, onBytes: counter.add)
                made.withLock { $0[registration.path] = files }
            }
            for registration in some {
                let files = made.withLock { $0[registration.path] ?? [:] }
                let information = "\(registration.path.hashPart).narinfo"
                // Archives first, in their parts' order: whoever finds the narinfo has had all that it names.
                for name in files.keys.sorted(by: Self.inOrder) where name != information {
                    try pass(name, of: folder, to: writer)
                }
                try pass(information, of: folder, to: writer)
                manifest.files.merge(files) { $1 }
                writtenBytes += files.values.reduce(0) { $0 + $1.size }
            }
        }
        if let program {
            try program.append(to: writer)
            manifest.files.merge(program.files) { $1 }
            writtenBytes += program.size
        }
        let signed = try SignedText(manifest.text, by: key)
        try writer.append(Array(signed.whole.utf8), named: MediumManifest.fileName)
        try writer.write(Tar.end)
        return Export.Report(
            written: objects.count, writtenBytes: writtenBytes, kept: kept, manifest: manifest)
    }

    /// `.part10` after `.part9`.
    private static func inOrder(_ a: String, _ b: String) -> Bool {
        (a.utf8.count, a) < (b.utf8.count, b)
    }

    private func pass(_ name: String, of folder: FilePath, to writer: TarWriter) throws {
        let path = folder.pushing(FilePath(name))
        let (file, size) = try MediumFiles.open(path)
        try file.closeAfter { try writer.append(file, Tar.Member(name: name, size: size)) }
        unlink(path.string)
    }

    /// Opens what an interrupted export left, cut off after its last whole object, for more to be appended.
    ///
    /// - Returns: the file, and how many of the objects are in it; nil where not even the beginning is there.
    private func resume(
        _ path: FilePath, _ objects: [PathRegistration], _ manifest: inout MediumManifest
    ) throws -> (FileDescriptor, kept: Int?) {
        let beside = Self.unfinished(path)
        var kept: (count: Int, end: Int)?
        if MediumFiles.exists(beside), let index = try? TarIndex(beside) {
            kept = try wholeBeginning(index, objects, &manifest)
        }
        do {
            let file = try FileDescriptor.open(
                beside, .readWrite, options: [.create, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                try? file.close()
                throw CarryingError("'\(beside)'", "another export writes there", remedy: "wait for it, or end it")
            }
            guard ftruncate(file.rawValue, off_t(kept?.end ?? 0)) == 0 else { throw Errno(rawValue: errno) }
            try file.seek(offset: 0, from: .end)
            return (file, kept?.count)
        } catch let error as Errno {
            throw CarryingError("cannot open", beside, error)
        }
    }

    /// The objects that stand whole at an archive's beginning, in the order that they are written in now.
    private func wholeBeginning(
        _ index: TarIndex, _ objects: [PathRegistration], _ manifest: inout MediumManifest
    ) throws -> (count: Int, end: Int)? {
        let medium = Medium(unsigned: .archive(index), ring: ring)
        let information = Medium.cacheInformationText
        guard index.order.first == Medium.cacheInformation,
            (try? medium.content(of: Medium.cacheInformation, limit: 4096)) == information
        else { return nil }
        manifest.files[Medium.cacheInformation] = .init(digest: .sha256(of: information), size: information.count)
        var kept = (count: 0, end: index.places[Medium.cacheInformation]?.paddedEnd ?? 0)
        var names = index.order.dropFirst()
        for registration in objects {
            let found: ObjectWriter.Files
            do {
                found = try medium.wholeFiles(of: registration, signedBy: key, settings) { _ in }
            } catch is MediumFault {
                break
            }
            let members = names.prefix(found.count)
            guard Set(members) == Set(found.keys), let last = members.last.flatMap({ index.places[$0] }) else { break }
            manifest.files.merge(found) { $1 }
            names = names.dropFirst(found.count)
            kept = (kept.count + 1, last.paddedEnd)
        }
        return kept
    }
}

extension Range<Int> {
    /// Where a member of these bytes ends in its archive.
    fileprivate var paddedEnd: Int { lowerBound + (count + Tar.blockSize - 1) / Tar.blockSize * Tar.blockSize }
}

/// Puts members into a file or a pipe, from where it stands on.
struct TarWriter {
    private let output: OutgoingBytes

    init(_ output: FileDescriptor, named name: String) { self.output = OutgoingBytes(output: output, name: name) }

    func append(_ member: Tar.Member) throws {
        do {
            try write(Tar.header(of: member))
        } catch let error as Tar.Malformed {
            throw CarryingError("'\(member.name)'", error.description, remedy: "give a smaller --largest-file")
        }
    }

    func append(_ bytes: [UInt8], named name: String) throws {
        let member = Tar.Member(name: name, size: bytes.count)
        try append(member)
        try write(bytes + [UInt8](repeating: 0, count: member.paddedSize - member.size))
    }

    func append(_ file: FileDescriptor, _ member: Tar.Member) throws {
        try append(member)
        var left = member.size
        while left > 0 {
            let piece = try [UInt8](unsafeUninitializedCapacity: min(left, 1 << 18)) { buffer, count in
                count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            guard !piece.isEmpty else { throw CarryingError("'\(member.name)'", "became shorter while it was read") }
            try write(piece)
            left -= piece.count
        }
        try write([UInt8](repeating: 0, count: member.paddedSize - member.size))
    }

    func write(_ bytes: [UInt8]) throws { try output.write(bytes) }
}
