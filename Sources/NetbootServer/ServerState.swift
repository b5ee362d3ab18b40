import BootPolicy
import BootProtocols
import FileFormats
import Logging
import NIOPosix
import StoreModel
import Synchronization
import SystemPackage

/// What the server's sockets share: leases and boot attempts behind one lock, held for no longer than a decision.
final class ServerState: Sendable {
    struct Shared {
        var policy: BootPolicy
        /// One for each network of the site, in its order.
        var places: [Place]
        var attempts = BootAttempts(keepsRecords: true)
        /// Of this server's lease database, outside the ranges that it lends from now.
        var otherLeases: [Leases.Lease] = []
        var log: BootLog?
        var metrics = BootMetrics()
        var changed = Changes()

        /// Puts what has happened into the log, in its order, and counts it.
        mutating func keepRecords() {
            let records = attempts.takeRecords()
            for record in records {
                let attempt =
                    switch record {
                    case .began(let boot, _, _, _, _), .happened(let boot, _, _): attempts.attempt(boot)
                    case .carried, .history: BootAttempt?.none
                    }
                metrics.take(record, of: attempt)
                if let attempt { changed.machines.insert(attempt.node) }
            }
            log?.append(records)
        }

        /// The policy as one network sees it.
        func policy(at network: Int, overIPv6: Bool = false) -> BootPolicy {
            var policy = policy
            policy.stand(at: places[network], overIPv6: overIPv6)
            return policy
        }

        /// Where there are several networks, a boot's identifier ends in the letter of its own: whoever asks for its files
        /// is told of the address that it can reach.
        static func identifier(_ identifier: String, on network: Int, of count: Int) -> String {
            count == 1 ? identifier : identifier.prefix(31) + String(network, radix: 36)
        }

        func network(of attempt: String?) -> Int {
            guard places.count > 1, let last = attempt?.last, let network = Int(String(last), radix: 36),
                places.indices.contains(network)
            else { return 0 }
            return network
        }
    }

    /// Of what the page's readers have not heard the latest.
    struct Changes {
        var machines: Set<MACAddress> = []
        var systems = false
        var strangers = false
    }

    /// One network of the site, as this server stands in it.
    struct Place: Sendable {
        var interface: String
        var address: IPv4Address
        var isProxy: Bool
        /// What the kernel chose, where the configuration left it open.
        var httpPort: Int
        var httpsPort: Int?
        var responder: DHCPResponder?
        var ipv6: DHCPv6Responder?
    }

    let storeDirectory: FilePath
    let limits: NetbootConfiguration.Limits
    let surroundings: NetbootSurroundings
    let logger: Logger
    let show: @Sendable (String) -> Void
    let generations: (@Sendable () throws -> [String: ServedGenerations]?)?
    let nodes: (@Sendable () throws -> ServedNodes?)?
    let binaryCache: OfferedCache?
    private let booted: @Sendable (BootAttempt) -> Void
    private let shared: Mutex<Shared>
    let files = StoreFiles()
    private let ignoredPackets = Mutex(IgnoredPackets())
    private let rates = Mutex(RequestRates())
    let handshakes = Mutex(RequestRates())

    init(
        policy: BootPolicy, places: [Place], configuration: NetbootConfiguration,
        surroundings: NetbootSurroundings, logger: Logger, show: @escaping @Sendable (String) -> Void,
        booted: @escaping @Sendable (BootAttempt) -> Void
    ) {
        self.booted = booted
        storeDirectory = configuration.storeDirectory
        limits = configuration.limits
        generations = configuration.generations
        nodes = configuration.nodes
        binaryCache = configuration.binaryCache.map(OfferedCache.init)
        self.surroundings = surroundings
        self.logger = logger
        self.show = show
        shared = Mutex(Shared(policy: policy, places: places))
    }

    /// What the lease database is to hold; nil where no addresses are lent.
    var leases: RememberedLeases? {
        // Copied inside the lock, sorted outside it.
        let (responders, others) = shared.withLock { ($0.places.compactMap(\.responder), $0.otherLeases) }
        let found = responders.compactMap(\.leases)
        let now = Int(clamping: surroundings.now().components.seconds)
        return found.isEmpty ? nil : RememberedLeases(found.flatMap(\.leases) + others.filter { $0.expires > now })
    }
    /// Takes over what an earlier run lent and none of these networks lends now, such as one that is a proxy's today.
    func keep(_ earlier: [Leases.Lease]) {
        shared.withLock { shared in
            let ours = Set(shared.places.compactMap { $0.responder?.leases }.flatMap(\.leases).map(\.address))
            shared.otherLeases = earlier.filter { !ours.contains($0.address) }
        }
    }
    var attempts: [BootAttempt] { shared.withLock { $0.attempts.all } }
    var sightings: Sightings { shared.withLock { $0.policy.seen } }

    func withShared<Value: Sendable>(_ body: (inout Shared) -> Value) -> Value { shared.withLock { body(&$0) } }

    /// The port the kernel chose, where the configuration left it open.
    func serve(onHTTPPort port: Int, network: Int) { shared.withLock { $0.places[network].httpPort = port } }

