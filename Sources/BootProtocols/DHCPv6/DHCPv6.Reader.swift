import ByteCoding

extension DHCPv6.Message {
    /// Reads a datagram's payload; whatever it is, it is read or ignored with a reason, never trapped on.
    public static func read(_ bytes: [UInt8]) -> Reading<DHCPv6.Message> {
        guard bytes.count <= DHCPv6.maximumSize else { return .ignored(reason: "over 4096 bytes") }
        guard bytes.count >= 4 else { return .ignored(reason: "shorter than a DHCPv6 header") }
        guard let type = DHCPv6.MessageType(rawValue: bytes[0]) else {
            return .ignored(reason: "message type \(bytes[0]) is not served")
        }
        guard let options = DHCPv6.options(bytes[4...]) else {
            return .ignored(reason: "an option runs past the end of the message, or there are over 64")
        }
        let transaction = bytes[1..<4].reduce(0) { $0 << 8 | UInt32($1) }
        return .packet(DHCPv6.Message(type: type, transaction: transaction, options: options))
    }

    /// Option 61.
    public var architectures: [UInt16] {
        guard let value = self[.architectures] else { return [] }
        return stride(from: 0, to: value.count - value.count % 2, by: 2).map {
            UInt16(value[$0]) << 8 | UInt16(value[$0 + 1])
        }
    }

    /// The first class of option 16: `HTTPClient:Arch:00016:UNDI:003001`.
    public var vendorClass: String? {
        self[.vendorClass].flatMap { value in
            value.count > 4 ? DHCPv6.classes(value[4...]).first.map { String(decoding: $0, as: UTF8.self) } : nil
        }
    }

    public var userClasses: [String] {
        (self[.userClass].map { DHCPv6.classes($0[...]) } ?? []).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Options 3, in their order.
    public var associations: [DHCPv6.IdentityAssociation] {
        options.filter { $0.code == .addresses && $0.value.count >= 12 }.map { option in
            let inner = DHCPv6.options(option.value[12...]) ?? []
            return DHCPv6.IdentityAssociation(
                identifier: option.value[..<4].reduce(0) { $0 << 8 | UInt32($1) },
                addresses: inner.filter { $0.code == .address && $0.value.count >= 24 }.compactMap {
                    IPv6Address(bytes: $0.value[..<16])
                })
        }
    }

    /// The client's card: what a relay says, else its identifier (RFC 8415 sections 11.2 and 11.4), else the interface
    /// identifier of the address that it sent from. Firmware may identify itself by its UUID alone.
    public func card(sentFrom source: IPv6Address?) -> MACAddress? {
        if let value = self[.linkLayerAddress], value.count == 8, value[0] == 0, value[1] == 1 {
            return MACAddress(bytes: value[2...])
        }
        if let value = self[.clientIdentifier], value.count >= 4, value[2] == 0, value[3] == 1 {
            switch (value[0], value[1], value.count) {
            case (0, 1, 14): return MACAddress(bytes: value[8...])
            case (0, 3, 10): return MACAddress(bytes: value[4...])
            default: break
            }
        }
        return source.flatMap { $0.isLinkLocal ? $0.card : nil }
    }

    /// The UUID that a client identifies itself by (RFC 6355).
    public var machineUUID: [UInt8]? {
        guard let value = self[.clientIdentifier], value.count == 18, value[0] == 0, value[1] == 4 else { return nil }
        return Array(value[2...])
    }
}

extension DHCPv6 {
    /// Nil where one runs past the end, or there are too many.
    static func options(_ field: ArraySlice<UInt8>) -> [Option]? {
        var found: [Option] = []
        var reader = ByteReader(field)
        while !reader.isAtEnd {
            guard found.count < mostOptions, let code = try? reader.readBigEndian(UInt16.self),
                let length = try? reader.readBigEndian(UInt16.self), let value = try? reader.readBytes(Int(length))
            else { return nil }
            found.append(Option(OptionCode(rawValue: code), Array(value)))
        }
        return found
    }

    /// Classes as options 15 and 16 list them; what runs past the end is left out.
    static func classes(_ field: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var reader = ByteReader(field)
        while let length = try? reader.readBigEndian(UInt16.self), let value = try? reader.readBytes(Int(length)) {
            found.append(value)
        }
        return found
    }
}
