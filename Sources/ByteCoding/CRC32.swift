/// The CRC-32 of zlib, gzip and U-Boot (polynomial 0x04C11DB7, reflected), piece by piece.
///
/// The sum of two parts one after the other follows from the sums of both and the length of the second: what is given out as
/// a list of parts is not read for its sum.
public struct CRC32: Sendable, Equatable {
    /// Of all bytes so far.
    public private(set) var value: UInt32

    /// - Parameter value: Of bytes that were summed elsewhere; 0 is the sum of none.
    public init(_ value: UInt32 = 0) { self.value = value }

    public static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var sum = CRC32()
        sum.update(bytes)
        return sum.value
    }

    public mutating func update(_ bytes: some Sequence<UInt8>) {
        var register = ~value
        for byte in bytes { register = Self.table[Int(UInt8(truncatingIfNeeded: register) ^ byte)] ^ (register >> 8) }
        value = ~register
    }

    /// Goes on with bytes whose sum and number are known.
    public mutating func append(_ sum: UInt32, count: Int) {
        // The sum is a polynomial over GF(2): appending `count` bytes multiplies it by x^(8 count), modulo the generator.
        value = Self.product(Self.power(ofBytes: count), value) ^ sum
    }

    private static let generator: UInt32 = 0xEDB8_8320

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? generator ^ (sum >> 1) : sum >> 1 }
    }

    /// The product of two reflected polynomials, modulo the generator.
    private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
        var (result, factor, bit) = (UInt32(0), b, UInt32(1) << 31)
        while bit != 0 {
            if a & bit != 0 { result ^= factor }
            factor = factor & 1 == 1 ? generator ^ (factor >> 1) : factor >> 1
            bit >>= 1
        }
        return result
    }

    /// x^(8 count).
    private static func power(ofBytes count: Int) -> UInt32 {
        var (result, square, rest) = (UInt32(1) << 31, UInt32(1) << 23, count)
        while rest > 0 {
            if rest & 1 == 1 { result = product(square, result) }
            square = product(square, square)
            rest >>= 1
        }
        return result
    }
}
