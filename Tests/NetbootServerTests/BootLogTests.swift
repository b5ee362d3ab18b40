import BootPolicy
import BootProtocols
import Foundation
import Logging
import NIOPosix
import Synchronization
import SystemPackage
import Testing

@testable import NetbootServer

@Suite struct BootLogTests {
    static let node = MACAddress("52:54:00:12:34:56")!

    static func began(_ number: Int) -> BootRecord {
        .began(boot: "b\(number)", node: node, system: "lab-node", generation: 1, at: Double(number))
    }

    /// A folder, and a pool to write on.
    static func withFolder(_ body: (FilePath, NIOThreadPool) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bootferry-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        try await body(FilePath(folder.path), pool)
        try await pool.shutdownGracefully()
    }

    static func open(
        _ directory: FilePath, _ pool: NIOThreadPool, largestFile: Int = 4 << 20, mostFiles: Int = 8,
        carried: @escaping @Sendable () -> [BootRecord] = { [] }
    ) throws -> BootLog {
        try BootLog(
            directory, pool: pool, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            largestFile: largestFile, mostFiles: mostFiles, carried: carried)
    }

    @Test func `what is appended is read again, in order, across restarts`() async throws {
        try await Self.withFolder { folder, pool in
            for run in 0..<3 {
                let log = try Self.open(folder, pool)
                for number in 0..<50 { log.append([Self.began(run * 50 + number)]) }
                log.close()
            }
            let (records, damage) = try BootLogFiles(folder).records()
            #expect(records == (0..<150).map(Self.began))
            #expect(damage.isEmpty)
        }
    }

    @Test func `a torn last line is skipped and told, and the next record stands alone`() async throws {
        try await Self.withFolder { folder, pool in
            for length in [1, 20, 60] {
                try? FileManager.default.removeItem(atPath: folder.string)
                var log = try Self.open(folder, pool)
                log.append([Self.began(1), Self.began(2)])
                log.close()
                let file = folder.appending("000001.jsonl").string
                let whole = try Data(contentsOf: URL(fileURLWithPath: file))
                try whole.dropLast(length).write(to: URL(fileURLWithPath: file))
                let torn = try BootLogFiles(folder).records()
                #expect(torn.records == [Self.began(1)])
                #expect(torn.damage.map(\.line) == [2] && torn.damage.first?.isLast == true)
                log = try Self.open(folder, pool)
                log.append([Self.began(3)])
                log.close()
                let records = try BootLogFiles(folder).records().records
                // Only its line feed was missing: the record itself is whole.
                #expect(records == (length == 1 ? [1, 2, 3] : [1, 3]).map(Self.began))
            }
        }
    }

    @Test func `the files are bounded, and each begins with what must outlive the others`() async throws {
        try await Self.withFolder { folder, pool in
            let history = BootRecord.history(NodeHistory(node: Self.node))
            let log = try Self.open(folder, pool, largestFile: 2000, mostFiles: 3) { [history] }
            for number in 0..<400 {
                log.append([Self.began(number)])
                if number % 10 == 0 { usleep(2000) }
            }
            log.close()
            let numbers = try BootLogFiles(folder).numbers()
            #expect(numbers.count == 3 && (numbers.last ?? 0) > 3)
            for number in numbers { #expect(try BootLogFiles(folder).read(number).records.first == history) }
            #expect(try BootLogFiles(folder).records().records.last == Self.began(399))
        }
    }

    @Test func `a file that begins with much takes as much more before the next one`() async throws {
        try await Self.withFolder { folder, pool in
            let carried = (0..<100).map(Self.began)
            let log = try Self.open(folder, pool, largestFile: 2000, mostFiles: 3) { carried }
            for number in 0..<300 {
                log.append([Self.began(number)])
                if number % 10 == 0 { usleep(2000) }
            }
            log.close()
            let size = try BootLogFiles.lines([Self.began(299)]).count
            #expect((try BootLogFiles(folder).numbers().last ?? 0) <= 300 * size / 2000 + 2)
        }
    }

    @Test func `whoever waits for records hears when they are on disk`() async throws {
        try await Self.withFolder { folder, pool in
            let log = try Self.open(folder, pool)
            for number in 0..<50 {
                log.append([Self.began(number)])
                await withCheckedContinuation { continuation in log.whenKept { continuation.resume() } }
                #expect(try BootLogFiles(folder).records().records.last == Self.began(number))
            }
            await withCheckedContinuation { continuation in log.whenKept { continuation.resume() } }
            log.close()
        }
    }

    @Test func `two servers do not write into one log`() async throws {
        try await Self.withFolder { folder, pool in
            let log = try Self.open(folder, pool)
            #expect(throws: NetbootServerError.self) { try Self.open(folder, pool) }
            log.close()
            try Self.open(folder, pool).close()
        }
    }

    @Test func `reading goes on where it ended, and never inside a line`() async throws {
        try await Self.withFolder { folder, pool in
            let log = try Self.open(folder, pool)
            log.append([Self.began(1)])
            log.close()
            let files = BootLogFiles(folder)
            let first = try files.read(1)
            #expect(first.records == [Self.began(1)])
            let path = URL(fileURLWithPath: folder.appending("000001.jsonl").string)
            let handle = try FileHandle(forWritingTo: path)
            try handle.seekToEnd()
            let line = try BootLogFiles.lines([Self.began(2)])
            try handle.write(contentsOf: Data(line.prefix(10)))
            let second = try files.read(1, from: first.next)
            #expect(second.records.isEmpty && second.next == first.next)
            try handle.write(contentsOf: Data(line.dropFirst(10)))
            #expect(try files.read(1, from: second.next).records == [Self.began(2)])
        }
    }
}
