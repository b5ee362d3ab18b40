import BootPolicy
import Foundation
import Glibc
import SystemPackage

/// The files of a boot log, for reading: by the server when it starts, and by `bootferry boots` at any time.
public struct BootLogFiles: Sendable {
    /// A line that is no record: the torn end of a server that was killed, or damage.
    public struct Damage: Sendable, Equatable {
        public var file: FilePath
        /// Counts from 1.
        public var line: Int
        public var isLast: Bool
    }

    public let directory: FilePath

    public init(_ directory: FilePath) { self.directory = directory }

    /// Every log below a server's directory: one for each interface that was served alone.
    public static func all(below directory: FilePath) -> [BootLogFiles] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted().map { BootLogFiles(directory.appending($0)) }
    }

    static let prefix = "boots-"

    /// Whether a server that runs writes here.
    public var isInUse: Bool {
        guard let lock = try? FileDescriptor.open(directory.appending("lock"), .readOnly, options: .closeOnExec) else {
            return false
        }
        defer { try? lock.close() }
        return flock(lock.rawValue, LOCK_SH | LOCK_NB) != 0
    }

    /// Where the log of a server on one interface lies.
    public static func directory(below directory: FilePath, interface: String) -> FilePath {
        directory.appending(prefix + interface.map { $0 == "/" ? "_" : "\($0)" }.joined())
    }

    /// The generations of a system that were the last good one of some node, by the records below a server's directory.
    public static func goodGenerations(of system: String, below directory: FilePath) throws -> Set<Int> {
        var good: Set<Int> = []
        for log in all(below: directory) {
            var attempts = BootAttempts()
            for record in try log.records(ofNewest: 1).records { _ = attempts.replay(record) { _, _ in nil } }
            good.formUnion(attempts.lastGoodGenerations(of: system))
        }
        return good
    }

    /// What nodes have lived through, by the records below a server's directory.
    public static func attempts(below directory: FilePath) throws -> BootAttempts {
        var attempts = BootAttempts()
        for log in all(below: directory) {
            for record in try log.records(ofNewest: 1).records { _ = attempts.replay(record) { _, _ in nil } }
        }
        return attempts
    }

    static func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".jsonl"
    }

    /// The files' numbers, oldest first.
    static func numbers(in directory: FilePath) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: directory.string)
            .compactMap { $0.hasSuffix(".jsonl") ? Int($0.dropLast(6)) : nil }.sorted()
    }

    static func lines(_ records: [BootRecord]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return try records.reduce(into: []) { bytes, record in
            bytes += try encoder.encode(record)
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    static func endsWithLineFeed(_ file: FileDescriptor) throws -> Bool {
        let size = try file.seek(offset: 0, from: .end)
        guard size > 0 else { return true }
        var last: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &last) { try file.read(fromAbsoluteOffset: size - 1, into: $0) }
        return count == 1 && last == UInt8(ascii: "\n")
    }

    /// The records of the newest files, at most `files` of them, oldest record first.
    ///
    /// Lines that are no records are skipped, and told.
    /// - Throws: `NetbootServerError` for a file that cannot be read.
    public func records(ofNewest files: Int = .max) throws -> (records: [BootRecord], damage: [Damage]) {
        var (records, damage): ([BootRecord], [Damage]) = ([], [])
        for number in try numbers().suffix(files) {
            let file = try read(number)
            records += file.records
            damage += file.damage
        }
        return (records, damage)
    }

    /// The files' numbers, oldest first; none where there is no log.
    public func numbers() throws -> [Int] {
        guard FileManager.default.fileExists(atPath: directory.string) else { return [] }
        do {
            return try Self.numbers(in: directory)
        } catch {
            throw NetbootServerError(subject: directory.string, message: "cannot be read", cause: "\(error)")
        }
    }

    /// The records of one file from a byte on, and where the next read goes on: after the last whole line.
    public func read(_ number: Int, from offset: Int = 0) throws -> (
        records: [BootRecord], damage: [Damage], next: Int
    ) {
        let path = directory.appending(Self.name(number))
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path.string))
            defer { try? file.close() }
            try file.seek(toOffset: UInt64(offset))
            data = try file.readToEnd() ?? Data()
        } catch {
            throw NetbootServerError(subject: path.string, message: "cannot be read", cause: "\(error)")
        }
        let decoder = JSONDecoder()
        var (records, damage): ([BootRecord], [Damage]) = ([], [])
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            // Without its line feed the last line may be half a record that happens to read as one.
            let isLast = index == lines.count - 1
            if !isLast, let record = try? decoder.decode(BootRecord.self, from: line) {
                records.append(record)
            } else {
                damage.append(Damage(file: path, line: index + 1, isLast: isLast))
            }
        }
        return (records, damage, offset + data.count - (lines.last?.count ?? 0))
    }
}
