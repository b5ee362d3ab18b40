import CSQLite
import GRDB
import StoreModel
import Synchronization
import SystemPackage

/// The store on disk: objects under the state directory, and what is known of them.
///
/// Safe with several processes at once and after a kill at any moment: an object is complete and synced before it has its
/// name, and has its name before it is registered. Every call blocks; run them on threads that may.
public final class LocalStore: Sendable {
    /// Where it all lies.
    public let directory: StateDirectory
    let database: DatabaseQueue
    let temporaryRoots: Mutex<TemporaryRoots?>
    /// Seconds since 1970.
    let now: @Sendable () -> Int

    /// Opens the store, making it if it is not there; a few milliseconds when it is.
    ///
    /// `now` gives seconds since 1970, for registration times.
    public init(opening directory: StateDirectory, now: @escaping @Sendable () -> Int) throws {
        try directory.create()
        self.directory = directory
        self.now = now
        temporaryRoots = Mutex(nil)
        database = try Records.open(directory)
    }

    /// Where an object's bytes lie, whether it is valid or not.
    public func physicalPath(of path: StorePath) -> FilePath { directory.store.appending(path.baseName) }

    /// The physical path of a logical one, `/nix/store/X/y`; throws for any other.
    public func physicalPath(ofLogical text: String) throws -> FilePath {
        let (path, below) = try StorePath.split(text)
        return below.isEmpty ? physicalPath(of: path) : physicalPath(of: path).appending(below)
    }
}

/// The database of the store: its tables, and how it is opened.
enum Records {
    /// Raised with every change of the tables.
    private static let version = 1

    private static let schema = """
        CREATE TABLE object (
            id INTEGER PRIMARY KEY,
            path TEXT UNIQUE NOT NULL,
            narHash TEXT NOT NULL,
            narSize INTEGER NOT NULL,
            deriver TEXT,
            contentAddress TEXT,
            registrationTime INTEGER NOT NULL,
            signatures TEXT NOT NULL
        ) STRICT;
        CREATE TABLE reference (
            referrer INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE,
            reference INTEGER NOT NULL REFERENCES object (id) ON DELETE RESTRICT,
            PRIMARY KEY (referrer, reference)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX referenceByReference ON reference (reference);
        CREATE TRIGGER forgetSelfReference BEFORE DELETE ON object BEGIN
            DELETE FROM reference WHERE referrer = OLD.id AND reference = OLD.id;
        END;
        CREATE TABLE realisation (
            derivation TEXT PRIMARY KEY,
            output INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX realisationByOutput ON realisation (output);
        PRAGMA user_version = \(version);
        """

    static func open(_ directory: StateDirectory) throws -> DatabaseQueue {
        let file = directory.database.appending("store.sqlite")
        var configuration = Configuration()
        configuration.busyMode = .timeout(120)
        configuration.prepareDatabase { database in
            // A registered object must outlive a pulled plug: FULL syncs the log at each commit.
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // The log is moved into the database by the commit that makes it longer than this many pages, never by the
            // last process to end: that cost each build two syncs, and the pages of several builds. It is short because
            // the next process reads it whole.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 128")
            guard bf_sqlite_keep_log_at_close(UnsafeMutableRawPointer(database.sqliteConnection)) == 0 else {
                throw DatabaseError(message: "SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE was refused")
            }
        }
        do {
            if !Files.exists(file) { return try create(file, configuration, directory) }
            let queue = try DatabaseQueue(path: file.string, configuration: configuration)
            let found = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
            if found == version { return queue }
            guard found < version else {
                throw LocalStoreError(
                    "'\(file)'", "was made by a newer bootferry: version \(found), known up to \(version)", kind: .host,
                    remedy: "use the newer program, or another state directory")
            }
            return try create(file, configuration, directory)
        } catch let error as DatabaseError {
            throw LocalStoreError(error, directory)
        }
    }

    /// Several processes may come here at once: changing to WAL does not wait for another who does the same.
    private static func create(
        _ file: FilePath, _ configuration: Configuration, _ directory: StateDirectory
    ) throws -> DatabaseQueue {
        let lock = try FileLock.wait(.exclusive, directory.locks.appending("database"))
        let queue = try DatabaseQueue(path: file.string, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
            try database.inTransaction(.immediate) {
                if try Int.fetchOne(database, sql: "PRAGMA user_version") == 0 { try database.execute(sql: schema) }
                return .commit
            }
        }
        try Files.sync(directory.database)
        lock.release()
        return queue
    }

    /// A JSON list for `json_each`, which takes any number of paths in one statement; their characters need no escape.
    static func list(_ paths: some Sequence<StorePath>) -> String {
        var text = "["
        for path in paths {
            if text.utf8.count > 1 { text += "," }
            text += "\"\(path.baseName)\""
        }
        return text + "]"
    }
}

extension LocalStore {
    /// Reads the records, in one consistent view.
    func read<T>(_ body: (Database) throws -> T) throws -> T {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw LocalStoreError(error, directory)
        }
    }

    /// Changes the records in one transaction, synced when this returns.
    func write<T>(_ body: (Database) throws -> T) throws -> T {
        do {
            return try database.write(body)
        } catch let error as DatabaseError {
            throw LocalStoreError(error, directory)
        }
    }
}

extension LocalStoreError {
    fileprivate init(_ error: DatabaseError, _ directory: StateDirectory) {
        self.init("'\(directory.database)'", "the store's records cannot be used", cause: error.description)
        switch error.resultCode {
        case .SQLITE_FULL:
            self = LocalStoreError("cannot write the store's records in", directory.database, .noSpace)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            kind = .corrupt
            remedy = "move the state directory away and build again; objects without records are worth nothing"
        case .SQLITE_BUSY:
            kind = .host
            message = "another process has held the store's records for too long"
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: kind = .host
        default: break
        }
    }
}
