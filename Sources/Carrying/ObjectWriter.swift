import Compression
import Glibc
import LinuxCalls
import LocalStore
import MediumModel
import OpenSSL
import StoreModel
import SystemPackage

/// Puts one object on a medium: its archive, compressed, in one file or in parts, what is claimed of it, and its narinfo.
struct ObjectWriter {
    let store: LocalStore
    let folder: FilePath
    let key: SigningKey
    let settings: ExportSettings
    /// Whether files are only passed on from here: then nothing waits until they are on the disk.
    var isScratch = false

    /// What it has written, by name.
    typealias Files = [String: MediumManifest.File]

    /// Writes the archive beside, syncs it, gives it its name, and only then writes the narinfo that names it.
    ///
    /// The archive is hashed on the way: an object that is not what was registered throws, and nothing stays of it.
    ///
    /// - Parameter room: bytes that the archive may have at most; a larger one, or one that finds the disk full before, throws
    ///   `VolumeFull`. Nil where a full disk is an error.
    func write(
        _ registration: PathRegistration, workers: Int, room: Int? = nil, onBytes: @escaping (Int) -> Void
    ) throws -> Files {
        let hashPart = registration.path.hashPart
        let output = PartedOutput(
            folder.appending(Medium.archives), temporaryName: hashPart, limit: settings.largestFile,
            room: room, syncs: !isScratch)
        do {
            let compressor = try Compressor(level: settings.level, workers: workers, size: registration.narSize)
            try store.writeWhole(registration) { bytes in
                try compressor.write(bytes) { try output.write($0) }
                onBytes(bytes.count)
            }
            try compressor.finish { try output.write($0) }
        } catch {
            output.discard()
            throw error
        }
        let whole = try output.end()
        let url = "\(Medium.archives)/\(whole.digest.nix32).nar.zst"
        var files: Files = [:]
        for (index, part) in whole.parts.enumerated() {
            let name = whole.parts.count == 1 ? url : Medium.part(index + 1, of: url)
            let path = folder.pushing(FilePath(name))
            guard rename(part.path.string, path.string) == 0 else {
                throw CarryingError("cannot name", path, Errno(rawValue: errno))
            }
            files[name] = MediumManifest.File(digest: part.digest, size: part.size)
        }
        var registration = registration
        if !registration.signatures.contains(where: { key.publicKey.isValid($0, of: registration.fingerprint) }) {
            registration.signatures.append(try key.sign(registration.fingerprint))
        }
        let info = NARInfo(
            registration: registration, url: url, compression: CompressionFormat.zstd.rawValue, fileHash: whole.digest,
            fileSize: whole.size)
        let text = Array(info.text.utf8)
        for entry in settings.claims[registration.path] ?? [] {
            let name = BuildTraceEntry.fileName(of: entry.realisation.derivation)
            let path = folder.pushing(FilePath(name))
            let parent = path.removingLastComponent()
            for folder in [parent.removingLastComponent(), parent] { try MediumFiles.makeFolder(folder) }
            files[name] = try write(entry.content(), to: path)
        }
        let name = "\(hashPart).narinfo"
        files[name] = try write(text, to: folder.appending(name))
        return files
    }

    private func write(_ text: [UInt8], to path: FilePath) throws -> MediumManifest.File {
        if isScratch {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite])
            _ = try file.closeAfter { try file.writeAll(text) }
        } else {
            try MediumFiles.replace(path, with: text)
        }
        return MediumManifest.File(digest: .sha256(of: text), size: text.count)
    }
}

/// A file that is written in parts of at most so many bytes, each synced; names come at the end.
private final class PartedOutput {
    struct Part {
        var path: FilePath
        var size: Int
        var digest: Digest
    }

    private let folder: FilePath
    private let temporaryName: String
    private let limit: Int
    private let room: Int?
    private let syncs: Bool
    private var parts: [Part] = []
    private var current: (path: FilePath, file: FileDescriptor)?
    private var partSize = 0
    private var size = 0
    private let partDigest = SHA256()
    private let wholeDigest = SHA256()

    init(_ folder: FilePath, temporaryName: String, limit: Int, room: Int?, syncs: Bool) {
        self.syncs = syncs
        self.room = room
        self.folder = folder
        self.temporaryName = temporaryName
        self.limit = limit
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let room, size + bytes.count > room { throw VolumeFull() }
        var rest = bytes
        while !rest.isEmpty {
            if partSize == limit { try endPart() }
            let file = try current ?? open()
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(limit - partSize))
            do {
                try file.file.writeAll(piece)
            } catch Errno.noSpace where room != nil {
                throw VolumeFull()
            } catch {
                throw CarryingError("cannot write to", file.path, error)
            }
            partDigest.update(piece)
            wholeDigest.update(piece)
            partSize += piece.count
            size += piece.count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
        }
    }

    func end() throws -> (parts: [Part], size: Int, digest: Digest) {
        do {
            try endPart()
        } catch {
            discard()
            throw error
        }
        return (parts, size, Digest(finishing: wholeDigest))
    }

    /// Removes all that was written.
    func discard() {
        if let current {
            try? current.file.close()
            unlink(current.path.string)
        }
        for part in parts { unlink(part.path.string) }
    }

    private func open() throws -> (path: FilePath, file: FileDescriptor) {
        let path = folder.appending("\(temporaryName).\(parts.count + 1)\(Medium.unfinished)")
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            current = (path, file)
            return (path, file)
        } catch {
            throw CarryingError("cannot make", path, error)
        }
    }

    private func endPart() throws {
        guard let part = current else { return }
        guard !syncs || fsync(part.file.rawValue) == 0 else {
            throw CarryingError("cannot sync", part.path, Errno(rawValue: errno))
        }
        try? part.file.close()
        current = nil
        parts.append(Part(path: part.path, size: partSize, digest: Digest(finishing: partDigest)))
        partSize = 0
    }
}
