/// What reading a datagram gave: the network is full of strangers, so a malformed packet is no error.
public enum Reading<Packet: Sendable>: Sendable {
    case packet(Packet)
    /// The reason in words, for a counter and a debug line.
    case ignored(reason: String)

    /// The packet, when there is one.
    public var packet: Packet? {
        if case .packet(let packet) = self { packet } else { nil }
    }
}
