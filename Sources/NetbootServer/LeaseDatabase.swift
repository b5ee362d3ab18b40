import BootProtocols
import Foundation
import Glibc
import LinuxCalls
import NIOPosix
import Synchronization
import SystemPackage

/// The leases on disk, as one JSON file that is replaced whole: written beside, synced, renamed.
///
/// Servers on other interfaces keep theirs in `leases….json` beside it, so that none takes another's away; each reads all,
/// since an interface may move from one server to the next.
public final class LeaseDatabase: Sendable {
    private let path: FilePath
    private let writing = Mutex(Writing())

    private struct Writing {
        var isRunning = false
        /// The last write failed: memory holds what the disk does not.
        var hasFailed = false
        var waiting: [@Sendable (Result<Void, any Error>) -> Void] = []
    }

    /// More clients than this wait for no disk; they ask again.
    static let mostWaiting = 8192

    private static let longestPause = Duration.milliseconds(100)

    public init(path: FilePath) { self.path = path }

    /// What earlier runs left, or nil where there is nothing; of one address, what the file says that was written last.
    /// - Throws: `NetbootServerError` for a file that cannot be read.
    public func load() throws -> RememberedLeases? {
        let files = try files()
        guard !files.isEmpty else { return nil }
        var byAddress: [IPv4Address: Leases.Lease] = [:]
        for file in files {
            for lease in try Self.load(file).leases { byAddress[lease.address] = byAddress[lease.address] ?? lease }
        }
        return RememberedLeases(byAddress.values.sorted { $0.address < $1.address })
    }

    /// What this file alone holds: nobody else would keep it.
    func own() throws -> [Leases.Lease] {
        let files = try files()
        guard files.contains(path) else { return [] }
        let others = Set(try files.filter { $0 != path }.flatMap { try Self.load($0).leases.map(\.address) })
        return try Self.load(path).leases.filter { !others.contains($0.address) }
    }

    /// This file and those beside it, the one written last first.
    private func files() throws -> [FilePath] {
        let folder = path.removingLastComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder.string)) ?? []
        return names.filter { $0.hasPrefix("leases") && $0.hasSuffix(".json") || $0 == path.lastComponent?.string }
            .map { folder.appending($0) }
            .map { file -> (file: FilePath, written: Int, part: Int) in
                var facts = stat()
                _ = stat(file.string, &facts)
                return (file, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec)
            }.sorted { ($0.written, $0.part) > ($1.written, $1.part) }.map(\.file)
    }

    private static func load(_ path: FilePath) throws -> RememberedLeases {
        do {
            return try JSONDecoder().decode(
                RememberedLeases.self, from: Data(contentsOf: URL(fileURLWithPath: path.string)))
        } catch {
            throw NetbootServerError(
                kind: .corrupt, subject: path.string, message: "not a lease database", cause: "\(error)",
                remedy: "remove it; nodes ask for their addresses anew")
        }
    }

    /// True while leases may be in memory that are not yet on disk.
    var isBehind: Bool { writing.withLock { $0.isRunning || $0.hasFailed } }

    /// Puts the leases on disk, on a thread of the pool, and then says how it went there.
    ///
    /// One write runs at a time; all who ask meanwhile share the next, so that a flood holds one thread.
    func save(
        _ current: @escaping @Sendable () -> RememberedLeases?, on pool: NIOThreadPool,
        then done: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        let admission = writing.withLock { writing -> (isFull: Bool, starts: Bool) in
            guard writing.waiting.count < Self.mostWaiting else { return (true, false) }
            writing.waiting.append(done)
            defer { writing.isRunning = true }
            return (false, !writing.isRunning)
        }
        if admission.isFull {
            done(
                .failure(NetbootServerError(subject: path.string, message: "too many clients wait for it")))
        }
        guard admission.starts else { return }
        pool.submit { [self] state in
            if case .active = state { writeAll(current) } else { writing.withLock { $0.waiting = [] } }
        }
    }

    private func writeAll(_ current: () -> RememberedLeases?) {
        while true {
            let waiting = writing.withLock { writing in
                defer { writing.waiting = [] }
                writing.isRunning = !writing.waiting.isEmpty
                return writing.waiting
            }
            if waiting.isEmpty { return }
            let start = ContinuousClock.now
            let result = Result { try write(current()) }
            let pause = min((ContinuousClock.now - start) * 2, Self.longestPause)
            writing.withLock {
                if case .failure = result { $0.hasFailed = true } else { $0.hasFailed = false }
            }
            for done in waiting { done(result) }
            // While thousands boot, each write is of all their leases: a third of one core is enough for that, and a client
            // waits for a second at least before it asks again.
            if writing.withLock({ !$0.waiting.isEmpty }) {
                usleep(UInt32(pause / .microseconds(1)))
            }
        }
    }

    private func write(_ leases: RememberedLeases?) throws {
        guard let leases else { return }
        try replaceFile(at: path, with: leases.json)
    }
}
