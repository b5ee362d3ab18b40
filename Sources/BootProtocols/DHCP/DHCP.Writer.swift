import ByteCoding

extension DHCP.Message {
    /// The datagram's payload: options in their order, none in `file` or `sname`, values over 255 bytes as
    /// consecutive fragments (RFC 3396), padded to 300 bytes. Names too long for their fields are cut, with a NUL
    /// always left; the caller has put the whole name into option 66 or 67.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: isReply ? UInt8(2) : 1)
        writer.append(bigEndian: hardwareType)
        let hardware = hardwareAddress.prefix(16)
        writer.append(bigEndian: UInt8(hardware.count))
        writer.append(bigEndian: hops)
        writer.append(bigEndian: transaction)
        writer.append(bigEndian: seconds)
        writer.append(bigEndian: wantsBroadcast ? UInt16(0x8000) : 0)
        for address in [clientAddress, yourAddress, nextServer, relayAddress] {
            writer.append(bigEndian: address.value)
        }
        writer.append(Self.field(hardware, size: 16))
        writer.append(Self.field(serverName.prefix(63), size: 64))
        writer.append(Self.field(file.prefix(127), size: 128))
        writer.append(bigEndian: DHCP.cookie)
        for option in options {
            var rest = option.value[...]
            repeat {
                let fragment = rest.prefix(255)
                writer.append([option.code.rawValue, UInt8(fragment.count)])
                writer.append(fragment)
                rest = rest.dropFirst(255)
            } while !rest.isEmpty
        }
        writer.append([255])
        let short = DHCP.minimumSize - writer.bytes.count
        if short > 0 { writer.append([UInt8](repeating: 0, count: short)) }
        return writer.bytes
    }

    private static func field(_ content: ArraySlice<UInt8>, size: Int) -> [UInt8] {
        Array(content) + [UInt8](repeating: 0, count: size - content.count)
    }
}
