import FileFormats
import Glibc
import OpenSSL
import StoreModel
import SystemPackage

extension LocalStore {
    /// Takes an object that was made elsewhere: complete and checked, or not at all.
    ///
    /// `unpack` gives every step of the object's archive to the function it is handed, and throws unless the archive has the
    /// digest and size of `registration`. Its references must be valid. What it says of its content address is checked
    /// against what was unpacked. An object that is there already is left as it is.
    public func importObject(
        _ registration: PathRegistration, unpack: ((NAR.Event) throws -> Void) throws -> Void
    ) throws {
        let path = registration.path
        try protect([path])
        if try isValid(path), Files.exists(physicalPath(of: path)) { return }
        let scratch = try makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let tree = scratch.path.appending("object")
        do {
            var maker = try TreeMaker(tree)
            try unpack { try maker.write($0) }
        }
        try checkContent(of: tree, registration)
        var registration = registration
        registration.registrationTime = now()
        try install(tree, registration, realising: [])
    }

    /// What became of an object that nobody vouches for.
    public enum Unvouched: Sendable, Equatable {
        case taken
        /// It was here already.
        case there
        /// It refers to these, which are not here.
        case lacks(Set<StorePath>)
        /// Its path does not follow from its content.
        case unproved
    }

    /// Takes an object for which nobody vouches, where its path follows from its content; else nothing stays of it.
    ///
    /// - Parameter unpack: gives every step of the archive to the function it is handed, and then says what object it is.
    public func importUnvouched(
        by unpack: ((NAR.Event) throws -> Void) throws -> (path: StorePath, references: Set<StorePath>)
    ) throws -> (path: StorePath, outcome: Unvouched) {
        let scratch = try makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let tree = scratch.path.appending("object")
        let digest = SHA256()
        var archive = NAR.Writer { digest.update($0) }
        let (path, references): (StorePath, Set<StorePath>)
        do {
            var maker = try TreeMaker(tree)
            (path, references) = try unpack { event in
                try archive.write(event)
                try maker.write(event)
            }
            try archive.finish()
        }
        var registration = PathRegistration(
            path: path, narHash: Digest(finishing: digest), narSize: archive.offset, references: references,
            registrationTime: now())
        guard let content = try contentAddress(of: tree, registration) else { return (path, .unproved) }
        registration.contentAddress = content
        try protect(references.union([path]))
        if try isValid(path), Files.exists(physicalPath(of: path)) { return (path, .there) }
        let lacking = references.subtracting([path]).subtracting(try validPaths(among: references))
        guard lacking.isEmpty else { return (path, .lacks(lacking)) }
        try install(tree, registration, realising: [])
        return (path, .taken)
    }

    /// The content address, by SHA-256, from which the stated path of a tree follows; nil where none does.
    private func contentAddress(of tree: FilePath, _ registration: PathRegistration) throws -> ContentAddress? {
        let isSelfReferring = registration.references.contains(registration.path)
        var possible = [
            ContentAddress.fixed(
                .recursive, isSelfReferring ? try blankedDigest(of: tree, registration.path) : registration.narHash)
        ]
        let status = try Files.requiredStatus(tree)
        if status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 == 0 {
            let digest = try LocalStore.digest(ofFile: tree)
            possible += [.fixed(.flat, digest), .text(digest)]
        }
        return possible.first { content in
            var registration = registration
            registration.contentAddress = content
            return (try? registration.checkContentAddress()) != nil
        }
    }

    /// The digest of a tree's archive in which its own path counts as zeros.
    private func blankedDigest(of tree: FilePath, _ path: StorePath) throws -> Digest {
        let blanked = SelfReferenceHash()
        var archive = TreeArchive { blanked.update($0) }
        archive.scanner = ReferenceScanner(candidates: [], own: path.hashPart)
        archive.onSelfReference = { blanked.blank(at: $0) }
        try archive.write(tree)
        return blanked.finalize()
    }

    /// Throws where a stated content address is not that of the tree.
    private func checkContent(of tree: FilePath, _ registration: PathRegistration) throws {
        guard let content = registration.contentAddress else { return }
        try registration.checkContentAddress()
        let found: Digest
        switch content {
        case .text(let digest), .fixed(.flat, let digest):
            let status = try Files.requiredStatus(tree)
            guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 == 0 else {
                throw LocalStoreError(
                    "'\(registration.path)'", "is addressed as a plain file (\(content)), and is none", kind: .corrupt)
            }
            found = try LocalStore.digest(ofFile: tree, digest.algorithm)
        case .fixed(.recursive, let digest) where registration.references.contains(registration.path):
            guard digest.algorithm == .sha256 else { return }
            found = try blankedDigest(of: tree, registration.path)
        case .fixed(.recursive, let digest) where digest.algorithm == .sha256: found = registration.narHash
        case .fixed(.recursive, let digest):
            let hash = MessageDigest(digest.algorithm)
            var archive = TreeArchive { hash.update($0) }
            try archive.write(tree)
            found = try Digest(digest.algorithm, hash.finalize())
        }
        guard found == content.digest else {
            throw LocalStoreError(
                "'\(registration.path)'",
                "has content digest \(found), expected \(content.digest) by its content address",
                kind: .corrupt)
        }
    }
}
