import BootProtocols
import Foundation
import LinuxCalls
import Synchronization
import SystemPackage

/// The leases on disk, as one JSON file that is replaced whole: written beside, synced, renamed.
final class LeaseDatabase: Sendable {
    private let path: FilePath
    /// Held while writing; the number of requests already on disk.
    private let written = Mutex(0)
    private let requested = Mutex(0)

    init(path: FilePath) { self.path = path }

    /// What an earlier run left, or nil where there is nothing.
    /// - Throws: `NetbootServerError` for a file that cannot be read.
    func load() throws -> Leases? {
        guard FileManager.default.fileExists(atPath: path.string) else { return nil }
        do {
            return try JSONDecoder().decode(Leases.self, from: Data(contentsOf: URL(fileURLWithPath: path.string)))
        } catch {
            throw NetbootServerError(
                kind: .corrupt, subject: path.string, message: "not a lease database", cause: "\(error)",
                remedy: "remove it; nodes ask for their addresses anew")
        }
    }

    /// Puts the leases on disk; blocking. Requests that wait together share one write.
    func save(_ current: () -> Leases?) throws {
        let mine = requested.withLock { count in
            count += 1
            return count
        }
        try written.withLock { written in
            guard written < mine else { return }
            let covers = requested.withLock { $0 }
            guard let leases = current() else { return }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try replaceFile(at: path, with: Array(encoder.encode(leases)))
            written = covers
        }
    }
}
