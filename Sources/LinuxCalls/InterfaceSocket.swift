import CLinuxCalls
import Glibc

/// A socket bound to one interface; closed when it goes away unless it was handed on.
public struct InterfaceSocket: ~Copyable, Sendable {
    private let descriptor: Int32
    private let port: Int
    private var subject: String { "UDP port \(port)" }

    /// What comes to one address of the interface.
    public enum Kind: Sendable { case datagrams, connections }

    /// Binds `port` on every address of the interface (SO_BINDTODEVICE), so that broadcasts are heard; UDP, with broadcast
    /// allowed.
    public init(interface: String, port: Int) throws(NetworkCallError) {
        self.port = port
        descriptor = try NetworkCallError.check(
            bf_udp_socket(interface, UInt16(clamping: port)), "UDP port \(port) on \"\(interface)\"", "cannot be bound")
    }

    /// Binds `port` (0 lets the kernel choose) on one address, in host byte order, of the interface; a socket for
    /// connections listens.
    public init(interface: String, address: UInt32, port: Int, for kind: Kind) throws(NetworkCallError) {
        self.port = port
        descriptor = try NetworkCallError.check(
            bf_interface_socket(interface, kind == .connections ? 1 : 0, address, UInt16(clamping: port)),
            "\(kind == .connections ? "TCP" : "UDP") port \(port) on \"\(interface)\"", "cannot be bound")
    }

    /// Listens on an address of this host, in host byte order, whichever interface a connection comes by.
    public init(address: UInt32, port: Int) throws(NetworkCallError) {
        self.port = port
        descriptor = try NetworkCallError.check(
            bf_interface_socket("", 1, address, UInt16(clamping: port)), "TCP port \(port)", "cannot be bound")
    }

    init(descriptor: Int32, port: Int) {
        self.descriptor = descriptor
        self.port = port
    }

    /// Sends one datagram to an address in host byte order.
    public func send(_ bytes: [UInt8], to address: UInt32, port: Int) throws(NetworkCallError) {
        try NetworkCallError.check(
            bf_udp_send(descriptor, address, UInt16(clamping: port), bytes, bytes.count), subject, "cannot send")
    }

    /// One datagram and its sender's address in host byte order, or nil when the time is over.
    public func receive(milliseconds: Int) throws(NetworkCallError) -> (bytes: [UInt8], from: UInt32)? {
        var buffer = [UInt8](repeating: 0, count: 2048)
        var from: UInt32 = 0
        let count = try NetworkCallError.check(
            bf_udp_receive(descriptor, Int32(clamping: milliseconds), &buffer, buffer.count, &from), subject,
            "cannot receive")
        return count == 0 ? nil : (Array(buffer.prefix(Int(count))), from)
    }

    /// The port it is bound to, in host byte order; nil where the kernel does not say.
    public var localPort: Int? {
        let port = bf_local_port(descriptor)
        return port > 0 ? Int(port) : nil
    }

    /// The descriptor, which the caller now owns and closes.
    public consuming func handOver() -> Int32 {
        let handed = descriptor
        discard self
        return handed
    }

    deinit { close(descriptor) }
}

/// A raw ICMPv6 socket that hears router solicitations on one interface and answers all its nodes.
public final class RouterSocket: Sendable {
    private let descriptor: Int32
    private let index: Int32
    private let subject: String

    public init(interface: NetworkInterface) throws(NetworkCallError) {
        subject = "ICMPv6 on \"\(interface.name)\""
        index = interface.index
        descriptor = try NetworkCallError.check(
            bf_router_socket(interface.name, interface.index), subject, "cannot be opened")
    }

    /// One packet of this link, from its ICMPv6 type on, or nil when the time is over.
    public func receive(milliseconds: Int) throws(NetworkCallError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1500)
        let count = try NetworkCallError.check(
            bf_router_receive(descriptor, Int32(clamping: milliseconds), &buffer, buffer.count), subject,
            "cannot receive")
        return count == 0 ? nil : Array(buffer.prefix(Int(count)))
    }

    /// To all nodes of the link; the kernel fills the checksum in.
    public func send(_ bytes: [UInt8]) throws(NetworkCallError) {
        try NetworkCallError.check(
            bf_router_send(descriptor, index, bytes, bytes.count), subject, "cannot send")
    }

    deinit { close(descriptor) }
}
