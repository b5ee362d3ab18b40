import BootProtocols
import Foundation
import Testing

@testable import BootPolicy

@Suite struct BootRecordTests {
    static func event(_ attempts: inout BootAttempts, _ event: BootAttempt.Event, _ boot: String, _ seconds: Int) {
        _ = attempts.record(event, of: boot, now: .seconds(seconds))
    }

    /// Two boots of one node: the first ends badly, the second is under way.
    static func live() throws -> (attempts: BootAttempts, records: [BootRecord]) {
        var attempts = BootAttempts(keepsRecords: true)
        let system = try Sample.system("lab-node", generation: 4)
        let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
        _ = attempts.begin(request, system: system, now: .seconds(100)) { "a1" }
        event(&attempts, .discovered(client: "PXE"), "a1", 100)
        event(&attempts, .discovered(client: "PXE"), "a1", 101)
        event(&attempts, .transferStarted(file: "initrd", transport: .http, size: 50 << 20), "a1", 102)
        for second in 103..<120 {
            event(
                &attempts, .transferProgress(file: "initrd", transport: .http, bytes: (second - 100) << 20), "a1",
                second)
        }
        _ = attempts.expire(now: .seconds(1000))
        _ = attempts.begin(request, system: system, now: .seconds(1001)) { "a2" }
        event(&attempts, .discovered(client: "PXE"), "a2", 1001)
        event(&attempts, .leased(address: IPv4Address("10.0.0.9")!), "a2", 1002)
        return (attempts, attempts.takeRecords())
    }

    /// What happened, without the progress, of which the records have one line in five seconds.
    static func essentials(_ attempts: BootAttempts) -> [[BootAttempt.Event]] {
        attempts.all.map { attempt in
            attempt.entries.map(\.event).filter { if case .transferProgress = $0 { false } else { true } }
        }
    }

    @Test func `replaying the records tells every boot again`() throws {
        let (attempts, records) = try Self.live()
        var again = BootAttempts()
        for record in records { _ = again.replay(record) { _, _ in nil } }
        #expect(again.all.map(\.outcome) == [.stopped, .running])
        #expect(Self.essentials(again) == Self.essentials(attempts))
        #expect(again.history(of: Sample.node) == attempts.history(of: Sample.node))
        #expect(again.history(of: Sample.node).trials["lab-node"]?.failures == [4: [100]])
    }

    @Test func `repeats and most of the progress are no records`() throws {
        let records = try Self.live().records
        #expect(records.count < 14, "\(records)")
        let lines = try records.map { try JSONEncoder().encode($0) }
        #expect(lines.allSatisfy { !$0.contains(UInt8(ascii: "\n")) })
        #expect(try lines.map { try JSONDecoder().decode(BootRecord.self, from: $0) } == records)
    }

    @Test func `a node under way goes on after a restart, with the system that it began with`() throws {
        let system = try Sample.system("lab-node", generation: 4)
        var again = BootAttempts(keepsRecords: true)
        for record in try Self.live().records {
            _ = again.replay(record) { name, generation in name == "lab-node" && generation == 4 ? system : nil }
        }
        again.resume(now: .seconds(1300))
        #expect(again.takeRecords().isEmpty)
        #expect(again.expire(now: .seconds(1301)).isEmpty)
        #expect(again.system(of: "a2") == system)
        let request = BootRequest(mac: Sample.node, client: .iPXE, architecture: .bios)
        let other = try Sample.system("lab-node", generation: 5)
        #expect(again.begin(request, system: other, now: .seconds(1302)) { "a3" }.identifier == "a2")
    }

    @Test func `a new file's head is enough, and what follows it twice counts once`() throws {
        let (attempts, records) = try Self.live()
        var again = BootAttempts()
        // The writer may hold records that the head has taken in already.
        for record in attempts.carriedRecords + records.suffix(2) { _ = again.replay(record) { _, _ in nil } }
        #expect(again.all.map(\.identifier) == ["a2"])
        #expect(again.all == attempts.all.suffix(1))
        #expect(again.history(of: Sample.node) == attempts.history(of: Sample.node))
        var doubled = BootAttempts()
        for record in attempts.carriedRecords + records { _ = doubled.replay(record) { _, _ in nil } }
        #expect(doubled.history(of: Sample.node) == attempts.history(of: Sample.node))
        #expect(Self.essentials(doubled) == Self.essentials(attempts))
    }

    @Test func `only a boot that fetched the system says something of its generation`() throws {
        var attempts = BootAttempts()
        let system = try Sample.system("lab-node", generation: 4)
        let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
        func boot(_ name: String, at seconds: Int, _ events: [BootAttempt.Event]) {
            _ = attempts.begin(request, system: system, now: .seconds(seconds)) { name }
            for event in events { Self.event(&attempts, event, name, seconds + 1) }
        }
        boot("a", at: 1000, [.discovered(client: "PXE")])
        boot("b", at: 2000, [.transferStarted(file: "undionly.kpxe", transport: .tftp, size: 9)])
        boot("c", at: 3000, [.transferStarted(file: "kernel", transport: .http, size: 9)])
        boot("d", at: 4000, [.transferStarted(file: "kernel", transport: .http, size: 9)])
        #expect(attempts.history(of: Sample.node).trials["lab-node"]?.failures == [4: [3000]])
        Self.event(&attempts, .phonedHome(message: ""), "d", 4030)
        let trials = attempts.history(of: Sample.node).trials["lab-node"]
        #expect(trials?.lastGood == 4 && trials?.failures == [:])
    }
}
