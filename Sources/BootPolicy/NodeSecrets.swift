import BootProtocols

/// What a node that asks for its secrets gets.
public enum SecretsAnswer: Sendable, Equatable {
    /// What `lay-files` reads.
    case given([UInt8])
    /// No boot has that identifier.
    case unknown
    case refused(reason: String)
}

extension BootPolicy {
    /// A reply that was lost may be asked for again for so long, from the same address.
    static let retryWindow = Duration.seconds(60)

    /// Answers who asks for a boot's secrets: once for each boot, for its token, until it has phoned home. Both the giving
    /// and every refusal stand in the boot's timeline; so a server that was started again still knows of them.
    public func secrets(
        for attempt: String, token: String, asker: IPv4Address, attempts: inout BootAttempts, now: Duration
    ) -> (answer: SecretsAnswer, lines: [String]) {
        guard let boot = attempts.attempt(attempt) else { return (.unknown, []) }
        func refused(_ reason: String) -> (SecretsAnswer, [String]) {
            (
                .refused(reason: reason),
                attempts.record(.secretsRefused(address: asker, reason: reason), of: attempt, now: now)
            )
        }
        switch boot.outcome {
        case .running: break
        case .booted: return refused("asked for after the system had phoned home")
        case .stopped: return refused("asked for after the boot had stopped")
        }
        guard let system = attempts.system(of: attempt),
            let expected = nodeSegment(for: attempt, of: system, boot.node)?.token
        else { return refused("there are none for this boot") }
        guard Self.isSame(token, expected) else { return refused("the token is wrong") }
        let secrets = nodeSecrets(for: system, boot.node)
        guard let first = boot.secretsGiven else {
            let lines = attempts.record(.secretsGiven(address: asker, files: secrets.count), of: attempt, now: now)
            return (.given(LaidFile.stream(secrets)), lines)
        }
        let seconds = now.inSeconds - boot.began - first.seconds
        guard first.address == asker, seconds <= Self.retryWindow.inSeconds else {
            return refused("asked for twice, and \(first.address) has them")
        }
        return (.given(LaidFile.stream(secrets)), [])
    }

    /// Takes as long for any two texts of one length: how long it took tells nothing of where they part.
    private static func isSame(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
