import CLinuxCalls
import Glibc

/// A DHCPv6 server's socket on one interface; addresses are 16 bytes in network order.
public final class DHCPv6Socket: Sendable {
    private let descriptor: Int32
    private let index: Int32
    private let subject: String

    public init(interface: NetworkInterface, port: Int) throws(NetworkCallError) {
        subject = "UDP port \(port) on \"\(interface.name)\", IPv6"
        index = interface.index
        descriptor = try NetworkCallError.check(
            bf_dhcp6_socket(interface.name, interface.index, UInt16(clamping: port)), subject, "cannot be bound")
    }

    /// One datagram and its sender's address, or nil when the time is over.
    public func receive(milliseconds: Int) throws(NetworkCallError) -> (bytes: [UInt8], from: [UInt8])? {
        var buffer = [UInt8](repeating: 0, count: 4097)
        var from = [UInt8](repeating: 0, count: 16)
        let count = try NetworkCallError.check(
            bf_udp6_receive(descriptor, Int32(clamping: milliseconds), &buffer, buffer.count, &from), subject,
            "cannot receive")
        return count == 0 ? nil : (Array(buffer.prefix(Int(count))), from)
    }

    public func send(_ bytes: [UInt8], to address: [UInt8], port: Int) throws(NetworkCallError) {
        guard address.count == 16 else { return }
        try NetworkCallError.check(
            bf_udp6_send(descriptor, index, address, UInt16(clamping: port), bytes, bytes.count), subject,
            "cannot send")
    }

    deinit { close(descriptor) }
}

extension NetworkInterface {
    /// Its first address within a /64, whose first 8 bytes are given; nil where it has none.
    public func address(in prefix: [UInt8]) throws(NetworkCallError) -> [UInt8]? {
        guard prefix.count == 8 else { return nil }
        var found = [UInt8](repeating: 0, count: 16)
        let result = try NetworkCallError.check(
            bf_find_address6(name, prefix, &found), "interface \"\(name)\"", "cannot be asked for its addresses")
        return result == 1 ? found : nil
    }
}

extension InterfaceSocket {
    /// Binds `port` (0 lets the kernel choose) on one IPv6 address, 16 bytes, of the interface; a socket for connections
    /// listens.
    public init(interface: String, address: [UInt8], port: Int, for kind: Kind) throws(NetworkCallError) {
        precondition(address.count == 16)
        self.init(
            descriptor: try NetworkCallError.check(
                bf_interface_socket6(interface, kind == .connections ? 1 : 0, address, UInt16(clamping: port)),
                "\(kind == .connections ? "TCP" : "UDP") port \(port) on \"\(interface)\", IPv6", "cannot be bound"),
            port: port)
    }
}
