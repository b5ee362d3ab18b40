import BootProtocols
import Foundation
import LinuxCalls
import Logging
import Synchronization

/// Answers router solicitations with "no router here", and the prefix whose addresses DHCPv6 gives, on a thread of its own
/// until told to stop.
final class RouterAdvertiser: Sendable {
    private let socket: RouterSocket
    private let advertisement: [UInt8]
    private let logger: Logger
    private let isStopped = Atomic(false)

    init(socket: RouterSocket, mac: MACAddress, prefix: IPv6Prefix?, logger: Logger) {
        self.socket = socket
        advertisement = RouterDiscovery.advertisement(from: mac, prefix: prefix)
        self.logger = logger
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Blocks until `stop()`.
    func run() {
        while !isStopped.load(ordering: .relaxed) {
            do {
                guard let packet = try socket.receive(milliseconds: 250) else { continue }
                guard case .packet = RouterDiscovery.readSolicitation(packet) else { continue }
                // To all nodes: a client still doing duplicate detection asks from no address (RFC 4861 section 6.2.6).
                try socket.send(advertisement)
                logger.debug("answered a router solicitation")
            } catch {
                // An interface that went down comes back.
                logger.warning("router advertisements", metadata: ["error": "\(error)"])
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }
}
