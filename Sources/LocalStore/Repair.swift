import GRDB
import OpenSSL
import StoreModel
import SystemPackage

extension StoreFault {
    /// The object that is not what it was registered as; nil for faults of another kind.
    public var object: StorePath? {
        switch self {
        case .missing(let path), .altered(let path, _, _), .unreadable(let path, _), .metadata(let path, _, _),
            .misnamed(let path, _):
            path
        case .unregistered, .danglingRoot, .records: nil
        }
    }
}

extension LocalStore {
    /// Gives an object the modes and times that objects have.
    ///
    /// - Returns: whether it is whole then; its content may be damaged besides.
    public func mendMetadata(of path: StorePath) throws -> Bool {
        guard let registration = try registration(of: path), Files.exists(physicalPath(of: path)) else { return false }
        let digest = SHA256()
        var archive = TreeArchive { digest.update($0) }
        archive.metadata = .canonicalise
        try archive.write(physicalPath(of: path))
        return Digest(finishing: digest) == registration.narHash
    }

    /// Takes damaged bytes out of the store and leaves the registrations, so that making the objects again mends them.
    ///
    /// A process killed in between leaves objects that are registered and missing, which `verify` names.
    public func setAside(_ damaged: some Sequence<StorePath>) throws {
        try protect(damaged)
        let grave = try makeScratch()
        defer { withExtendedLifetime(grave) {} }
        for path in damaged where Files.exists(physicalPath(of: path)) {
            try LocalStore.move(physicalPath(of: path), to: grave.path.appending(path.baseName))
        }
        try Files.sync(directory.store)
    }

    /// Unregisters objects and all that refer to them, so that the next build makes them again.
    ///
    /// - Returns: what was unregistered, `damaged` included.
    public func unregister(_ damaged: Set<StorePath>) throws -> Set<StorePath> {
        let lock = try FileLock.wait(.exclusive, directory.collectionLock)
        defer { lock.release() }
        let list = Records.list(damaged)
        let reached = try read { database in
            Set(
                try String.fetchAll(
                    database,
                    sql: """
                        WITH RECURSIVE reached (id) AS (
                            SELECT id FROM object WHERE path IN (SELECT value FROM json_each(?))
                            UNION SELECT referrer FROM reference JOIN reached ON reference = reached.id)
                        SELECT path FROM object WHERE id IN (SELECT id FROM reached)
                        """, arguments: [list]
                ).map { try StorePath(baseName: $0) })
        }
        try forget(reached)
        return reached
    }
}
