import ByteCoding

extension DHCPv6.Message {
    /// The datagram's payload. Values over 65,535 bytes are cut, which none of ours is.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: UInt32(type.rawValue) << 24 | transaction)
        writer.append(DHCPv6.bytes(of: options))
        return writer.bytes
    }
}

extension DHCPv6 {
    static func bytes(of options: [Option]) -> [UInt8] {
        var writer = ByteWriter()
        for option in options {
            let value = option.value.prefix(Int(UInt16.max))
            writer.append(bigEndian: option.code.rawValue)
            writer.append(bigEndian: UInt16(value.count))
            writer.append(value)
        }
        return writer.bytes
    }
}

extension DHCPv6.Option {
    public init(_ code: DHCPv6.OptionCode, _ text: String) { self.init(code, Array(text.utf8)) }

    /// Option 3 with its answer: renewed after half of an address's time, asked of anyone after seven eighths.
    public init(_ association: DHCPv6.IdentityAssociation, _ grant: DHCPv6.Grant) {
        var writer = ByteWriter()
        writer.append(bigEndian: association.identifier)
        switch grant {
        case .address(let address, let seconds):
            writer.append(bigEndian: seconds / 2)
            writer.append(bigEndian: seconds / 8 * 7)
            var inner = ByteWriter()
            inner.append(address.bytes)
            inner.append(bigEndian: seconds)
            inner.append(bigEndian: seconds)
            writer.append(DHCPv6.bytes(of: [DHCPv6.Option(.address, inner.bytes)]))
        case .status(let status):
            writer.append(repeating: 0, count: 8)
            writer.append(DHCPv6.bytes(of: [DHCPv6.Option(status, "")]))
        }
        self.init(.addresses, writer.bytes)
    }

    /// Option 13.
    public init(_ status: DHCPv6.Status, _ message: String) {
        var writer = ByteWriter()
        writer.append(bigEndian: status.rawValue)
        writer.append(utf8: message)
        self.init(.status, writer.bytes)
    }

    /// Option 16 with one class, under Intel's number (343) as PXE firmware has it.
    public init(vendorClass: String) {
        var writer = ByteWriter()
        writer.append(bigEndian: UInt32(343))
        writer.append(bigEndian: UInt16(clamping: vendorClass.utf8.count))
        writer.append(utf8: vendorClass)
        self.init(.vendorClass, writer.bytes)
    }
}
