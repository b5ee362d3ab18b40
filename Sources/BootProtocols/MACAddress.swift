/// An Ethernet address: the name a node has before it has any other. Six bytes, written `52:54:00:12:34:56`.
public struct MACAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The six bytes as one number, the first byte highest.
    private let value: UInt64

    /// Nil unless there are exactly six bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        value = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Six pairs of hexadecimal digits with `:` or `-` between them; nil for anything else.
    public init?(_ text: String) {
        let pairs = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        let bytes = pairs.compactMap { $0.count == 2 && $0.allSatisfy(\.isHexDigit) ? UInt8($0, radix: 16) : nil }
        guard bytes.count == pairs.count else { return nil }
        self.init(bytes: bytes)
    }

    public var bytes: [UInt8] {
        stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt64($0)) }
    }

    /// False for group addresses, broadcast among them, and for all zeros, which no card has.
    public var isOfOneCard: Bool { value != 0 && value >> 40 & 1 == 0 }

    public var description: String { bytes.map(\.twoHexadecimalDigits).joined(separator: ":") }

    public static func < (a: MACAddress, b: MACAddress) -> Bool { a.value < b.value }
}

extension MACAddress: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let address = MACAddress(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is not a MAC address"))
        }
        self = address
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension UInt8 {
    var twoHexadecimalDigits: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
