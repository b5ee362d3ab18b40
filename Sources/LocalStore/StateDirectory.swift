import StoreModel
import SystemPackage

/// Where everything Bootferry keeps lies: the store's objects, its records, roots and what is under way.
///
///     store/        objects, named as in /nix/store
///     db/           the records (SQLite)
///     roots/        symbolic links NAME -> /nix/store/HASH-NAME that keep objects from collection
///     tmp/          what is under way; a lock beside each tells the living from the dead
///     locks/        the collection lock and the objects' locks
///     generations/  images a site may boot (the publisher's)
///     log/          build logs (the builder's)
///     keys/         keys that sign what is carried by hand, and those that are trusted
///     netboot/      all that a boot server writes: boot records, lent addresses, machines seen
///     site-secret   what nodes keep across boots is derived from it; whoever serves reads it, and never gives it away
public struct StateDirectory: Sendable, Hashable {
    /// Its root.
    public let path: FilePath

    public init(_ path: FilePath) { self.path = path }

    /// The directory to use: the one named, else `BOOTFERRY_STATE_DIR`, else `XDG_STATE_HOME/bootferry`, else
    /// `~/.local/state/bootferry`; a relative one counts from `currentDirectory`.
    public static func chosen(
        explicit: String?, environment: [String: String], currentDirectory: FilePath
    ) throws(LocalStoreError) -> StateDirectory {
        func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        let text: String
        if let named = explicit ?? value("BOOTFERRY_STATE_DIR") {
            text = named
        } else if let state = value("XDG_STATE_HOME"), state.hasPrefix("/") {
            text = "\(state)/bootferry"
        } else if let home = value("HOME") {
            text = "\(home)/.local/state/bootferry"
        } else {
            throw LocalStoreError(
                "state directory", "neither BOOTFERRY_STATE_DIR, XDG_STATE_HOME nor HOME is set", kind: .usage,
                remedy: "name one with '--state-dir'")
        }
        guard !text.isEmpty else { throw LocalStoreError("state directory", "its name is empty", kind: .usage) }
        return StateDirectory(currentDirectory.pushing(FilePath(text)).lexicallyNormalized())
    }

    public var store: FilePath { path.appending("store") }
    public var database: FilePath { path.appending("db") }
    public var roots: FilePath { path.appending("roots") }
    public var temporary: FilePath { path.appending("tmp") }
    public var locks: FilePath { path.appending("locks") }
    public var generations: FilePath { path.appending("generations") }
    public var log: FilePath { path.appending("log") }
    public var netboot: FilePath { path.appending("netboot") }
    /// Addresses that the boot server of some interfaces has lent, in a file of its own; `LeaseDatabase` reads all of them.
    public func leases(of interfaces: String = "") -> FilePath {
        let name = interfaces.map { $0 == "/" ? "_" : "\($0)" }.joined()
        return netboot.appending(interfaces.isEmpty ? "leases.json" : "leases-\(name).json")
    }
    /// Machines that have asked the boot server for something.
    public var sightings: FilePath { netboot.appending("seen.json") }
    /// What all that nodes keep across boots is derived from.
    public var siteSecret: FilePath { path.appending("site-secret") }

    /// Held shared while objects and roots are being added, alone while they are collected.
    var collectionLock: FilePath { locks.appending("collection") }
    /// One byte of it is locked for each object being added.
    var objectLocks: FilePath { locks.appending("objects") }

    /// Room that a collection gives back first, so that one can run on a full disk.
    var reserve: FilePath { database.appending("reserve") }

    /// A disk without room for it simply has none.
    func makeReserve() {
        if Files.exists(reserve) { return }
        if (try? Files.write([UInt8](repeating: 0, count: 1 << 20), to: reserve)) == nil {
            _ = try? Files.remove(reserve)
        }
    }

    func create() throws(LocalStoreError) {
        if Files.exists(log) { return }
        try Files.createDirectories(path)
        for directory in [store, database, roots, temporary, locks, generations, log] {
            try Files.createDirectories(directory)
        }
        makeReserve()
    }
}
