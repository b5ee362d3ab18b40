import CLinuxCalls
import Glibc

/// Calls that move bulk data through a socket without waiting; each returns bytes, or an errno negated. Addresses and
/// ports are in host byte order.
public enum DataSocket {
    /// One part of a datagram, laid out as the kernel wants it.
    public typealias Part = iovec

    /// The other end: a host and a port.
    public struct Peer: Hashable, Sendable {
        /// An IPv4 address as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
        public let address: UInt128
        public let port: UInt16
        /// The interface of a link-local address.
        private let scope: UInt32

        private static let mapped: UInt128 = 0xffff << 32

        public init(ipv4 address: UInt32, port: UInt16) {
            self.address = Self.mapped | UInt128(address)
            self.port = port
            scope = 0
        }

        init(_ peer: bf_peer) {
            address = UInt128(peer.high) << 64 | UInt128(peer.low)
            port = peer.port
            scope = peer.scope
        }

        /// Nil for an IPv6 host.
        public var ipv4: UInt32? { address >> 32 == Self.mapped >> 32 ? UInt32(truncatingIfNeeded: address) : nil }

        var asked: bf_peer {
            bf_peer(
                high: UInt64(truncatingIfNeeded: address >> 64), low: UInt64(truncatingIfNeeded: address), scope: scope,
                port: port)
        }
    }

    public static func setNonblocking(_ socket: Int32) { _ = bf_set_nonblocking(socket) }

    /// What others send to a connected datagram socket is dropped by the kernel.
    public static func connect(_ socket: Int32, to peer: Peer) -> Int32 {
        withUnsafePointer(to: peer.asked) { bf_connect_datagrams(socket, $0) }
    }

    /// The path's MTU, of a connected socket; nil where the kernel does not say.
    public static func pathMTU(_ socket: Int32) -> Int? {
        let mtu = bf_path_mtu(socket)
        return mtu > 0 ? Int(mtu) : nil
    }

    public static func receive(_ socket: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        bf_receive(socket, buffer.baseAddress, buffer.count)
    }

    public static func receive(
        _ socket: Int32, into buffer: UnsafeMutableRawBufferPointer, from peer: inout Peer
    ) -> Int {
        var sender = bf_peer()
        let count = bf_receive_from(socket, buffer.baseAddress, buffer.count, &sender)
        if count >= 0 { peer = Peer(sender) }
        return count
    }

    /// `more`: the rest of a segment follows soon.
    public static func send(_ socket: Int32, _ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Int {
        bf_send(socket, bytes.baseAddress, bytes.count, more ? 1 : 0)
    }

    /// The parts as one datagram or, with a segment size, as datagrams of that many bytes each, cut by the kernel
    /// (UDP_SEGMENT). Without a peer they go to the one that the socket is connected to.
    ///
    /// The kernel alone reads the parts: memory of a mapped file that has been cut short is EFAULT, never a signal.
    public static func send(
        _ socket: Int32, parts: UnsafeMutablePointer<Part>, count: Int, segment: UInt16 = 0, to peer: Peer? = nil
    ) -> Int {
        guard let peer else { return bf_send_parts(socket, parts, count, segment, nil) }
        return withUnsafePointer(to: peer.asked) { bf_send_parts(socket, parts, count, segment, $0) }
    }

    /// The next connection of a listener, which never waits and sends small pieces at once.
    public static func accept(_ listener: Int32, from peer: inout Peer) -> Int32 {
        var sender = bf_peer()
        let connection = bf_accept(listener, &sender)
        if connection >= 0 { peer = Peer(sender) }
        return connection
    }

    /// From a file's offset straight to a socket: sendfile(2).
    public static func sendFile(_ file: Int32, offset: Int, count: Int, to socket: Int32) -> Int {
        bf_send_file(socket, file, Int64(offset), count)
    }

    /// Bytes that the peer of a connection has not acknowledged yet.
    public static func unacknowledged(_ socket: Int32) -> Int { max(0, Int(bf_unsent(socket))) }

    /// A connection under way, from one of this host's addresses where `source` is not 0.
    public static func open(connectionTo address: UInt32, port: UInt16, from source: UInt32 = 0) -> Int32 {
        bf_connect_stream(source, address, port)
    }

    /// A datagram socket of one local address and a port of the kernel's choice, with a large receive buffer.
    public static func open(datagramsAt address: UInt32) -> Int32 { bf_datagram_socket(address) }

    /// 0, or why a connection could not be made.
    public static func pendingError(_ socket: Int32) -> Int32 { bf_pending_error(socket) }
}

extension DataSocket {
    /// One datagram to an address that the socket is not connected to.
    public static func send(_ socket: Int32, _ bytes: [UInt8], to address: UInt32, port: UInt16) -> Int {
        Int(bf_udp_send(socket, address, port, bytes, bytes.count))
    }

    /// Room for the answers to thousands of nodes; as root beyond the host's limit.
    public static func enlargeReceiveBuffer(_ socket: Int32) { bf_enlarge_receive_buffer(socket, 16 << 20) }
}
