/// What a lease database holds: the leases of every range that a server lends from.
public struct RememberedLeases: Codable, Equatable, Sendable {
    public var version: Int?
    public var leases: [Leases.Lease]

    public init(_ leases: [Leases.Lease]) {
        version = 1
        self.leases = leases
    }
}

extension RememberedLeases {
    /// The file's bytes: JSON with sorted keys, as `JSONEncoder` writes it.
    ///
    /// By hand, since the whole is written each time nodes were given addresses: for 10,000 leases the encoder took a third
    /// of all that the server did while they booted.
    public var json: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(leases.count * 96 + 32)
        bytes += "{\"leases\":[".utf8
        for (index, lease) in leases.enumerated() {
            bytes += (index == 0 ? "{\"address\":\"" : ",{\"address\":\"").utf8
            for shift: UInt32 in [24, 16, 8, 0] {
                Self.append(Int(lease.address.value >> shift & 0xff), to: &bytes)
                if shift > 0 { bytes.append(UInt8(ascii: ".")) }
            }
            bytes += "\",\"client\":\"".utf8
            for (place, byte) in lease.client.bytes.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ":")) }
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 15))
            }
            bytes += "\",\"expires\":".utf8
            Self.append(lease.expires, to: &bytes)
            bytes += ",\"state\":\"".utf8
            bytes += lease.state.rawValue.utf8
            bytes += "\"}".utf8
        }
        bytes += "]".utf8
        if let version {
            bytes += ",\"version\":".utf8
            Self.append(version, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? 0x30 : 0x57) }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var left = number.magnitude
        repeat {
            bytes.append(0x30 + UInt8(left % 10))
            left /= 10
        } while left > 0
        bytes[start...].reverse()
    }
}