    func remember(_ seen: Sightings) { shared.withLock { $0.policy.seen = seen } }

    func answer(_ message: DHCP.Message, port: Int, on network: Int) -> DHCPResponder.Answer? {
        let now = surroundings.now()
        let answer = shared.withLock { shared -> DHCPResponder.Answer? in
            guard var responder = shared.places[network].responder else { return nil }
            let seconds = Int(clamping: now.components.seconds)
            let count = shared.places.count
            if !message.isReply, let request = BootRequest(message) {
                let isNews = shared.policy.seen.note(request, on: shared.places[network].interface, now: seconds)
                if isNews { shared.changed.strangers = true }
            }
            // Moved out and back, so that the leases are changed in place.
            shared.places[network].responder = nil
            defer { shared.places[network].responder = responder }
            defer { shared.keepRecords() }
            let answer = responder.answer(
                message, port: port, now: now, policy: shared.policy(at: network), attempts: &shared.attempts,
                newIdentifier: { Shared.identifier(surroundings.newIdentifier(), on: network, of: count) })
            if let reply = answer.reply, reply.messageType == .acknowledge, reply.yourAddress != .unspecified,
                let mac = message.macAddress
            {
                shared.policy.seen.note(address: reply.yourAddress, of: mac)
            }
            return answer
        }
        answer?.lines.forEach(show)
        return answer
    }

    /// Another machine uses an address that was lent; true where the lease database must be written.
    func isTaken(_ address: IPv4Address, by other: MACAddress, on network: Int) -> Bool {
        let seconds = Int(clamping: surroundings.now().components.seconds)
        return shared.withLock { $0.places[network].responder?.isTaken(address, by: other, now: seconds) ?? false }
    }

    /// - Parameters:
    ///   - network: the place of the one that it was asked on.
    ///   - cookie: what came with the request, by HTTP.
    func bootFile(
        named asked: String, on network: Int, overIPv6: Bool = false, cookie: String? = nil
    ) -> (name: BootFileName, file: BootFile)? {
        let searched =
            PXELINUXSearch(asked, cookie: cookie).map { named($0, on: network) }
            ?? GRUBSearch(asked).map { named($0, on: network) }
        guard let name = searched ?? asked else { return nil }
        let now = surroundings.now()
        // Inside the lock: a copy of the attempts taken out would be copied in full by the next change.
        let (file, lines) = shared.withLock { shared -> ((name: BootFileName, file: BootFile)?, [String]) in
            let attempt = BootFileName.attempt(in: name)
            if let attempt, let serial = BootFileName.serial(in: name),
                let node = shared.attempts.attempt(attempt)?.node
            {
                shared.policy.seen.note(serial: serial, of: node)
            }
            // In place: to copy it for each request cost more than to answer a small one.
            shared.policy.stand(at: shared.places[shared.network(of: attempt)], overIPv6: overIPv6)
            guard let chosen = shared.policy.choice(madeBy: name, for: shared.attempts) else {
                return (shared.policy.bootFile(named: name, for: shared.attempts), [])
            }
            defer { shared.keepRecords() }
            let lines = shared.attempts.change(
                chosen.attempt, to: chosen.system, reason: chosen.reason, now: now)
            // What was asked for stands for the script of what was chosen.
            let script =
                shared.policy.bootFile(named: name, for: shared.attempts)
                ?? shared.policy.bootFile(
                    named: BootFileName(attempt: chosen.attempt, file: chosen.script).text(for: chosen.system),
                    for: shared.attempts)
            return (script, lines)
        }
        lines.forEach(show)
        return file
    }

    /// The name in some boot of what a GRUB searches for; nil where there is nothing for its machine.
    private func named(_ search: GRUBSearch, on network: Int) -> String? {
        if search == .unnamed { return GRUBSearch.file }
        guard let mac = shared.withLock({ $0.policy.machine(of: search) }) else { return nil }
        return begin(mac, as: .grub, on: network).map { BootFileName.text(of: GRUBSearch.file, in: $0) }
    }

    private func named(_ search: PXELINUXSearch, on network: Int) -> String? {
        begin(search.card, as: .pxelinux, on: network).map {
            BootFileName.text(of: BootFileName.pxelinuxByHTTPName, in: $0)
        }
    }

    /// Begins or continues the boot of a machine whose loader another server sent; nil where there is nothing for it.
    private func begin(_ mac: MACAddress, as client: BootRequest.Client, on network: Int) -> String? {
        let now = surroundings.now()
        let begun = shared.withLock { shared -> (attempt: String, lines: [String])? in
            let isNews = shared.policy.seen.note(
                BootRequest(mac: mac, client: client), on: shared.places[network].interface,
                now: Int(clamping: now.components.seconds))
            if isNews { shared.changed.strangers = true }
            defer { shared.keepRecords() }
            let count = shared.places.count
            return shared.policy(at: network).begin(
                mac, as: client, now: now, attempts: &shared.attempts,
                newIdentifier: { Shared.identifier(surroundings.newIdentifier(), on: network, of: count) })
        }
        begun?.lines.forEach(show)
        return begun?.attempt
    }

