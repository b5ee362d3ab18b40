import BootPolicy
import Foundation
import Glibc
import LinuxCalls
import Logging
import NIOPosix
import Synchronization
import SystemPackage

/// The boot records on disk: one JSON line each, appended as things happen and synced right after, in numbered files of
/// bounded size. A killed server loses nothing that was written; a pulled plug, what was not yet synced.
///
/// A new file begins with all that must outlive the older ones, so old files are simply removed.
final class BootLog: Sendable {
    private struct State {
        var file: FileDescriptor
        var number: Int
        var size: Int
        /// Bytes that the file began with.
        var carriedSize = 0
        /// The last line in the file may not be whole.
        var isTorn = false
        var waiting: [BootRecord] = []
        /// To be called when what was appended before is on disk, or lost.
        var listeners: [@Sendable () -> Void] = []
        var isRunning = false
        var hasFailed = false
        /// Records that are not on disk and never will be.
        var lost = 0
    }

    let directory: FilePath
    private let lock: FileDescriptor
    private let state: Mutex<State>
    /// Held while records are written, so that they stay in order.
    private let writer = Mutex(())
    private let pool: NIOThreadPool
    private let logger: Logger
    private let largestFile: Int
    private let mostFiles: Int
    /// Called with a new file's number, for what it must begin with.
    private let carried: @Sendable () -> [BootRecord]

    /// More records than this wait for no disk: a flood, or a disk that has stopped.
    static let mostWaiting = 65_536

    /// Opens the log for appending.
    ///
    /// - Parameter carried: what a new file begins with.
    /// - Throws: `NetbootServerError` where the directory cannot be used, or another server writes there.
    init(
        _ directory: FilePath, pool: NIOThreadPool, logger: Logger, largestFile: Int = 4 << 20, mostFiles: Int = 8,
        carried: @escaping @Sendable () -> [BootRecord]
    ) throws {
        self.directory = directory
        self.pool = pool
        self.logger = logger
        self.largestFile = largestFile
        self.mostFiles = mostFiles
        self.carried = carried
        do {
            try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
            lock = try FileDescriptor.open(
                directory.appending("lock"), .writeOnly, options: [.create, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch {
            throw NetbootServerError(
                subject: directory.string, message: "boot records cannot be kept there", cause: "\(error)")
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try? lock.close()
            throw NetbootServerError(
                subject: directory.string, message: "another boot server keeps its records there",
                remedy: "stop it, or give this one another --state-dir")
        }
        do {
            let number = try BootLogFiles.numbers(in: directory).last ?? 1
            let file = try Self.open(directory, number)
            let size = Int(try file.seek(offset: 0, from: .end))
            state = Mutex(State(file: file, number: number, size: size, isTorn: size > 0))
        } catch {
            try? lock.close()
            throw NetbootServerError(
                subject: directory.string, message: "boot records cannot be kept there", cause: "\(error)")
        }
    }

    private static func open(_ directory: FilePath, _ number: Int) throws -> FileDescriptor {
        try FileDescriptor.open(
            directory.appending(BootLogFiles.name(number)), .readWrite, options: [.create, .append, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }

    /// How many records were lost since the log was opened.
    var lost: Int { state.withLock { $0.lost } }

    /// Appends records, on a thread of the pool; returns at once.
    func append(_ records: [BootRecord]) {
        guard !records.isEmpty else { return }
        let starts = state.withLock { state in
            guard state.waiting.count < Self.mostWaiting else {
                state.lost += records.count
                return false
            }
            state.waiting += records
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard starts else { return }
        pool.submit { [self] state in if case .active = state { writeAll() } }
    }

    /// Calls `body`, soon and from any thread, when all that has been appended is on disk, or lost.
    func whenKept(_ body: @escaping @Sendable () -> Void) {
        let isIdle = state.withLock { state in
            if state.isRunning { state.listeners.append(body) }
            return !state.isRunning
        }
        if isIdle { body() }
    }

    /// Writes what still waits, and closes; nothing may be appended afterwards.
    func close() {
        writeAll()
        state.withLock { try? $0.file.close() }
        try? lock.close()
    }

    /// Writes until nothing waits.
    private func writeAll() { writer.withLock { _ in writeWaiting() } }

    private func writeWaiting() {
        while true {
            let (records, listeners) = state.withLock { state in
                defer { (state.waiting, state.listeners) = ([], []) }
                state.isRunning = !state.waiting.isEmpty
                return (state.waiting, state.listeners)
            }
            defer { for listener in listeners { listener() } }
            if records.isEmpty { return }
            do {
                try write(records)
                state.withLock { $0.hasFailed = false }
            } catch {
                // Nodes boot all the same: a full disk costs the records, not the boots.
                let isFirst = state.withLock { state in
                    defer { state.hasFailed = true }
                    state.lost += records.count
                    return !state.hasFailed
                }
                if isFirst {
                    logger.error("boot records are lost", metadata: ["in": "\(directory)", "error": "\(error)"])
                }
            }
        }
    }

    private func write(_ records: [BootRecord]) throws {
        // What a file begins with is not its own, and where that is much, as much again is written before the next: with
        // thousands of boots under way, beginning files was half of what the log cost.
        if state.withLock({ $0.size - $0.carriedSize > max(largestFile, $0.carriedSize) }) { try rotate() }
        try put(records)
    }

    private func put(_ records: [BootRecord]) throws {
        var (file, isTorn) = state.withLock { ($0.file, $0.isTorn) }
        var bytes = try BootLogFiles.lines(records)
        if isTorn, try !BootLogFiles.endsWithLineFeed(file) { bytes.insert(UInt8(ascii: "\n"), at: 0) }
        isTorn = true
        state.withLock { $0.isTorn = true }
        _ = try file.writeAll(bytes)
        // Data alone: the size is part of it, times are not.
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        state.withLock { state in
            state.isTorn = false
            state.size += bytes.count
        }
    }

    /// Begins a new file; the old ones go only once it is on disk.
    private func rotate() throws {
        let number = state.withLock { $0.number } + 1
        let file = try Self.open(directory, number)
        do {
            let bytes = try BootLogFiles.lines(carried())
            _ = try file.writeAll(bytes)
            guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            try syncDirectory(directory)
            state.withLock { state in
                try? state.file.close()
                state.file = file
                state.number = number
                state.size = bytes.count
                state.carriedSize = bytes.count
                state.isTorn = false
            }
        } catch {
            try? file.close()
            try? FileManager.default.removeItem(atPath: directory.appending(BootLogFiles.name(number)).string)
            throw error
        }
        for old in try BootLogFiles.numbers(in: directory).dropLast(mostFiles) {
            try FileManager.default.removeItem(atPath: directory.appending(BootLogFiles.name(old)).string)
        }
    }
}
