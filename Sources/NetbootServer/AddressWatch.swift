import BootProtocols
import LinuxCalls
import Logging
import Synchronization

/// Asks by ARP whether an address that was just lent is in use by another machine, beside the boot and never before it:
/// ISC's server and dnsmasq ping first, which costs each boot a second to three. One thread, until told to stop.
final class AddressWatch: Sendable {
    private struct Question: Sendable {
        var client: MACAddress
        /// Turns of the loop until it is asked again, and until it is dropped.
        var untilAsked: Int
        var asksLeft: Int
    }

    private let socket: ARPSocket
    private let mac: MACAddress
    private let logger: Logger
    private let taken: @Sendable (IPv4Address, MACAddress) -> Void
    private let questions = Mutex<[IPv4Address: Question]>([:])
    private let isStopped = Atomic(false)

    /// A flood of discovers asks about no more than this at once.
    static let mostQuestions = 256

    /// - Parameter taken: Called on the watch's thread with an address and who else uses it.
    init(
        socket: ARPSocket, mac: MACAddress, logger: Logger,
        taken: @escaping @Sendable (IPv4Address, MACAddress) -> Void
    ) {
        self.socket = socket
        self.mac = mac
        self.logger = logger
        self.taken = taken
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Asks three times within a second.
    func look(for address: IPv4Address, lentTo client: MACAddress) {
        questions.withLock { questions in
            guard questions.count < Self.mostQuestions else { return }
            questions[address] = Question(client: client, untilAsked: 0, asksLeft: 3)
        }
    }

    /// Blocks until `stop()`.
    func run() {
        while !isStopped.load(ordering: .relaxed) {
            do {
                for address in due() { try socket.send(ARP.probe(for: address, from: mac)) }
                guard let bytes = try socket.receive(milliseconds: 100), let answer = ARP.sender(bytes) else {
                    continue
                }
                let client = questions.withLock { $0[answer.address]?.client }
                guard let client, client != answer.mac, answer.mac != mac else { continue }
                questions.withLock { $0[answer.address] = nil }
                taken(answer.address, answer.mac)
            } catch {
                logger.debug("ARP", metadata: ["error": "\(error)"])
                questions.withLock { $0 = [:] }
            }
        }
    }

    private func due() -> [IPv4Address] {
        questions.withLock { questions in
            var due: [IPv4Address] = []
            for (address, question) in questions {
                if question.untilAsked > 0 {
                    questions[address]?.untilAsked -= 1
                } else if question.asksLeft > 0 {
                    due.append(address)
                    questions[address]?.asksLeft -= 1
                    questions[address]?.untilAsked = 3
                } else {
                    questions[address] = nil
                }
            }
            return due
        }
    }
}
