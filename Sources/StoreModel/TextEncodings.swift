/// Base 16, lower case.
public enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// The text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { output in
            for (i, byte) in bytes.enumerated() {
                output[2 * i] = digits[Int(byte >> 4)]
                output[2 * i + 1] = digits[Int(byte & 15)]
            }
            return bytes.count * 2
        }
    }

    /// Takes either case, as Nix does; nil for an odd count or another character.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for i in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[i]), let low = value(characters[i + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Base 64 (RFC 4648, section 4) with padding, as SRI digests and keys use it.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for byte in group { word = word << 8 | UInt32(byte) }
            word <<= UInt32(8 * (3 - group.count))
            for k in 0..<4 {
                let digit = Int(word >> UInt32(18 - 6 * k)) & 63
                text.append(k <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil unless the text is canonical: full groups, right padding, unused bits zero.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3)
        for start in stride(from: 0, to: characters.count, by: 4) {
            let isLast = start + 4 == characters.count
            var padding = 0
            if isLast, characters[start + 3] == UInt8(ascii: "=") {
                padding = characters[start + 2] == UInt8(ascii: "=") ? 2 : 1
            }
            var word: UInt32 = 0
            for k in 0..<(4 - padding) {
                let value = values[Int(characters[start + k])]
                guard value != 0xff else { return nil }
                word |= UInt32(value) << UInt32(18 - 6 * k)
            }
            guard word & ((1 << UInt32(8 * padding)) - 1) == 0 else { return nil }
            for k in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * k))) }
        }
        return bytes
    }
}
