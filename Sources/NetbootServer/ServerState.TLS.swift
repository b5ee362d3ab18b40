import BootPolicy
import BootProtocols

extension ServerState {
    /// False where a client, by its address, begins TLS too often; counted.
    func admits(handshake client: UInt32) -> Bool {
        let now = surroundings.now()
        let isAdmitted = handshakes.withLock {
            $0.admits(client, perSecond: limits.handshakesPerSecond, now: now)
        }
        if !isAdmitted { ignored(.https, "too many TLS handshakes of one client") }
        return isAdmitted
    }

    /// A client did not come to terms with us; a machine that is booting has it in its timeline.
    func refused(tls reason: String, by client: ClientAddress) {
        ignored(.https, "TLS: \(reason)")
        logger.debug("no TLS", metadata: ["from": "\(client)", "reason": "\(reason)"])
        let address = IPv4Address(value: client.address)
        guard let attempt = withShared({ $0.attempts.running(at: address) }) else { return }
        record(.secureConnectionFailed(reason: reason), of: attempt)
    }
}
