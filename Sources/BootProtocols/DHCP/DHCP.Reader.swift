import ByteCoding

extension DHCP.Message {
    /// Reads a datagram's payload. Options in an overloaded `file` and `sname` (option 52) follow those of the
    /// options field, and fragments join in that order (RFC 3396 section 7). A missing end option is forgiven,
    /// as is a name without its NUL; an option that runs past its field is not.
    public static func read(_ bytes: [UInt8]) -> Reading<DHCP.Message> {
        guard bytes.count <= DHCP.maximumSize else { return .ignored(reason: "\(bytes.count) bytes is too long") }
        do throws(ByteReader.Failure) {
            return try readMessage(ByteReader(bytes))
        } catch {
            return .ignored(reason: "it ends after \(bytes.count) bytes, in the middle of a field")
        }
    }

    private static func readMessage(_ start: ByteReader) throws(ByteReader.Failure) -> Reading<DHCP.Message> {
        var reader = start
        let operation = try reader.readBigEndian(UInt8.self)
        guard operation == 1 || operation == 2 else { return .ignored(reason: "operation \(operation) is not 1 or 2") }
        let hardwareType = try reader.readBigEndian(UInt8.self)
        let hardwareLength = Int(try reader.readBigEndian(UInt8.self))
        guard hardwareLength <= 16 else {
            return .ignored(reason: "a hardware address of \(hardwareLength) bytes; at most 16 fit")
        }
        var message = DHCP.Message(
            isReply: operation == 2, hardwareType: hardwareType, hardwareAddress: [],
            hops: try reader.readBigEndian(UInt8.self), transaction: try reader.readBigEndian(UInt32.self),
            seconds: try reader.readBigEndian(UInt16.self))
        message.wantsBroadcast = try reader.readBigEndian(UInt16.self) & 0x8000 != 0
        message.clientAddress = IPv4Address(value: try reader.readBigEndian(UInt32.self))
        message.yourAddress = IPv4Address(value: try reader.readBigEndian(UInt32.self))
        message.nextServer = IPv4Address(value: try reader.readBigEndian(UInt32.self))
        message.relayAddress = IPv4Address(value: try reader.readBigEndian(UInt32.self))
        message.hardwareAddress = Array(try reader.readBytes(16).prefix(hardwareLength))
        let serverName = try reader.readBytes(64)
        let file = try reader.readBytes(128)
        guard try reader.readBigEndian(UInt32.self) == DHCP.cookie else {
            return .ignored(reason: "no DHCP cookie: plain BOOTP or something else")
        }
        guard message.appendOptions(from: reader.remaining) else {
            return .ignored(reason: "an option runs past the end of the message")
        }
        let overload = message[.overload]?.first ?? 0
        // The file field is read before sname: RFC 2131 section 4.1.
        if overload & 1 != 0 {
            guard message.appendOptions(from: file) else { return .ignored(reason: "an option runs past \"file\"") }
        } else {
            message.file = Array(file.prefix { $0 != 0 })
        }
        if overload & 2 != 0 {
            guard message.appendOptions(from: serverName) else {
                return .ignored(reason: "an option runs past \"sname\"")
            }
        } else {
            message.serverName = Array(serverName.prefix { $0 != 0 })
        }
        return .packet(message)
    }

    /// False where an option's length runs past `field`.
    private mutating func appendOptions(from field: ArraySlice<UInt8>) -> Bool {
        for (code, value) in DHCP.encapsulated(field) {
            guard let value else { return false }
            let option = DHCP.OptionCode(rawValue: code)
            if let known = options.firstIndex(where: { $0.code == option }) {
                options[known].value += value
            } else {
                options.append(DHCP.Option(option, Array(value)))
            }
        }
        return true
    }
}

extension DHCP {
    /// The `code length value` triples of a field or of an encapsulating option (43, 175); a nil value marks one
    /// whose length runs past the end, and is always last.
    public static func encapsulated(_ field: ArraySlice<UInt8>) -> [(code: UInt8, value: ArraySlice<UInt8>?)] {
        var found: [(UInt8, ArraySlice<UInt8>?)] = []
        var rest = field
        while let code = rest.popFirst(), code != 255 {
            if code == 0 { continue }
            guard let length = rest.popFirst(), rest.count >= Int(length) else {
                found.append((code, nil))
                break
            }
            found.append((code, rest.prefix(Int(length))))
            rest = rest.dropFirst(Int(length))
        }
        return found
    }

    /// The bytes of an encapsulating option's value; values are at most 255 bytes, and longer ones are left out.
    public static func encapsulate(_ options: [(code: UInt8, value: [UInt8])], end: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for option in options where option.value.count <= 255 {
            bytes += [option.code, UInt8(option.value.count)] + option.value
        }
        return end ? bytes + [255] : bytes
    }
}
