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

    @Test func `a client's words reach no terminal with anything that moves its cursor`() {
        var attempt = BootAttempt(identifier: "a", node: Sample.node, system: "s", now: .seconds(1))
        let hostile = "\u{1b}[2J\u{9b}1mroot\u{202e}\r\nok\u{7}" + String(repeating: "x", count: 500)
        let events: [BootAttempt.Event] = [
            .refused(file: hostile, transport: .http),
            .transferStopped(file: hostile, transport: .tftp, bytes: 1, size: 2, reason: hostile),
            .offered(address: nil, bootFile: hostile), .phonedHome(message: hostile),
        ]
        for event in events {
            let lines = attempt.record(event, now: .seconds(2))
            #expect(lines.count == 1)
            for line in lines {
                #expect(line.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) })
                #expect(!line.unicodeScalars.contains("\u{202e}"))
                #expect(line.contains("[2J1mrootokx") && line.count < 600)
            }
        }
        #expect(attempt.entries.first?.event != events[0])
        #expect(!attempt.likelyReason.unicodeScalars.contains("\u{1b}"))
    }

    @Test func `a flood of forged discovers does not push out a node that is fetching`() throws {
        var attempts = BootAttempts()
        let honest = try Self.begin(&attempts, at: 1)
        _ = attempts.record(.transferStarted(file: "kernel", transport: .http, size: 9), of: honest, now: .seconds(1))
        let system = try Sample.system()
        for number in 0..<(BootAttempts.maximum + 2000) {
            let forged = MACAddress(bytes: [
                2, 1, 0, UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255),
            ])
            let request = BootRequest(mac: try #require(forged), client: .pxe, architecture: .bios)
            _ = attempts.begin(request, system: system, now: .seconds(2)) { "f\(number)" }
        }
        #expect(attempts.attempt(honest) != nil)
        #expect(attempts.all.count <= BootAttempts.maximum)
    }

    @Test(arguments: [
        ("boot/a1/nothing", "a1"), ("/boot/a1/x/y", "a1"), ("boot/A1/x", nil), ("kernel", nil), ("boot", nil),
        ("", nil),
    ])
    func `a name tells which attempt it belongs to, be there such a file or not`(name: String, attempt: String?) {
        #expect(BootFileName.attempt(in: name) == attempt)
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
