import GRDB
import StoreModel

extension LocalStore {
    /// Whether the object is registered, and so complete.
    public func isValid(_ path: StorePath) throws -> Bool {
        try read { try Records.id(of: path, $0) != nil }
    }

    /// Those of `paths` that are valid; one query, however many.
    public func validPaths(among paths: some Sequence<StorePath>) throws -> Set<StorePath> {
        let list = Records.list(paths)
        return try read { database in
            let found = try String.fetchCursor(
                database, sql: "SELECT path FROM object WHERE path IN (SELECT value FROM json_each(?))",
                arguments: [list])
            var valid: Set<StorePath> = []
            while let name = try found.next() { valid.insert(try StorePath(baseName: name)) }
            return valid
        }
    }

    /// Every registered object.
    public func allValidPaths() throws -> Set<StorePath> {
        try read { database in
            Set(try String.fetchAll(database, sql: "SELECT path FROM object").map { try StorePath(baseName: $0) })
        }
    }

    /// What is known of a valid object, or nil.
    public func registration(of path: StorePath) throws -> PathRegistration? {
        try read { try Records.registration(of: path, $0) }
    }

    /// What is known of the valid object whose path begins with these 32 characters, or nil.
    public func registration(ofHashPart hashPart: String) throws -> PathRegistration? {
        try read { database in
            // '.' follows '-': a range, which the index has.
            let statement = try database.cachedStatement(sql: "SELECT path FROM object WHERE path > ? AND path < ?")
            let name = try String.fetchOne(statement, arguments: ["\(hashPart)-", "\(hashPart)."])
            return try name.flatMap { try Records.registration(of: StorePath(baseName: $0), database) }
        }
    }

    /// Registers an object whose bytes are in place; its references must be valid. A second time changes nothing.
    ///
    /// For importers that have checked `narHash` themselves; builders use `addContentAddressed`.
    public func register(_ registration: PathRegistration) throws {
        try write { try Records.insert(registration, $0) }
    }

    /// The output of a derivation, if it is valid.
    public func realisation(of derivation: StorePath) throws -> StorePath? {
        try realisations(of: [derivation])[derivation]
    }

    /// The valid outputs of those derivations that have one; one query, however many.
    public func realisations(of derivations: some Sequence<StorePath>) throws -> [StorePath: StorePath] {
        let list = Records.list(derivations)
        return try read { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT derivation, path FROM realisation JOIN object ON object.id = output
                    WHERE derivation IN (SELECT value FROM json_each(?))
                    """, arguments: [list])
            var outputs: [StorePath: StorePath] = [:]
            while let row = try rows.next() {
                outputs[try StorePath(baseName: row[0])] = try StorePath(baseName: row[1])
            }
            return outputs
        }
    }

    /// What is known of how objects came to be: every derivation that made one of them, sorted by its path.
    public func realisations(making outputs: Set<StorePath>) throws -> [Realisation] {
        let list = Records.list(outputs)
        return try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT derivation, path FROM realisation JOIN object ON object.id = output
                    WHERE path IN (SELECT value FROM json_each(?)) ORDER BY derivation
                    """, arguments: [list]
            ).map { row in
                Realisation(derivation: try StorePath(baseName: row[0]), output: try StorePath(baseName: row[1]))
            }
        }
    }

    /// Records the outputs that derivations were found to have; each must be valid. A later one replaces an earlier.
    public func register(_ realisations: some Sequence<Realisation>) throws {
        try write { database in
            for realisation in realisations {
                try Records.insert([realisation.derivation], output: realisation.output, database)
            }
        }
    }

    /// The rows that some paths reach by references, themselves included; its argument is their JSON list.
    private static let reached = """
        WITH RECURSIVE reached (id) AS (
            SELECT id FROM object WHERE path IN (SELECT value FROM json_each(?))
            UNION SELECT reference FROM reference JOIN reached ON referrer = reached.id)
        """

    /// The paths that those of `roots` that are valid refer to, directly or not, and themselves.
    public func paths(reachedFrom roots: Set<StorePath>) throws -> Set<StorePath> {
        try read { database in
            let rows = try String.fetchCursor(
                database, sql: Self.reached + " SELECT path FROM object JOIN reached ON object.id = reached.id",
                arguments: [Records.list(roots)])
            var paths: Set<StorePath> = []
            while let name = try rows.next() { paths.insert(try StorePath(baseName: name)) }
            return paths
        }
    }

    /// The objects `roots` refer to, directly or not; throws if one is not valid.
    public func closure(of roots: Set<StorePath>) throws -> Closure {
        let list = Records.list(roots)
        let reached = Self.reached
        return try read { database in
            var references: [Int64: Set<StorePath>] = [:]
            let pairs = try Row.fetchCursor(
                database,
                sql: reached + """
                     SELECT referrer, path FROM reached JOIN reference ON referrer = reached.id
                    JOIN object ON object.id = reference
                    """, arguments: [list])
            while let pair = try pairs.next() {
                references[pair[0], default: []].insert(try StorePath(baseName: pair[1]))
            }
            var known: [StorePath: PathRegistration] = [:]
            let rows = try Row.fetchCursor(
                database, sql: reached + " SELECT object.* FROM reached JOIN object ON object.id = reached.id",
                arguments: [list])
            while let row = try rows.next() {
                let path = try StorePath(baseName: row["path"])
                known[path] = try Records.registration(row, path, references: references[row["id"]] ?? [])
            }
            return try Closure(of: roots) { known[$0] }
        }
    }
}

