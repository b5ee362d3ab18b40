import ByteCoding

/// The two ICMPv6 packets that keep iPXE from waiting for an IPv6 router (RFC 4861 sections 4.1 and 4.2).
///
/// Debian's iPXE waits some 13 s between DHCP and its first HTTP request unless a router advertisement comes; one
/// with a router lifetime of 0 says "no router here" and gives no one an address or a route.
public enum RouterDiscovery {
    /// True for a well-formed router solicitation; `bytes` begins at the ICMPv6 type.
    public static func readSolicitation(_ bytes: [UInt8]) -> Reading<MACAddress?> {
        guard bytes.count >= 8, bytes[0] == 133, bytes[1] == 0 else {
            return .ignored(reason: "not a router solicitation")
        }
        var source: MACAddress?
        var rest = bytes.dropFirst(8)
        while !rest.isEmpty {
            guard let kind = rest.first, let units = rest.dropFirst().first, units > 0, rest.count >= Int(units) * 8
            else { return .ignored(reason: "an option of the router solicitation runs past its end") }
            if kind == 1, units == 1 { source = MACAddress(bytes: rest.dropFirst(2).prefix(6)) }
            rest = rest.dropFirst(Int(units) * 8)
        }
        return .packet(source)
    }

    /// A router advertisement of lifetime 0: no router is here. With a prefix, addresses come by DHCPv6 (the flags M and O),
    /// and the prefix is on this link (its flag L; nobody makes an address of it for himself); with the sender's link-layer address; its checksum is 0, which the
    /// kernel fills in.
    public static func advertisement(from source: MACAddress, prefix: IPv6Prefix? = nil) -> [UInt8] {
        var writer = ByteWriter()
        writer.append([134, 0, 0, 0])
        // Hop limit unspecified; without a prefix no managed or other configuration: hosts keep what they have.
        writer.append([0, prefix == nil ? 0 : 0xc0])
        writer.append(bigEndian: UInt16(0))
        writer.append(bigEndian: UInt32(0))
        writer.append(bigEndian: UInt32(0))
        writer.append([1, 1] + source.bytes)
        if let prefix {
            // For ever, since nothing is sent but answers (RFC 4861 section 4.6.2).
            writer.append([3, 4, UInt8(IPv6Prefix.length), 0x80])
            writer.append(repeating: 0xff, count: 8)
            writer.append(repeating: 0, count: 4)
            writer.append(prefix.address.bytes)
        }
        return writer.bytes
    }
}
