/// Random numbers that follow from a seed (SplitMix64), so that a failing run can be found again by it.
///
/// Every test that needs randomness takes it from here; each `next()` is 64 bits.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number from 0 up to, and without, `bound`.
    public mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// `bytes` with 1 to `most` faults: a byte replaced or put in, or up to eight taken out. What a parser must survive.
    ///
    /// - Parameter tokens: the bytes to put there, such as a format's punctuation; any at all, if empty.
    public mutating func mutated(_ bytes: [UInt8], most: Int, tokens: [UInt8] = []) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(most) where !bytes.isEmpty {
            let place = below(bytes.count)
            let byte = tokens.isEmpty ? UInt8(below(256)) : tokens[below(tokens.count)]
            switch below(3) {
            case 0: bytes[place] = byte
            case 1: bytes.insert(byte, at: place)
            default: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
            }
        }
        return bytes
    }
}

/// Bytes that mean something in a format.
public enum MutationTokens {
    public static let yaml = Array("{}[]:,-&*!|>'\"%@`#\n\t \\?0a./".utf8)
}
