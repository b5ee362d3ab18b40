extension DHCP.MessageType {
    /// As RFC 2131 calls it.
    public var word: String {
        switch self {
        case .discover: "DISCOVER"
        case .offer: "OFFER"
        case .request: "REQUEST"
        case .decline: "DECLINE"
        case .acknowledge: "ACK"
        case .refuse: "NAK"
        case .release: "RELEASE"
        case .inform: "INFORM"
        }
    }
}

extension DHCP.Option {
    private enum Form { case address, addresses, seconds, text, number, hexadecimal }

    private static let names: [UInt8: (name: String, form: Form)] = [
        1: ("subnet mask", .address), 3: ("router", .addresses), 6: ("name servers", .addresses),
        12: ("hostname", .text), 15: ("domain", .text), 28: ("broadcast address", .address),
        43: ("vendor-specific", .hexadecimal), 50: ("requested address", .address), 51: ("lease time", .seconds),
        53: ("message type", .number), 54: ("server", .address), 55: ("parameters asked for", .number),
        56: ("message", .text), 58: ("renewal", .seconds), 59: ("rebinding", .seconds), 60: ("vendor class", .text),
        66: ("TFTP server", .text), 67: ("boot file", .text), 77: ("user class", .text),
        82: ("relay agent", .hexadecimal), 93: ("architecture", .number), 97: ("machine identifier", .hexadecimal),
        175: ("iPXE", .hexadecimal), 209: ("configuration file", .text), 210: ("path prefix", .text),
    ]

    /// `54 server 10.77.0.1`; bytes that are no plain text as hexadecimal digits.
    public var words: String {
        let (name, form) = Self.names[code.rawValue] ?? ("", .hexadecimal)
        let start = "\(code.rawValue)" + (name.isEmpty ? "" : " \(name)")
        let digits = value.map(\.twoHexadecimalDigits).joined(separator: " ")
        switch form {
        case .address, .addresses:
            let addresses = stride(from: 0, to: value.count - value.count % 4, by: 4).compactMap {
                IPv4Address(bytes: value[$0..<($0 + 4)])
            }
            return value.count % 4 == 0
                ? "\(start) \(addresses.map(\.description).joined(separator: ", "))" : "\(start) \(digits)"
        case .seconds:
            guard value.count == 4 else { return "\(start) \(digits)" }
            return "\(start) \(value.reduce(0) { $0 << 8 | UInt32($1) }) s"
        case .text where value.allSatisfy({ (0x20...0x7e).contains($0) }):
            return "\(start) \"\(String(decoding: value, as: UTF8.self))\""
        case .number where code == .messageType:
            return "\(start) \(value.first.flatMap(DHCP.MessageType.init)?.word ?? digits)"
        case .number where code == .architectures:
            let numbers = stride(from: 0, to: value.count - 1, by: 2).map { Int(value[$0]) << 8 | Int(value[$0 + 1]) }
            return "\(start) \(numbers.map(String.init).joined(separator: ", "))"
        case .number: return "\(start) \(value.map(String.init).joined(separator: ", "))"
        case .text, .hexadecimal: return "\(start) \(digits)"
        }
    }
}

extension DHCP.Message {
    /// What the message says, a field or option a line; fields that are 0 or empty are left out.
    public var words: [String] {
        var lines: [String] = []
        for (name, address) in [
            ("ciaddr", clientAddress), ("yiaddr", yourAddress), ("siaddr", nextServer), ("giaddr", relayAddress),
        ] where address != .unspecified {
            lines.append("\(name) \(address)")
        }
        if !file.isEmpty { lines.append("file \"\(String(decoding: file, as: UTF8.self))\"") }
        return lines + options.filter { $0.code != .messageType }.map { "option \($0.words)" }
    }
}
