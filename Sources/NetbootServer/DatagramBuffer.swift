import LinuxCalls

/// The parts of the datagrams that are sent next: headers of four bytes kept here, payloads pointed at where they lie.
final class DatagramBuffer {
    /// The kernel splits one send into at most so many datagrams (UDP_MAX_SEGMENTS).
    static let mostDatagrams = 64
    /// An extra part at each change of extent; a send with more is cut in two.
    private static let mostParts = 512

    private let parts = UnsafeMutablePointer<DataSocket.Part>.allocate(capacity: mostParts)
    private let headers = UnsafeMutableRawPointer.allocate(byteCount: mostDatagrams * 4, alignment: 8)
    private var partCount = 0
    private var headerCount = 0

    deinit {
        parts.deallocate()
        headers.deallocate()
    }

    func clear() {
        partCount = 0
        headerCount = 0
    }

    /// Begins a DATA packet (RFC 1350 section 5).
    func beginBlock(_ number: UInt16) {
        let header = headers + headerCount * 4
        header.storeBytes(of: (UInt32(3) << 16 | UInt32(number)).bigEndian, as: UInt32.self)
        headerCount += 1
        append(UnsafeRawPointer(header), 4)
    }

    /// Bytes that stay where they are until the send; a part that goes on where the last one ended joins it.
    func append(_ bytes: UnsafeRawPointer, _ count: Int) {
        parts[partCount] = DataSocket.Part(iov_base: UnsafeMutableRawPointer(mutating: bytes), iov_len: count)
        partCount += 1
    }

    /// There is room for another block that touches `extents` extents.
    func hasRoom(extents: Int) -> Bool { headerCount < Self.mostDatagrams && partCount + 1 + extents <= Self.mostParts }

    /// Bytes sent, or an errno negated.
    func send(to socket: Int32, segment: Int, peer: DataSocket.Peer? = nil) -> Int {
        DataSocket.send(
            socket, parts: parts, count: partCount, segment: headerCount > 1 ? UInt16(segment) : 0, to: peer)
    }
}
