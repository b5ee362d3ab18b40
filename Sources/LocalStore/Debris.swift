import GRDB
import Glibc
import StoreModel
import SystemPackage

/// Files that a store gathers beside its objects, and that nobody will ask for any more.
public struct Debris: Sendable, Equatable {
    /// Logs of derivations whose output is no longer known.
    public var logs = 0
    /// Downloads that were begun and never gone on with.
    public var downloads = 0
    /// Bytes that their blocks take.
    public var bytes = 0
}

extension StateDirectory {
    /// Downloads under way, by digest (the fetcher's).
    public var downloads: FilePath { path.appending("fetch") }
}

extension LocalStore {
    /// Deletes old debris; what is younger than `age` seconds stays, since somebody may still write or read it.
    public func sweepDebris(dryRun: Bool = false, age: Int = 86_400) throws -> Debris {
        var debris = Debris()
        let known = try read { database in
            Set(try String.fetchAll(database, sql: "SELECT derivation FROM realisation"))
        }
        func sweep(_ directory: FilePath, _ count: WritableKeyPath<Debris, Int>, where isDebris: (String) -> Bool)
            throws
        {
            guard Files.exists(directory) else { return }
            for name in try Files.names(in: directory) where isDebris(name.string) {
                let file = directory.appending(name)
                guard let status = try Files.status(file), status.st_mode & S_IFMT == S_IFREG,
                    Int(status.st_mtim.tv_sec) <= now() - age
                else { continue }
                debris.bytes += try dryRun ? Files.diskUsage(file) : Files.remove(file)
                debris[keyPath: count] += 1
            }
        }
        try sweep(directory.log, \.logs) { $0.hasSuffix(".log") && !known.contains(String($0.dropLast(4))) }
        // Whole ones too: a fetch that was killed between the last byte and the store left them.
        try sweep(directory.downloads, \.downloads) { _ in true }
        return debris
    }
}
