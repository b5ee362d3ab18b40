import BootPolicy
import BootProtocols
import FileFormats
import Logging
import StoreModel
import Synchronization
import SystemPackage

/// What the server's sockets share: leases and boot attempts behind one lock, held for no longer than a decision.
final class ServerState: Sendable {
    private struct Shared {
        var policy: BootPolicy
        var responder: DHCPResponder?
        var attempts = BootAttempts()
    }

    let storeDirectory: FilePath
    let limits: NetbootConfiguration.Limits
    let surroundings: NetbootSurroundings
    let logger: Logger
    private let show: @Sendable (String) -> Void
    private let booted: @Sendable (BootAttempt) -> Void
    private let shared: Mutex<Shared>

    init(
        policy: BootPolicy, responder: DHCPResponder?, configuration: NetbootConfiguration,
        surroundings: NetbootSurroundings, logger: Logger, show: @escaping @Sendable (String) -> Void,
        booted: @escaping @Sendable (BootAttempt) -> Void
    ) {
        self.booted = booted
        storeDirectory = configuration.storeDirectory
        limits = configuration.limits
        self.surroundings = surroundings
        self.logger = logger
        self.show = show
        shared = Mutex(Shared(policy: policy, responder: responder))
    }

    var leases: Leases? { shared.withLock { $0.responder?.leases } }
    var attempts: [BootAttempt] { shared.withLock { $0.attempts.all } }

    /// The port the kernel chose, where the configuration left it open.
    func serve(onHTTPPort port: Int) { shared.withLock { $0.policy.httpPort = port } }

    func answer(_ message: DHCP.Message, port: Int) -> DHCPResponder.Answer? {
        let now = surroundings.now()
        let answer = shared.withLock { shared -> DHCPResponder.Answer? in
            guard var responder = shared.responder else { return nil }
            // Moved out and back, so that the leases are changed in place.
            shared.responder = nil
            defer { shared.responder = responder }
            return responder.answer(
                message, port: port, now: now, policy: shared.policy, attempts: &shared.attempts,
                newIdentifier: surroundings.newIdentifier)
        }
        answer?.lines.forEach(show)
        return answer
    }

    func bootFile(named name: String) -> (name: BootFileName, file: BootFile)? {
        // Inside the lock: a copy of the attempts taken out would be copied in full by the next change.
        shared.withLock { $0.policy.bootFile(named: name, for: $0.attempts) }
    }

    func record(_ event: BootAttempt.Event, of attempt: String) {
        let now = surroundings.now()
        let (lines, attempt) = shared.withLock {
            ($0.attempts.record(event, of: attempt, now: now), $0.attempts.attempt(attempt))
        }
        lines.forEach(show)
        // The lines are empty for a second phone-home.
        if case .phonedHome = event, !lines.isEmpty, let attempt { booted(attempt) }
    }

    func knows(_ attempt: String) -> Bool { shared.withLock { $0.attempts.attempt(attempt) != nil } }

    func expire() {
        let now = surroundings.now()
        shared.withLock { $0.attempts.expire(now: now) }.forEach(show)
    }

    /// Where a logical store path lies on this disk; nil for anything that is not one, or climbs out of its object.
    func physicalPath(_ logical: String) -> FilePath? {
        let path = FilePath(logical)
        let store = FilePath(StorePath.directory)
        guard path.lexicallyNormalized() == path, path.starts(with: store), path != store else { return nil }
        return storeDirectory.appending(path.components.dropFirst(store.components.count))
    }
}
