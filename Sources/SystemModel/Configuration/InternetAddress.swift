/// An IPv4 or IPv6 address as people write it (RFC 4291 section 2.2), in network byte order.
struct InternetAddress: Equatable {
    /// 4 or 16.
    let bytes: [UInt8]

    /// nil when `text` is no address.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        guard let bytes = text.contains(":") ? Self.version6(String(text)) : Self.version4(String(text)) else {
            return nil
        }
        self.bytes = bytes
    }

    /// An address with a prefix length that suits it, such as `192.0.2.10/24`.
    init?(cidr text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = InternetAddress(parts[0]), let length = Int(parts[1]),
            String(length) == parts[1], (0...address.bytes.count * 8).contains(length)
        else { return nil }
        self = address
    }

    private static func version4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        // A leading zero means octal to some readers: refused.
        let bytes = parts.compactMap { part in UInt8(part).flatMap { String($0) == part ? $0 : nil } }
        return bytes.count == 4 ? bytes : nil
    }

    private static func version6(_ text: String) -> [UInt8]? {
        let halves = text.components(separatedByPair: "::")
        guard halves.count <= 2 else { return nil }
        let groups = halves.map { $0.isEmpty ? [] : $0.split(separator: ":", omittingEmptySubsequences: false) }
        var halfBytes: [[UInt8]] = []
        for (index, half) in groups.enumerated() {
            var bytes: [UInt8] = []
            for (place, group) in half.enumerated() {
                if group.contains(".") {
                    guard index == groups.count - 1, place == half.count - 1, let tail = version4(String(group)) else {
                        return nil
                    }
                    bytes += tail
                } else {
                    guard (1...4).contains(group.utf8.count), !group.hasPrefix("+"), !group.hasPrefix("-"),
                        let value = UInt16(group, radix: 16)
                    else { return nil }
                    bytes += [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
                }
            }
            halfBytes.append(bytes)
        }
        let given = halfBytes.reduce(0) { $0 + $1.count }
        if halfBytes.count == 1 { return given == 16 ? halfBytes[0] : nil }
        guard given <= 14 else { return nil }
        return halfBytes[0] + [UInt8](repeating: 0, count: 16 - given) + halfBytes[1]
    }
}

extension String {
    /// Parts between occurrences of `pair`; `:::` counts as two overlapping ones, so it makes three parts.
    fileprivate func components(separatedByPair pair: String) -> [String] {
        contains(":::") ? ["", "", ""] : split(separator: pair, omittingEmptySubsequences: false).map(String.init)
    }
}
