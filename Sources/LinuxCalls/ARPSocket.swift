import CLinuxCalls
import Glibc

/// A packet socket that sends ARP to every machine of one interface's link, and hears what comes back.
public final class ARPSocket: Sendable {
    private let descriptor: Int32
    private let index: Int32
    private let subject: String

    public init(interface: NetworkInterface) throws(NetworkCallError) {
        subject = "ARP on \"\(interface.name)\""
        index = interface.index
        descriptor = try NetworkCallError.check(bf_arp_socket(interface.index), subject, "cannot be opened")
    }

    /// To everyone on the link; `bytes` begins at ARP's hardware type.
    public func send(_ bytes: [UInt8]) throws(NetworkCallError) {
        try NetworkCallError.check(bf_arp_send(descriptor, index, bytes, bytes.count), subject, "cannot send")
    }

    /// One packet from ARP's hardware type on, or nil when the time is over.
    public func receive(milliseconds: Int) throws(NetworkCallError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try NetworkCallError.check(
            bf_arp_receive(descriptor, Int32(clamping: milliseconds), &buffer, buffer.count), subject,
            "cannot receive")
        return count == 0 ? nil : Array(buffer.prefix(Int(count)))
    }

    deinit { close(descriptor) }
}
