import Dispatch
import GRDB
import OpenSSL
import StoreModel
import Synchronization
import SystemPackage

/// Something wrong with the store.
public enum StoreFault: Sendable, Hashable {
    /// Registered, and nothing is there.
    case missing(StorePath)
    /// The content is not what was registered.
    case altered(StorePath, expected: Digest, found: Digest)
    /// It could not be read to its end.
    case unreadable(StorePath, reason: String)
    /// A mode or time that no object has; `file` is the path below the store.
    case metadata(StorePath, file: String, reason: String)
    /// The registered content address belongs to another path.
    case misnamed(StorePath, reason: String)
    /// In the store's directory and not registered; `gc` removes it.
    case unregistered(String)
    /// A root that names no valid object.
    case danglingRoot(String, StorePath)
    /// What SQLite says of its own file.
    case records(String)
}

extension StoreFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let path): "'\(path)': is registered and missing"
        case .altered(let path, let expected, let found): "'\(path)': has NAR digest \(found), expected \(expected)"
        case .unreadable(let path, let reason): "'\(path)': cannot be read: \(reason)"
        case .metadata(let path, let file, let reason): "'\(path)': '\(file)' \(reason)"
        case .misnamed(let path, let reason): "'\(path)': \(reason)"
        case .unregistered(let name): "'\(name)': is in the store and not registered"
        case .danglingRoot(let name, let path): "root '\(name)': names \(path), which is not registered"
        case .records(let reason): "the store's records: \(reason)"
        }
    }
}

extension LocalStore {
    /// Hashes every object again and names every fault; `progress` gets objects done and in all, from any thread.
    ///
    /// Runs on `width` threads. What comes or goes meanwhile is no fault.
    public func verify(
        width: Int, progress: @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) throws -> [StoreFault] {
        var faults = try recordFaults()
        let paths = try allValidPaths().sorted()
        let state = Mutex((next: 0, done: 0, faults: [StoreFault]()))
        DispatchQueue.concurrentPerform(iterations: max(1, width)) { _ in
            while true {
                let index = state.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard index < paths.count else { return }
                let found = self.faults(of: paths[index])
                let done = state.withLock { state in
                    state.faults += found
                    state.done += 1
                    return state.done
                }
                progress(done, paths.count)
            }
        }
        faults += state.withLock { $0.faults }
        let unregistered = try unregisteredNames()
        faults += unregistered.map { .unregistered($0) }
        for (name, path) in try roots() where try !isValid(path) { faults.append(.danglingRoot(name, path)) }
        return faults.sorted { $0.description < $1.description }
    }

    private func recordFaults() throws -> [StoreFault] {
        try read { database in
            let damage = try String.fetchAll(database, sql: "PRAGMA quick_check").filter { $0 != "ok" }
            if !damage.isEmpty { return damage.map { .records($0) } }
            return try String.fetchAll(
                database,
                sql: """
                    SELECT coalesce(object.path, '') || ' ' || reference FROM reference
                    LEFT JOIN object ON object.id = referrer
                    WHERE object.id IS NULL OR reference NOT IN (SELECT id FROM object)
                    """
            ).map { .records("a reference leads nowhere: '\($0)'") }
        }
    }

    private func faults(of path: StorePath) -> [StoreFault] {
        do {
            guard let registration = try registration(of: path) else { return [] }
            let physical = physicalPath(of: path)
            guard Files.exists(physical) else { return try isValid(path) ? [.missing(path)] : [] }
            let metadata = Mutex([StoreFault]())
            let digest = SHA256()
            var archive = TreeArchive { digest.update($0) }
            archive.metadata = .inspect { file, reason in
                let below = file.string.dropFirst(self.directory.store.string.utf8.count + 1)
                metadata.withLock { $0.append(.metadata(path, file: String(below), reason: reason)) }
            }
            try archive.write(physical)
            let found = Digest(finishing: digest)
            var faults = metadata.withLock { $0 }
            if found != registration.narHash {
                faults.append(.altered(path, expected: registration.narHash, found: found))
            }
            do {
                try registration.checkContentAddress()
            } catch {
                faults.append(.misnamed(path, reason: error.message))
            }
            return try faults.isEmpty || isValid(path) ? faults : []
        } catch {
            return (try? isValid(path)) == false ? [] : [.unreadable(path, reason: "\(error)")]
        }
    }

    /// Names in the store's directory that are not registered, when nobody is between naming and registering.
    private func unregisteredNames() throws -> [String] {
        let lock = try FileLock.wait(.exclusive, directory.collectionLock)
        defer { lock.release() }
        let valid = Set(try allValidPaths().map(\.baseName))
        return try Files.names(in: directory.store).map(\.string).filter { !valid.contains($0) }
    }
}
