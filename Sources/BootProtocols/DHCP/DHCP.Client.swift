extension DHCP.Message {
    /// Option 53, or nil where it is absent or unknown (plain BOOTP).
    public var messageType: DHCP.MessageType? { self[.messageType]?.first.flatMap(DHCP.MessageType.init) }

    /// `chaddr` as an Ethernet address; nil for other hardware.
    public var macAddress: MACAddress? { hardwareType == 1 ? MACAddress(bytes: hardwareAddress) : nil }

    public var requestedAddress: IPv4Address? { self[.requestedAddress].flatMap(IPv4Address.init(bytes:)) }
    public var serverIdentifier: IPv4Address? { self[.serverIdentifier].flatMap(IPv4Address.init(bytes:)) }

    /// Option 60 as text; some clients end it with a NUL.
    public var vendorClass: String? { self[.vendorClass].map(Self.text) }

    /// Option 67, else the `file` field; nil where both are empty.
    public var bootFileName: String? {
        let name = Self.text(self[.bootFileName] ?? file)
        return name.isEmpty ? nil : name
    }

    /// Option 93, in the client's order of preference.
    public var architectures: [UInt16] {
        let bytes = self[.architectures] ?? []
        return stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    }

    /// Option 77: the list of RFC 3004, or the whole value as one class, which is how iPXE and others send it.
    public var userClasses: [String] {
        let bytes = self[.userClass] ?? []
        var classes: [String] = []
        var rest = bytes[...]
        while let length = rest.popFirst() {
            guard length > 0, rest.count >= Int(length) else { return [Self.text(bytes)] }
            classes.append(Self.text(Array(rest.prefix(Int(length)))))
            rest = rest.dropFirst(Int(length))
        }
        return classes
    }

    /// The 16 bytes of option 97, type 0; nil where it is absent or of another form.
    public var machineUUID: [UInt8]? {
        guard let value = self[.machineIdentifier], value.count == 17, value[0] == 0 else { return nil }
        return Array(value.dropFirst())
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
