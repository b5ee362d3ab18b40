import BootProtocols
import Foundation
import Testing

@testable import BootPolicy

@Suite struct BootAttemptTests {
    static func begin(_ attempts: inout BootAttempts, at seconds: Int, _ client: BootRequest.Client = .pxe) throws
        -> String
    {
        let request = BootRequest(mac: Sample.node, client: client, architecture: .bios)
        return attempts.begin(request, system: try Sample.system(), now: .seconds(seconds)) { "at\(seconds)" }
            .identifier
    }

    static func deliver(_ attempts: inout BootAttempts, _ identifier: String, at seconds: Int) {
        for file in ["kernel", "initrd"] {
            _ = attempts.record(
                .transferFinished(file: file, transport: .http, bytes: 9, seconds: 1), of: identifier,
                now: .seconds(seconds))
        }
    }

    @Test func `ROM and iPXE are one boot, and it ends with the phone-home`() throws {
        var attempts = BootAttempts()
        let first = try Self.begin(&attempts, at: 100)
        #expect(try Self.begin(&attempts, at: 104, .iPXE) == first)
        Self.deliver(&attempts, first, at: 120)
        let lines = attempts.record(.phonedHome(message: ""), of: first, now: .seconds(141))
        #expect(lines == ["lab-node on 52:54:00:12:34:56: booted in 41 s"])
        #expect(attempts.attempt(first)?.outcome == .booted)
        #expect(attempts.record(.phonedHome(message: ""), of: first, now: .seconds(142)) == [])
        #expect(try Self.begin(&attempts, at: 143) != first)
    }

    @Test func `firmware that asks again after its kernel was delivered has been reset`() throws {
        var attempts = BootAttempts()
        let first = try Self.begin(&attempts, at: 100)
        Self.deliver(&attempts, first, at: 110)
        let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
        let second = attempts.begin(request, system: try Sample.system(), now: .seconds(130)) { "b" }
        #expect(second.identifier == "b")
        #expect(second.lines.first?.contains("started again before its system phoned home") == true)
    }

    @Test func `a boot that falls silent is stopped, with the likely reason`() throws {
        var attempts = BootAttempts()
        let identifier = try Self.begin(&attempts, at: 100)
        #expect(attempts.expire(now: .seconds(200)) == [])
        let lines = attempts.expire(now: .seconds(300))
        #expect(lines.count == 1 && lines[0].contains("stopped"))
        #expect(attempts.expire(now: .seconds(400)) == [])
        #expect(attempts.attempt(identifier)?.outcome == .stopped)
    }

    static let address = IPv4Address("10.0.0.9")!
    @Test(arguments: [
        (BootAttempt.Event.offered(address: address, bootFile: "f"), "another DHCP server"),
        (.leased(address: address), "firewall"), (.refused(file: "x", transport: .tftp), "does not exist"),
        (
            .transferStopped(
                file: "kernel", transport: .http, bytes: 5, size: 9, reason: "the client closed the connection"),
            "5 B of 9 B"
        ),
        (.transferFinished(file: "boot.ipxe", transport: .http, bytes: 5, seconds: 0), "never asked for the kernel"),
    ])
    func `the reason follows from what was seen last`(event: BootAttempt.Event, words: String) {
        var attempt = BootAttempt(identifier: "a", node: Sample.node, system: "s", now: .seconds(1))
        _ = attempt.record(.discovered(client: "PXE"), now: .seconds(1))
        _ = attempt.record(event, now: .seconds(2))
        #expect(attempt.likelyReason.contains(words), "\(attempt.likelyReason)")
    }

    @Test func `a hostile client cannot grow a timeline without end, and repeats say nothing`() {
        var attempt = BootAttempt(identifier: "a", node: Sample.node, system: "s", now: .seconds(1))
        #expect(attempt.record(.discovered(client: "PXE"), now: .seconds(1)).count == 1)
        #expect(attempt.record(.discovered(client: "PXE"), now: .seconds(2)).isEmpty)
        for number in 0..<5000 {
            _ = attempt.record(.refused(file: "\(number)", transport: .http), now: .seconds(3))
        }
        #expect(attempt.entries.count <= BootAttempt.maximumEntries)
        #expect(attempt.entries.first?.event == .discovered(client: "PXE"))
    }

    @Test func `a record survives being written and read`() throws {
        var attempt = BootAttempt(identifier: "a", node: Sample.node, system: "s", now: .seconds(1))
        _ = attempt.record(.offered(address: Self.address, bootFile: nil), now: .seconds(2))
        _ = attempt.record(.transferProgress(file: "k", transport: .tftp, bytes: 3), now: .seconds(3))
        _ = attempt.record(.phonedHome(message: "hi"), now: .milliseconds(42_400))
        #expect(try JSONDecoder().decode(BootAttempt.self, from: JSONEncoder().encode(attempt)) == attempt)
        #expect(attempt.elapsed == 41.4)
    }
}
