import ByteCoding

/// Zstandard frames (RFC 8878), as far as they are written without compressing; libzstd reads and compresses.
public enum Zstandard {
    /// The largest content of a block (section 3.1.1.2.3).
    private static let maximumBlock = 128 << 10

    /// One frame that holds `content` as it is: for what is so small that a compressor costs more than it saves.
    ///
    /// A single segment with its content's size in 4 bytes, raw blocks, and the checksum (section 3.1.1). `content` is
    /// shorter than 4 GiB; decoders that bound the window, as Linux does at 8 MiB, take no longer one than that.
    public static func storedFrame(_ content: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(littleEndian: UInt32(0xFD2F_B528))
        // Frame_Content_Size_flag 2, Single_Segment_flag, Content_Checksum_flag.
        writer.append(byte: 0b1010_0100)
        writer.append(littleEndian: UInt32(content.count))
        var rest = content[...]
        repeat {
            let block = rest.prefix(maximumBlock)
            rest = rest.dropFirst(block.count)
            // Last_Block in bit 0, Raw_Block (0) in bits 1 and 2, the size above: 24 bits.
            let header = UInt32(block.count) << 3 | (rest.isEmpty ? 1 : 0)
            for shift in [0, 8, 16] { writer.append(byte: UInt8(truncatingIfNeeded: header >> UInt32(shift))) }
            writer.append(block)
        } while !rest.isEmpty
        writer.append(littleEndian: UInt32(truncatingIfNeeded: checksum(content)))
        return writer.bytes
    }
}

extension Zstandard {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// XXH64 with seed 0 (the xxHash specification, "XXH64 algorithm description"), whose low half ends a frame.
    static func checksum(_ content: [UInt8]) -> UInt64 {
        content.withUnsafeBytes { bytes in
            var position = 0
            var sum = prime5
            if bytes.count >= 32 {
                var lanes = (prime1 &+ prime2, prime2, UInt64(0), 0 &- prime1)
                while position + 32 <= bytes.count {
                    lanes.0 = round(lanes.0, word(bytes, position))
                    lanes.1 = round(lanes.1, word(bytes, position + 8))
                    lanes.2 = round(lanes.2, word(bytes, position + 16))
                    lanes.3 = round(lanes.3, word(bytes, position + 24))
                    position += 32
                }
                sum = rotate(lanes.0, 1) &+ rotate(lanes.1, 7) &+ rotate(lanes.2, 12) &+ rotate(lanes.3, 18)
                for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { sum = (sum ^ round(0, lane)) &* prime1 &+ prime4 }
            }
            sum &+= UInt64(bytes.count)
            while position + 8 <= bytes.count {
                sum = rotate(sum ^ round(0, word(bytes, position)), 27) &* prime1 &+ prime4
                position += 8
            }
            if position + 4 <= bytes.count {
                let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                sum = rotate(sum ^ UInt64(half) &* prime1, 23) &* prime2 &+ prime3
                position += 4
            }
            for byte in bytes[position...] { sum = rotate(sum ^ UInt64(byte) &* prime5, 11) &* prime1 }
            sum = (sum ^ sum >> 33) &* prime2
            sum = (sum ^ sum >> 29) &* prime3
            return sum ^ sum >> 32
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ word &* prime2, 31) &* prime1
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
