import Dispatch
import Glibc
import OpenSSL
import StoreModel
import Synchronization
import SystemPackage

extension LocalStore {
    /// Moves a finished tree into the store under the path its content gives, and registers it.
    ///
    /// `temporary` must lie in the state directory (`makeScratch`); it is made canonical (modes 0444 and 0555, time 1, no
    /// set-id bits, no extended attributes) and gone afterwards, also when the object is already there. Of `candidates` and
    /// `furtherCandidates` (asked for only where something looks like one of them), those
    /// whose digest occurs in a file, link or name become references, besides `declared`, which are not looked for (what
    /// compressed files refer to). Where the builder was told a path of its own, `selfHashPart` is that path's digest:
    /// it is rewritten to the final one. `realising` are derivations to record as having this output.
    @discardableResult
    public func addContentAddressed(
        _ temporary: FilePath, name: String, candidates: Set<StorePath> = [],
        furtherCandidates: (() throws -> Set<StorePath>)? = nil, declared: Set<StorePath> = [],
        selfHashPart: String? = nil, deriver: StorePath? = nil, realising: [StorePath] = []
    ) throws -> StorePath {
        let digest = SelfReferenceHash()
        var archive = TreeArchive { digest.update($0) }
        archive.metadata = .canonicalise
        archive.onSelfReference = { digest.blank(at: $0) }
        archive.scanner = ReferenceScanner(
            candidates: candidates, furtherCandidates: furtherCandidates, own: selfHashPart)
        try archive.write(temporary)
        let references = declared.union(archive.scanner?.found ?? [])
        let content = ContentAddress.fixed(.recursive, digest.finalize())
        let refersToSelf = !archive.selfReferences.isEmpty
        let path = try content.path(name: name, references: references, referencesSelf: refersToSelf)

        var narHash = content.digest
        if refersToSelf {
            try SelfReferences.rewrite(archive.selfReferences, to: path)
            let final = SHA256()
            var again = TreeArchive { final.update($0) }
            again.metadata = .canonicalise
            try again.write(temporary)
            narHash = Digest(finishing: final)
        }
        let registration = PathRegistration(
            path: path, narHash: narHash, narSize: archive.count,
            references: refersToSelf ? references.union([path]) : references, deriver: deriver, contentAddress: content,
            registrationTime: now())
        try install(temporary, registration, realising: realising)
        return path
    }

