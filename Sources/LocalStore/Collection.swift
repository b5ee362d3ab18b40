import GRDB
import Glibc
import StoreModel
import SystemPackage

/// What a collection did, or would do.
public struct CollectionReport: Sendable, Equatable {
    /// Objects no root needs, sorted.
    public var objects: [StorePath] = []
    /// Things in the store's directory that were never registered: left by processes that died.
    public var leftovers: [String] = []
    /// Work directories of processes that died.
    public var abandoned: [FilePath] = []
    /// Bytes that their blocks take.
    public var bytes = 0
    /// What could not be deleted, and why: files of other owners.
    public var remaining: [FilePath: String] = [:]

    public init() {}
}

extension LocalStore {
    /// Deletes every object that no root, no process at work and nothing in `keeping` needs.
    ///
    /// `ignoringRoots` keep nothing: with `dryRun`, what a collection would do after they were removed.
    /// Waits for others who are just adding, and holds them off while it decides; the deleting itself holds nobody off.
    /// What this user may not remove, such as what a build made under subordinate owners, is named in the report.
    public func collectGarbage(
        dryRun: Bool = false, keeping: Set<StorePath> = [], ignoringRoots: Set<String> = []
    ) throws -> CollectionReport {
        var report = CollectionReport()
        let abandoned: [Abandoned]
        let grave: Scratch
        do {
            let lock = try FileLock.wait(.exclusive, directory.collectionLock)
            defer { lock.release() }
            let kept = try roots().filter { !ignoringRoots.contains($0.key) }.values
            let live = keeping.union(kept).union(try TemporaryRoots.all(in: directory.temporary))
            let dead = try deadObjects(live: live)
            report.objects = dead.sorted()
            let valid = try allValidPaths()
            // What a process has under way outside the lock is in tmp/, never here, so whatever is unregistered is dead.
            report.leftovers = try Files.names(in: directory.store).map(\.string).filter {
                (try? StorePath(baseName: $0)).map { !valid.contains($0) } ?? true
            }
            abandoned = try abandonedWork()
            report.abandoned = abandoned.map(\.path)
            if dryRun {
                for name in report.objects.map(\.baseName) + report.leftovers {
                    report.bytes += try Files.diskUsage(directory.store.appending(name))
                }
                for path in report.abandoned { report.bytes += (try? Files.diskUsage(path)) ?? 0 }
                return report
            }
            // On a full disk this room is what the records need to forget anything.
            try Files.remove(directory.reserve)
            try forget(dead)
            grave = try Scratch(in: directory.temporary)
            for name in report.objects.map(\.baseName) + report.leftovers {
                let path = directory.store.appending(name)
                if Files.exists(path) { try LocalStore.move(path, to: grave.path.appending(name)) }
            }
        }
        remove(grave.path, &report)
        for work in abandoned { remove(work.path, &report) }
        withExtendedLifetime((grave, abandoned)) {}
        directory.makeReserve()
        return report
    }

    /// Removes what processes that died left under way, for the start of a build: the collection's cheap part.
    public func sweepAbandonedWork() throws -> CollectionReport {
        var report = CollectionReport()
        let lock = try FileLock.wait(.exclusive, directory.collectionLock)
        defer { lock.release() }
        let abandoned = try abandonedWork()
        report.abandoned = abandoned.map(\.path)
        for work in abandoned { remove(work.path, &report) }
        withExtendedLifetime(abandoned) {}
        return report
    }

    private func remove(_ path: FilePath, _ report: inout CollectionReport) {
        do {
            report.bytes += try Files.remove(path)
            try Files.remove(Scratch.lockFile(of: path))
        } catch {
            report.remaining[path] = "\(error)"
        }
    }

    private func deadObjects(live: Set<StorePath>) throws -> Set<StorePath> {
        let list = Records.list(live)
        return try read { database in
            Set(
                try String.fetchAll(
                    database,
                    sql: """
                        WITH RECURSIVE reached (id) AS (
                            SELECT id FROM object WHERE path IN (SELECT value FROM json_each(?))
                            UNION SELECT reference FROM reference JOIN reached ON referrer = reached.id)
                        SELECT path FROM object WHERE id NOT IN (SELECT id FROM reached)
                        """, arguments: [list]
                ).map { try StorePath(baseName: $0) })
        }
    }

    /// Removes registrations in one transaction; the tables refuse to forget what a remaining one refers to.
    func forget(_ dead: Set<StorePath>) throws {
        guard !dead.isEmpty else { return }
        let list = Records.list(dead)
        try write { database in
            try database.execute(
                sql: """
                    DELETE FROM reference WHERE referrer IN
                        (SELECT id FROM object WHERE path IN (SELECT value FROM json_each(?)))
                    """, arguments: [list])
            try database.execute(
                sql: "DELETE FROM object WHERE path IN (SELECT value FROM json_each(?))", arguments: [list])
        }
    }

    /// A work directory of a process that died; its lock is now ours, so that no other collection takes it too.
    private struct Abandoned {
        let path: FilePath
        let lock: FileLock
    }

    /// Work directories whose lock nobody holds; lock files without one are removed at once.
    private func abandonedWork() throws -> [Abandoned] {
        var abandoned: [Abandoned] = []
        for name in try Files.names(in: directory.temporary) {
            let path = directory.temporary.appending(name)
            if name.string.hasPrefix("root-") {
                // A root's link before its renaming: whoever made it held the collection lock.
                try Files.remove(path)
            } else if name.string.hasPrefix(Scratch.prefix) {
                let isLock = name.string.hasSuffix(".lock")
                if isLock, Files.exists(FilePath(String(path.string.dropLast(5)))) { continue }
                guard let lock = try FileLock.take(isLock ? path : Scratch.lockFile(of: path)) else { continue }
                if isLock {
                    try Files.remove(path)
                } else {
                    abandoned.append(Abandoned(path: path, lock: lock))
                }
            }
        }
        return abandoned
    }
}
