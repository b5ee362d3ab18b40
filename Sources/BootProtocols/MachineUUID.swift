/// A machine's SMBIOS UUID, written `4c4c4544-0042-3510-8054-b4c04f4d3132` as `dmidecode` and RFC 4122 write it.
public struct MachineUUID: Hashable, Sendable, CustomStringConvertible {
    /// 16 bytes in the order they are written.
    public let bytes: [UInt8]

    /// Nil unless there are exactly 16 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Groups of 8, 4, 4, 4 and 12 hexadecimal digits with `-` between them; nil for anything else.
    public init?(_ text: String) {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12] else { return nil }
        let digits = Array(groups.joined().utf8)
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The same with the first three groups in the other byte order: SMBIOS stores them little-endian, and firmware
    /// disagrees on which form goes into DHCP's option 97 (iPXE turns them round, EDK2 does not).
    public var swapped: MachineUUID {
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
        return MachineUUID(swapping: order.map { bytes[$0] })
    }

    private init(swapping bytes: [UInt8]) { self.bytes = bytes }

    /// False for what firmware without a UUID says: one byte all through, such as 0 or 255.
    public var isMeaningful: Bool { Set(bytes).count > 1 }

    public var description: String {
        let digits = bytes.map(\.twoHexadecimalDigits)
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }
}