    /// Moves a file of known digest into the store as a flat object; found different, it throws and stays where it is.
    ///
    /// `file` must lie in the state directory.
    @discardableResult
    public func addFlat(
        _ file: FilePath, name: String, digest expected: Digest, realising: [StorePath] = []
    ) throws -> StorePath {
        let status = try Files.requiredStatus(file)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LocalStoreError("'\(file)'", "is not a regular file, so it cannot be a flat object")
        }
        let found = try LocalStore.digest(ofFile: file, expected.algorithm)
        guard found == expected else {
            throw LocalStoreError(
                "'\(name)'", "has \(found.algorithm.rawValue) \(found.hex), expected \(expected.hex)", kind: .corrupt)
        }
        if status.st_mode & 0o111 != 0 { try Files.setMode(0o644, file) }
        let content = ContentAddress.fixed(.flat, expected)
        let path = try content.path(name: name)
        try installFile(file, path, content, realising: realising)
        return path
    }

    /// Adds a text with declared references, as `.drv` files are.
    @discardableResult
    public func addText(_ bytes: [UInt8], name: String, references: Set<StorePath> = []) throws -> StorePath {
        let content = ContentAddress.text(Digest.sha256(of: bytes))
        let path = try content.path(name: name, references: references)
        if try isValid(path) { return path }
        let scratch = try makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let file = scratch.path.appending("text")
        try Files.write(bytes, to: file)
        try installFile(file, path, content, references: references)
        return path
    }

    /// Makes a file canonical, hashes it as a NAR, and installs it.
    private func installFile(
        _ file: FilePath, _ path: StorePath, _ content: ContentAddress, references: Set<StorePath> = [],
        realising: [StorePath] = []
    ) throws {
        let narHash = SHA256()
        var archive = TreeArchive { narHash.update($0) }
        archive.metadata = .canonicalise
        try archive.write(file)
        try install(
            file,
            PathRegistration(
                path: path, narHash: Digest(finishing: narHash), narSize: archive.count, references: references,
                contentAddress: content, registrationTime: now()), realising: realising)
    }

    /// Gives a canonical tree its name and registers it, safe against others who add the same and against collection.
    func install(_ temporary: FilePath, _ registration: PathRegistration, realising: [StorePath]) throws {
        let path = registration.path
        let final = physicalPath(of: path)
        let lock = try FileLock.wait(for: path, directory.objectLocks)
        defer { lock.release() }
        let isThere = Files.exists(final)
        if try isThere && isValid(path) {
            try withCollectionHeldOff {
                // Between the question and the lock a collection may have taken it: then it is added after all.
                guard try isValid(path) else {
                    try sync(temporary)
                    return try place(temporary, at: final, registration, realising)
                }
                try addTemporaryRoots([path])
                try write { try Records.insert(realising, output: path, $0) }
                try Files.remove(temporary)
            }
        } else {
            // Outside the lock, since it may take long: what has its name must already be on the medium.
            try sync(temporary)
            try withCollectionHeldOff { try place(temporary, at: final, registration, realising) }
        }
    }

    /// Puts all of an object on the medium: file by file where there are few, since a file system's other writers
    /// may have much to write.
    private func sync(_ path: FilePath) throws {
        var parts: [FilePath] = []
        if try Files.gather(path, into: &parts, limit: 64) {
            // At once: the file system then commits its journal once or twice, and not for each.
            let failures = Mutex<[any Error]>([])
            DispatchQueue.concurrentPerform(iterations: parts.count) { [parts] index in
                do { try Files.sync(parts[index]) } catch { failures.withLock { $0.append(error) } }
            }
            if let failure = failures.withLock(\.first) { throw failure }
        } else {
            try Files.syncFileSystem(of: directory.store)
        }
    }

    private func place(
        _ temporary: FilePath, at final: FilePath, _ registration: PathRegistration, _ realising: [StorePath]
    ) throws {
        try addTemporaryRoots([registration.path])
        if Files.exists(final) {
            // Left by a process that died before it registered, or damaged and made again.
            let grave = try Scratch(in: directory.temporary)
            defer { withExtendedLifetime(grave) {} }
            try LocalStore.move(final, to: grave.path.appending("replaced"))
        }
        try LocalStore.move(temporary, to: final)
        do {
            try Files.sync(directory.store)
            try write { database in
                try Records.insert(registration, database)
                try Records.insert(realising, output: registration.path, database)
            }
        } catch {
            // A full disk may have room for the object and none for its record: then it has no name either.
            try? LocalStore.move(final, to: temporary)
            throw error
        }
    }

    /// Renames an object from or to the store. Only its owner's write permission lets a directory change its parent.
    static func move(_ from: FilePath, to: FilePath) throws {
        let status = try Files.requiredStatus(from)
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        if isDirectory, geteuid() != 0 { try Files.setMode(0o755, from) }
        try Files.rename(from, to: to)
        if isDirectory, geteuid() != 0 { try Files.setMode(0o555, to) }
    }

    /// The digest of a file's bytes, in pieces.
    public static func digest(ofFile path: FilePath, _ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
        let descriptor = try Files.open(path, .readOnly)
        defer { try? descriptor.close() }
        let digest = MessageDigest(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while case let count = try descriptor.read(into: buffer), count > 0 {
                digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch {
            throw LocalStoreError("cannot read", path, (error as? Errno) ?? .ioError)
        }
        return try Digest(algorithm, digest.finalize())
    }
}
