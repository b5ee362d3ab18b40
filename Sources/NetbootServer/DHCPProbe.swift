import BootProtocols
import LinuxCalls

/// Looks for another DHCP server before this one answers anyone: two of them on one network break both.
enum DHCPProbe {
    /// The first other server heard on the interface, or nil; blocking for `seconds` of `now`.
    ///
    /// A discover is what every server answers; an inform goes first, since dnsmasq answers it at once but pings for 3 s
    /// before it offers, deaf the while.
    static func run(
        interface: String, mac: MACAddress, address: IPv4Address, transaction: UInt32, seconds: Int = 2,
        now: () -> Duration
    ) throws -> IPv4Address? {
        let socket = try InterfaceSocket(interface: interface, port: DHCP.clientPort)
        var discover = DHCP.Message(
            isReply: false, hardwareAddress: mac.bytes, transaction: transaction, wantsBroadcast: true)
        discover.options = [
            DHCP.Option(.messageType, [DHCP.MessageType.discover.rawValue]),
            DHCP.Option(.parameterRequests, [1, 3, 51, 54]),
        ]
        var inform = discover
        inform.clientAddress = address
        inform.options[0] = DHCP.Option(.messageType, [DHCP.MessageType.inform.rawValue])
        let end = now() + .seconds(seconds)
        // Twice: one may be lost.
        var sendAt = [end - .seconds(seconds), end - .seconds(seconds) / 2]
        while now() < end {
            if let next = sendAt.first, now() >= next {
                sendAt.removeFirst()
                for message in [inform, discover] {
                    try socket.send(message.bytes, to: IPv4Address.broadcast.value, port: DHCP.serverPort)
                }
            }
            guard let (bytes, from) = try socket.receive(milliseconds: 100),
                let reply = DHCP.Message.read(bytes).packet, reply.isReply, reply.transaction == transaction,
                reply.messageType == .offer || reply.messageType == .acknowledge
            else { continue }
            let server = reply.serverIdentifier ?? IPv4Address(value: from)
            if server != address { return server }
        }
        return nil
    }
}
