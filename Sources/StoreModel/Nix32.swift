/// Nix's base-32: digits from the far end of the bytes, least significant five bits last, no padding.
///
/// The alphabet leaves out e, o, t and u. Length of n bytes: `(n * 8 + 4) / 5` characters.
/// Reference: Nix manual, "Store path specification".
public enum Nix32 {
    static let alphabet = Array("0123456789abcdfghijklmnpqrsvwxyz".utf8)

    /// Value of each ASCII character, 0xff where it is none of the alphabet's.
    static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// For each byte, whether it is one of the 32 characters: for loops over much data.
    public static let digitTable = values.map { $0 != 0xff }

    /// Whether a byte is one of the 32 characters.
    public static func isDigit(_ byte: UInt8) -> Bool { values[Int(byte)] != 0xff }

    /// Characters that so many bytes take.
    public static func encodedCount(of byteCount: Int) -> Int { (byteCount * 8 + 4) / 5 }

    /// The bytes as text, last bits first, as Nix writes them.
    public static func encode(_ bytes: [UInt8]) -> String {
        let count = encodedCount(of: bytes.count)
        return String(unsafeUninitializedCapacity: count) { output in
            for n in stride(from: count - 1, through: 0, by: -1) {
                let bit = n * 5
                let (i, shift) = (bit / 8, bit % 8)
                var digit = bytes[i] >> shift
                if i + 1 < bytes.count, shift > 3 { digit |= bytes[i + 1] << (8 - shift) }
                output[count - 1 - n] = alphabet[Int(digit & 0x1f)]
            }
            return count
        }
    }

    /// The `byteCount` bytes that `text` writes; nil unless length, alphabet and unused bits are right.
    public static func decode(_ text: some StringProtocol, byteCount: Int) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == encodedCount(of: byteCount) else { return nil }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        for (index, character) in characters.enumerated() {
            let digit = values[Int(character)]
            guard digit != 0xff else { return nil }
            let bit = (characters.count - 1 - index) * 5
            let (i, shift) = (bit / 8, bit % 8)
            guard i < byteCount else {
                if digit != 0 { return nil }
                continue
            }
            bytes[i] |= digit << shift
            let carry = shift > 3 ? digit >> (8 - shift) : 0
            if i + 1 < byteCount {
                bytes[i + 1] |= carry
            } else if carry != 0 {
                return nil
            }
        }
        return bytes
    }
}
