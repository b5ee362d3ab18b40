/// An IPv4 address, written `10.77.0.1`.
public struct IPv4Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Host byte order: `10.0.0.1` is `0x0a000001`.
    public var value: UInt32

    /// `0.0.0.0`: no address yet.
    public static let unspecified = IPv4Address(value: 0)
    /// `255.255.255.255`: everyone on this link.
    public static let broadcast = IPv4Address(value: .max)

    public init(value: UInt32) { self.value = value }

    /// Four decimal numbers with dots between them; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard part.count <= 3, part.allSatisfy({ $0.isASCII && $0.isNumber }), let byte = UInt8(part) else {
                return nil
            }
            value = value << 8 | UInt32(byte)
        }
        self.init(value: value)
    }

    /// Nil unless there are exactly four bytes, in network order.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 else { return nil }
        self.init(value: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// Network order.
    public var bytes: [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    public var description: String { bytes.map(String.init).joined(separator: ".") }

    public static func < (a: IPv4Address, b: IPv4Address) -> Bool { a.value < b.value }
}

extension IPv4Address: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let address = IPv4Address(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is not an IPv4 address"))
        }
        self = address
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
