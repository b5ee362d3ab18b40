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
            let blanked = SelfReferenceHash()
            var archive = TreeArchive { blanked.update($0) }
            archive.scanner = ReferenceScanner(candidates: [], own: registration.path.hashPart)
            archive.onSelfReference = { blanked.blank(at: $0) }
            try archive.write(tree)
            found = blanked.finalize()
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
