import BootProtocols

/// An IPv4 address and a port, in host byte order.
struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    var address: UInt32
    var port: UInt16

    var description: String { "\(IPv4Address(value: address)):\(port)" }
}
