import ByteCoding
import Testing

@Suite struct ByteCodingTests {
    @Test func `integers come back in the order they were written`() throws {
        var writer = ByteWriter()
        writer.append(bigEndian: UInt32(0x0102_0304))
        writer.append(littleEndian: UInt16(0x0506))
        writer.append(byte: 7)
        writer.append(bigEndian: Int8(-2))
        writer.append(littleEndian: UInt64.max - 1)
        #expect(writer.bytes.prefix(8) == [1, 2, 3, 4, 6, 5, 7, 0xfe])
        var reader = ByteReader([9, 9] + writer.bytes)
        try reader.skip(2)
        #expect(try reader.readBigEndian(UInt32.self) == 0x0102_0304)
        #expect(try reader.readLittleEndian(UInt16.self) == 0x0506)
        #expect(try reader.readByte() == 7)
        #expect(try reader.readBigEndian(Int8.self) == -2)
        #expect(try reader.readLittleEndian(UInt64.self) == UInt64.max - 1)
        #expect(reader.isAtEnd)
        #expect(reader.offset == writer.count + 2)
    }

    @Test func `a slice is read from its own start`() throws {
        var reader = ByteReader([1, 2, 3, 4, 5][2...])
        #expect(reader.offset == 0)
        #expect(try reader.readBytes(2) == [3, 4])
        #expect(Array(reader.remaining) == [5])
        try reader.seek(to: 1)
        #expect(try reader.readByte() == 4)
    }

    @Test func `reading past the end, backwards or by an enormous count throws and moves nothing`() throws {
        var reader = ByteReader([1, 2, 3])
        try reader.skip(1)
        let error = #expect(throws: ByteReader.Failure.self) { try reader.readBigEndian(UInt32.self) }
        #expect(error?.offset == 1)
        #expect(error?.needed == 4)
        #expect(error?.available == 2)
        for count in [-1, 3, Int.max, Int.min] {
            #expect(throws: ByteReader.Failure.self) { try reader.readBytes(count) }
            #expect(throws: ByteReader.Failure.self) { try reader.seek(to: count == 3 ? 4 : count) }
        }
        #expect(reader.offset == 1)
    }

    @Test func `padding fills to the multiple and overwriting keeps the length`() {
        var writer = ByteWriter()
        writer.pad(to: 4)
        #expect(writer.count == 0)
        writer.append(utf8: "abcde")
        writer.pad(to: 4, with: 0xff)
        #expect(writer.bytes == Array("abcde".utf8) + [0xff, 0xff, 0xff])
        writer.overwrite(at: 1, bigEndian: UInt16(0x4142))
        writer.overwrite(at: 3, littleEndian: UInt16(0x4142))
        #expect(writer.bytes.prefix(5) == Array("aABBA".utf8)[...])
    }
}
