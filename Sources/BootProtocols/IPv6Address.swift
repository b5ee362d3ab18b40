/// An IPv6 address, written `fd00:77::1` as RFC 5952 asks.
public struct IPv6Address: Hashable, Sendable, CustomStringConvertible {
    /// 16 bytes in network order.
    public let bytes: [UInt8]

    /// Nil unless there are exactly 16 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Groups of up to four hexadecimal digits with `:` between them, `::` once for a run of zeros; no zone, and no
    /// IPv4 address at the end. Nil for anything else.
    public init?(_ text: String) {
        let halves = Self.split(text)
        guard let halves, halves.count <= 2 else { return nil }
        let groups = halves.map { $0.isEmpty ? [] : $0.split(separator: ":", omittingEmptySubsequences: false) }
        let count = groups.reduce(0) { $0 + $1.count }
        guard halves.count == 1 ? count == 8 : count < 8 else { return nil }
        var bytes: [UInt8] = []
        for (index, half) in groups.enumerated() {
            if index == 1 { bytes += [UInt8](repeating: 0, count: (8 - count) * 2) }
            for group in half {
                guard (1...4).contains(group.count), group.allSatisfy(\.isHexDigit), group.utf8.count == group.count,
                    let value = UInt16(group, radix: 16)
                else { return nil }
                bytes += [UInt8(value >> 8), UInt8(value & 0xff)]
            }
        }
        self.init(bytes: bytes)
    }

    /// What stands before and after `::`; nil where a third part would follow.
    private static func split(_ text: String) -> [Substring]? {
        let characters = Array(text)
        let places = characters.indices.dropLast().filter { characters[$0] == ":" && characters[$0 + 1] == ":" }
        guard let place = places.first else { return [text[...]] }
        guard places.count == 1 else { return nil }
        let middle = text.index(text.startIndex, offsetBy: place)
        return [text[..<middle], text[text.index(middle, offsetBy: 2)...]]
    }

    /// The address that a card takes in a /64: RFC 4291, appendix A.
    public init(prefix: IPv6Prefix, card: MACAddress) {
        let mac = card.bytes
        self.bytes =
            prefix.address.bytes.prefix(8) + [mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]
    }

    /// The card that the address was made of, by the same rule; nil for any other.
    public var card: MACAddress? {
        guard bytes[11] == 0xff, bytes[12] == 0xfe else { return nil }
        return MACAddress(bytes: [bytes[8] ^ 2] + bytes[9...10] + bytes[13...15])
    }

    public var isLinkLocal: Bool { bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 }

    public var description: String {
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        func text(_ part: some Sequence<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return text(groups) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

/// A network of 64 bits, written `fd00:77::/64`.
public struct IPv6Prefix: Hashable, Sendable, CustomStringConvertible {
    /// Its last 8 bytes are 0.
    public let address: IPv6Address
    public static let length = 64

    /// Nil unless it is an address whose last 64 bits are 0, and `/64`.
    public init?(_ text: String) {
        guard text.hasSuffix("/64"), let address = IPv6Address(String(text.dropLast(3))),
            address.bytes.suffix(8).allSatisfy({ $0 == 0 }), !address.isLinkLocal, address.bytes[0] != 0xff,
            address.bytes.contains(where: { $0 != 0 })
        else { return nil }
        self.address = address
    }

    public func contains(_ other: IPv6Address) -> Bool { other.bytes.prefix(8) == address.bytes.prefix(8) }

    public var description: String { "\(address)/64" }
}
