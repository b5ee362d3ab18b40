/// An IPv4 network in CIDR notation, `10.77.0.0/24` (RFC 4632).
public struct IPv4Network: Hashable, Sendable, CustomStringConvertible {
    /// The lowest address: bits past the prefix are 0.
    public let address: IPv4Address
    /// 0 to 32.
    public let prefixLength: Int

    /// The network that `address` is in; the length is clamped to 0...32.
    public init(containing address: IPv4Address, prefixLength: Int) {
        self.prefixLength = min(max(prefixLength, 0), 32)
        self.address = IPv4Address(value: address.value & Self.mask(self.prefixLength))
    }

    /// Nil unless it is an address, `/`, and a length; bits past the prefix must be 0, or a typing error hides in them.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let length = Int(parts[1]),
            String(length) == parts[1], (0...32).contains(length)
        else { return nil }
        self.init(containing: address, prefixLength: length)
        guard self.address == address else { return nil }
    }

    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : UInt32.max << UInt32(32 - length) }

    public var mask: IPv4Address { IPv4Address(value: Self.mask(prefixLength)) }
    public var broadcast: IPv4Address { IPv4Address(value: address.value | ~mask.value) }

    public func contains(_ other: IPv4Address) -> Bool { other.value & mask.value == address.value }

    public func overlaps(_ other: IPv4Network) -> Bool { contains(other.address) || other.contains(address) }

    public var description: String { "\(address)/\(prefixLength)" }
}