    func record(_ event: BootAttempt.Event, of attempt: String) {
        if attempt == BootFileName.noAttempt { return }
        let now = surroundings.now()
        let (lines, attempt) = shared.withLock { shared in
            defer {
                shared.keepRecords()
                // Progress is no record, but it is seen.
                if let node = shared.attempts.attempt(attempt)?.node { shared.changed.machines.insert(node) }
            }
            return (shared.attempts.record(event, of: attempt, now: now), shared.attempts.attempt(attempt))
        }
        lines.forEach(show)
        // The lines are empty for a second phone-home.
        if case .phonedHome = event, !lines.isEmpty, let attempt { booted(attempt) }
    }

    /// Calls `body` when what has been recorded until now outlives this process.
    func whenRecorded(_ body: @escaping @Sendable () -> Void) {
        guard let log = shared.withLock(\.log) else { return body() }
        log.whenKept(body)
    }

    /// Answers who asks for a boot's secrets.
    func secrets(of attempt: String, token: String, asker: ClientAddress) -> SecretsAnswer {
        let now = surroundings.now()
        let (answer, lines) = shared.withLock { shared in
            defer { shared.keepRecords() }
            return shared.policy.secrets(
                for: attempt, token: token, asker: IPv4Address(value: asker.address), attempts: &shared.attempts,
                now: now)
        }
        lines.forEach(show)
        return answer
    }

    func knows(_ attempt: String) -> Bool { shared.withLock { $0.attempts.attempt(attempt) != nil } }

    func expire() {
        let now = surroundings.now()
        shared.withLock { shared in
            defer { shared.keepRecords() }
            return shared.attempts.expire(now: now)
        }.forEach(show)
    }

    /// Goes on where an earlier run's records end, and keeps this run's there too.
    func keepRecords(in directory: FilePath, pool: NIOThreadPool) throws {
        let log = try BootLog(directory, pool: pool, logger: logger) { [weak self] in
            self?.shared.withLock { $0.attempts.carriedRecords } ?? []
        }
        // Each file begins with all that the older ones leave behind; one older gives boots to look at.
        let (records, damage) = try BootLogFiles(directory).records(ofNewest: 2)
        for damage in damage {
            logger.warning(
                "a boot record is not whole and was skipped",
                metadata: ["file": "\(damage.file)", "line": "\(damage.line)"])
        }
        let policy = shared.withLock { $0.policy }
        var attempts = BootAttempts(keepsRecords: true)
        for record in records {
            _ = attempts.replay(record) { policy.system(named: $0, generation: $1) }
        }
        attempts.resume(now: surroundings.now())
        let underWay = attempts.all.count { $0.outcome == .running }
        if underWay > 0 { show("\(underWay) boots were under way when the last server ended, and go on") }
        shared.withLock { shared in
            shared.attempts = attempts
            shared.log = log
        }
    }

    /// What the page reads.
    func withPageData<Value: Sendable>(_ body: (BootPolicy, BootAttempts, BootMetrics) -> Value) -> Value {
        shared.withLock { body($0.policy, $0.attempts, $0.metrics) }
    }

    /// What has changed since the last call, which `body` makes something of.
    func takeChanged<Value: Sendable>(
        _ body: (Changes, BootPolicy, BootAttempts) -> Value
    ) -> Value {
        shared.withLock { shared in
            defer { shared.changed = Changes() }
            return body(shared.changed, shared.policy, shared.attempts)
        }
    }

    func forgetChanges() { shared.withLock { $0.changed = Changes() } }

    var recordsLost: Int { shared.withLock { $0.log?.lost ?? 0 } }

    /// Writes what is still to be written of the records.
    func closeRecords() {
        let log = shared.withLock { shared in
            defer { shared.log = nil }
            return shared.log
        }
        log?.close()
    }

    var ignored: IgnoredPackets { ignoredPackets.withLock { $0 } }

    func ignored(_ transport: IgnoredPackets.Transport, _ reason: String) {
        ignoredPackets.withLock { $0.count(transport, reason) }
    }

    /// False where a client, by its address, asks too often; counted.
    func admits(request client: UInt32) -> Bool {
        let now = surroundings.now()
        let isAdmitted = rates.withLock { $0.admits(client, perSecond: limits.requestsPerSecond, now: now) }
        if !isAdmitted { ignored(.tftp, "too many requests of one client") }
        return isAdmitted
    }

    /// Where a logical store path lies on this disk; nil for anything that is not one, or climbs out of its object.
    func physicalPath(_ logical: String) -> FilePath? {
        let path = FilePath(logical)
        let store = FilePath(StorePath.directory)
        guard path.lexicallyNormalized() == path, path.starts(with: store), path != store else { return nil }
        return storeDirectory.appending(path.components.dropFirst(store.components.count))
    }
}

extension BootPolicy {
    /// Takes the place of one network's server: its addresses and ports go into what is answered.
    fileprivate mutating func stand(at place: ServerState.Place, overIPv6: Bool) {
        serverAddress = place.address
        httpPort = place.httpPort
        httpsPort = place.httpsPort
        isProxy = place.isProxy
        ipv6Address = overIPv6 ? place.ipv6?.serverAddress : nil
    }
}
