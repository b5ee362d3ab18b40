import ByteCoding

/// The Address Resolution Protocol for IPv4 over Ethernet (RFC 826), as far as looking for an address's user needs it.
public enum ARP {
    /// A probe (RFC 5227 section 2.1.1): a request from no address, so that nobody's cache learns a wrong one. It begins at
    /// the hardware type; the socket adds the Ethernet header.
    public static func probe(for address: IPv4Address, from mac: MACAddress) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: UInt16(1))
        writer.append(bigEndian: UInt16(0x0800))
        writer.append([6, 4])
        writer.append(bigEndian: UInt16(1))
        writer.append(mac.bytes)
        writer.append(bigEndian: UInt32(0))
        writer.append([UInt8](repeating: 0, count: 6))
        writer.append(bigEndian: address.value)
        return writer.bytes
    }

    /// Who says in a request or a reply that it has an address; nil for anything else, and for a probe.
    public static func sender(_ bytes: [UInt8]) -> (mac: MACAddress, address: IPv4Address)? {
        guard bytes.count >= 28, bytes.starts(with: [0, 1, 8, 0, 6, 4, 0]), bytes[7] == 1 || bytes[7] == 2,
            let mac = MACAddress(bytes: bytes[8..<14]), let address = IPv4Address(bytes: bytes[14..<18]),
            address != .unspecified, mac.isOfOneCard
        else { return nil }
        return (mac, address)
    }
}
