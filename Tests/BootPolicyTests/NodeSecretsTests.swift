import BootProtocols
import Testing

@testable import BootPolicy

@Suite struct NodeSecretsTests {
    let policy: BootPolicy
    var attempts: BootAttempts
    let token: String
    let node = IPv4Address("10.77.0.11")!
    let other = IPv4Address("10.77.0.66")!

    init() throws {
        policy = try NodeSegmentTests.policy()
        attempts = try NodeSegmentTests.begun(policy)
        let segment = policy.nodeSegment(for: "a1", of: try #require(attempts.system(of: "a1")), Sample.node)
        token = try #require(segment?.token)
    }

    /// Asks at so many seconds into the boot.
    private mutating func ask(_ seconds: Int, _ asker: IPv4Address? = nil, token: String? = nil, boot: String = "a1")
        -> SecretsAnswer
    {
        policy.secrets(
            for: boot, token: token ?? self.token, asker: asker ?? node, attempts: &attempts,
            now: .seconds(100 + seconds)
        ).answer
    }

    @Test mutating func `secrets are given for the token, and once more within a minute to the same address`() throws {
        guard case .given(let stream) = ask(20) else { throw NodeSegmentTests.Unexpected() }
        #expect(stream.starts(with: Array("5\tfile\t600\troot\tmail\t/etc/key\n".utf8) + NodeSegmentTests.key))
        let text = String(decoding: stream, as: UTF8.self)
        #expect(
            text.contains("\tspare\t600\troot\troot\t/etc/ssh/ssh_host_ed25519_key\n-----BEGIN OPENSSH PRIVATE KEY"))
        #expect(ask(80) == .given(stream))
        #expect(ask(81) == .refused(reason: "asked for twice, and 10.77.0.11 has them"))
        #expect(ask(30, other) == .refused(reason: "asked for twice, and 10.77.0.11 has them"))
        let timeline = try #require(attempts.attempt("a1")).timeline
        #expect(timeline.contains("  20.0 s  secrets given to 10.77.0.11: 3 files"))
        #expect(
            timeline.contains {
                $0.hasSuffix("secrets refused to 10.77.0.66: asked for twice, and 10.77.0.11 has them")
            })
        #expect(timeline.count == 3)
    }

    @Test mutating func `without its own token nobody gets anything, and each is told of once`() {
        for wrong in ["", "0", String(repeating: "0", count: 32), String(token.dropLast()), token + "0"] {
            #expect(ask(5, other, token: wrong) == .refused(reason: "the token is wrong"))
        }
        let foreign = NodeSegmentTests.secret.token(of: "a2")
        #expect(ask(5, other, token: foreign) == .refused(reason: "the token is wrong"))
        #expect(ask(5, boot: "a2") == .unknown)
        #expect(attempts.attempt("a1")?.timeline == ["   5.0 s  secrets refused to 10.77.0.66: the token is wrong"])
        if case .given = ask(6) {} else { Issue.record("the node itself was refused") }
    }

    @Test mutating func `after phone-home they are refused, which is told, and the boot stays what it was`() throws {
        _ = ask(20)
        _ = attempts.record(.phonedHome(message: ""), of: "a1", now: .seconds(140))
        for seconds in 41..<90 {
            #expect(ask(seconds, other) == .refused(reason: "asked for after the system had phoned home"))
            _ = ask(seconds, IPv4Address(value: UInt32(seconds)))
        }
        let boot = try #require(attempts.attempt("a1"))
        #expect(boot.outcome == .booted && boot.elapsed == 40 && boot.summary == "booted in 40 s")
        #expect(boot.timeline.contains { $0.hasSuffix("10.77.0.66: asked for after the system had phoned home") })
        #expect(boot.entries.count <= 3 + BootAttempt.mostAfterwards)
    }

    @Test mutating func `a server that was started again still knows who has them`() throws {
        guard case .given(let stream) = ask(20) else { throw NodeSegmentTests.Unexpected() }
        let records = attempts.takeRecords()
        attempts = BootAttempts(keepsRecords: true)
        for record in records { _ = attempts.replay(record) { name, _ in policy.systems[name] } }
        attempts.resume(now: .seconds(130))
        #expect(ask(40, other) == .refused(reason: "asked for twice, and 10.77.0.11 has them"))
        #expect(ask(50) == .given(stream))
        // The same from what a new file of records begins with.
        let carried = attempts.carriedRecords
        attempts = BootAttempts()
        for record in carried { _ = attempts.replay(record) { name, _ in policy.systems[name] } }
        #expect(ask(60, other) == .refused(reason: "asked for twice, and 10.77.0.11 has them"))
    }

    @Test mutating func `a boot of a machine without secrets says that there are none`() throws {
        var plain = policy
        plain.provisions = nil
        let answer = plain.secrets(for: "a1", token: token, asker: node, attempts: &attempts, now: .seconds(101)).answer
        #expect(answer == .refused(reason: "there are none for this boot"))
    }
}
