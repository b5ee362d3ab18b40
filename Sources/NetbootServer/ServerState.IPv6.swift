import BootPolicy
import BootProtocols

extension ServerState {
    /// What one network's DHCPv6 answers; nil where there is none.
    func answer(_ message: DHCPv6.Message, from source: IPv6Address, on network: Int) -> DHCPv6Responder.Answer? {
        let now = surroundings.now()
        let answer = withShared { shared -> DHCPv6Responder.Answer? in
            guard let responder = shared.places[network].ipv6 else { return nil }
            if let request = DHCPv6Responder.request(message, from: source) {
                shared.policy.seen.note(
                    request, on: shared.places[network].interface, now: Int(clamping: now.components.seconds))
            }
            defer { shared.keepRecords() }
            let count = shared.places.count
            return responder.answer(
                message, from: source, now: now, policy: shared.policy(at: network, overIPv6: true),
                attempts: &shared.attempts,
                newIdentifier: { Shared.identifier(surroundings.newIdentifier(), on: network, of: count) })
        }
        answer?.lines.forEach(show)
        return answer
    }
}
