import CLinuxCalls
import Diagnostics
import Glibc

/// A network call that the kernel refused.
public struct NetworkCallError: ExplainedError {
    public var kind: FailureKind { .host }
    public var subject: String
    public var message: String
    /// The kernel's number.
    public var errorNumber: Int32
    public var cause: String? { String(cString: strerror(errorNumber)) }
    public var remedy: String? {
        switch errorNumber {
        case EPERM, EACCES: "run it as root, or give the program cap_net_raw, cap_net_admin and cap_net_bind_service"
        case EADDRINUSE: "stop the other server on this port (`ss -lup` names it)"
        case ENODEV: "`ip link` lists the interfaces"
        default: nil
        }
    }

    /// `result`, unless it is a negated errno.
    @discardableResult
    static func check(_ result: Int32, _ subject: String, _ message: String) throws(NetworkCallError) -> Int32 {
        guard result >= 0 else { throw NetworkCallError(subject: subject, message: message, errorNumber: -result) }
        return result
    }
}

/// A network interface as the kernel knows it.
public struct NetworkInterface: Sendable, Equatable {
    public var name: String
    public var index: Int32
    /// Bytes of the largest IP packet.
    public var mtu: Int
    public var isUp: Bool
    /// Six bytes; nil for what is not Ethernet.
    public var hardwareAddress: [UInt8]?
    /// Its first IPv4 address in host byte order, with its prefix length; nil without one.
    public var address: (value: UInt32, prefixLength: Int)? {
        addressValue == 0 ? nil : (addressValue, prefixLength)
    }
    private var addressValue: UInt32
    private var prefixLength: Int

    /// Looks an interface up by name.
    public init(named name: String) throws(NetworkCallError) {
        var found = bf_interface()
        try NetworkCallError.check(
            bf_find_interface(name, &found), "interface \"\(name)\"", "cannot be looked up")
        self.name = name
        index = found.index
        mtu = Int(found.mtu)
        isUp = found.is_up != 0
        let mac = found.mac
        hardwareAddress = found.is_ethernet == 0 ? nil : [mac.0, mac.1, mac.2, mac.3, mac.4, mac.5]
        addressValue = found.address
        prefixLength = Int(found.prefix_length)
    }
}
