import BootPolicy
import BootProtocols
import Foundation
import LinuxCalls
import Logging
import Synchronization

/// Answers DHCPv6 on one interface, on a thread of its own until told to stop: a boot sends a handful of packets.
final class DHCPv6Listener: Sendable {
    private let socket: DHCPv6Socket
    private let state: ServerState
    /// Which of the site's networks, by its place.
    private let network: Int
    private let isStopped = Atomic(false)

    init(socket: DHCPv6Socket, state: ServerState, network: Int) {
        self.socket = socket
        self.state = state
        self.network = network
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Blocks until `stop()`.
    func run() {
        while !isStopped.load(ordering: .relaxed) {
            do {
                guard let (bytes, from) = try socket.receive(milliseconds: 250) else { continue }
                hear(bytes, from)
            } catch {
                // An interface that went down comes back.
                state.logger.warning("DHCPv6", metadata: ["error": "\(error)"])
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }

    private func hear(_ bytes: [UInt8], _ from: [UInt8]) {
        guard let source = IPv6Address(bytes: from) else { return }
        switch DHCPv6.Message.read(bytes) {
        case .ignored(let reason):
            state.logger.debug("ignored a DHCPv6 packet", metadata: ["from": "\(source)", "reason": "\(reason)"])
        case .packet(let message):
            guard let answer = state.answer(message, from: source, on: network) else { return }
            if let ignored = answer.ignored {
                state.logger.debug("no answer", metadata: ["from": "\(source)", "reason": "\(ignored)"])
            }
            guard let reply = answer.reply else { return }
            do {
                try socket.send(reply.bytes, to: from, port: DHCPv6.clientPort)
            } catch {
                state.logger.warning("an answer was not sent", metadata: ["to": "\(source)", "error": "\(error)"])
            }
        }
    }
}