extension Records {
    static func id(of path: StorePath, _ database: Database) throws -> Int64? {
        try Int64.fetchOne(
            try database.cachedStatement(sql: "SELECT id FROM object WHERE path = ?"), arguments: [path.baseName])
    }

    static func registration(of path: StorePath, _ database: Database) throws -> PathRegistration? {
        let statement = try database.cachedStatement(sql: "SELECT * FROM object WHERE path = ?")
        guard let row = try Row.fetchOne(statement, arguments: [path.baseName]) else { return nil }
        let id: Int64 = row["id"]
        let references = try String.fetchAll(
            try database.cachedStatement(
                sql: "SELECT path FROM reference JOIN object ON object.id = reference WHERE referrer = ?"),
            arguments: [id])
        return try self.registration(row, path, references: Set(try references.map { try StorePath(baseName: $0) }))
    }

    static func registration(
        _ row: Row, _ path: StorePath, references: Set<StorePath>
    ) throws -> PathRegistration {
        let signatures: String = row["signatures"]
        return PathRegistration(
            path: path, narHash: try Digest(parsing: row["narHash"] as String), narSize: row["narSize"],
            references: references, deriver: try (row["deriver"] as String?).map { try StorePath(baseName: $0) },
            contentAddress: try (row["contentAddress"] as String?).map { try ContentAddress(parsing: $0) },
            registrationTime: row["registrationTime"],
            signatures: try signatures.split(separator: " ").map { try Signature(parsing: $0) })
    }

    static func insert(_ registration: PathRegistration, _ database: Database) throws {
        try registration.checkContentAddress()
        let path = registration.path
        guard try id(of: path, database) == nil else { return }
        try database.cachedStatement(
            sql: """
                INSERT INTO object (path, narHash, narSize, deriver, contentAddress, registrationTime, signatures)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            path.baseName, registration.narHash.prefixedNix32, registration.narSize, registration.deriver?.baseName,
            registration.contentAddress?.description, registration.registrationTime,
            registration.signatures.map(\.description).joined(separator: " "),
        ])
        let referrer = database.lastInsertedRowID
        // All at once: an image refers to some hundreds.
        try database.cachedStatement(
            sql: """
                INSERT INTO reference (referrer, reference)
                SELECT ?, id FROM object WHERE path IN (SELECT value FROM json_each(?))
                """
        ).execute(arguments: [referrer, list(registration.references)])
        guard database.changesCount != registration.references.count else { return }
        for reference in registration.references where try id(of: reference, database) == nil {
            throw LocalStoreError("'\(path)'", "refers to \(reference), which is not valid")
        }
    }

    static func insert(_ derivations: [StorePath], output: StorePath, _ database: Database) throws {
        guard !derivations.isEmpty else { return }
        guard let output = try id(of: output, database) else {
            throw LocalStoreError("'\(output)'", "is not valid, so no derivation can have it as its output")
        }
        let statement = try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO realisation (derivation, output) VALUES (?, ?)")
        for derivation in derivations { try statement.execute(arguments: [derivation.baseName, output]) }
    }
}
