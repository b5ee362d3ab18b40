import Diagnostics

/// A cursor over bytes from outside: every read is bounds-checked and states its byte order.
public struct ByteReader: Sendable {
    /// The bytes ended before what the format says comes next.
    public struct Failure: ExplainedError, Equatable {
        /// Where the read began, counted from the start of the reader's bytes.
        public let offset: Int
        public let needed: Int
        public let available: Int

        public var kind: FailureKind { .corrupt }
        public var subject: String { "byte \(offset)" }
        public var message: String { "needs \(needed) bytes, found \(available)" }
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// Bytes read so far.
    public var offset: Int { position - bytes.startIndex }

    /// Bytes not read yet.
    public var remainingCount: Int { bytes.endIndex - position }

    public var isAtEnd: Bool { position == bytes.endIndex }

    /// What is not read yet, without reading it.
    public var remaining: ArraySlice<UInt8> { bytes[position...] }

    /// Takes `count` bytes as a slice of the original; a negative count fails too.
    public mutating func readBytes(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remainingCount else {
            throw Failure(offset: offset, needed: count, available: remainingCount)
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    public mutating func skip(_ count: Int) throws(Failure) { _ = try readBytes(count) }

    /// Moves to `offset` from the start of the reader's bytes.
    public mutating func seek(to offset: Int) throws(Failure) {
        guard offset >= 0, offset <= bytes.count else {
            throw Failure(offset: 0, needed: offset, available: bytes.count)
        }
        position = bytes.startIndex + offset
    }

    public mutating func readByte() throws(Failure) -> UInt8 { try readBigEndian(UInt8.self) }

    public mutating func readBigEndian<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(Failure) -> T {
        var value: T = 0
        for byte in try readBytes(T.bitWidth / 8) {
            // For an 8-bit type the shift moves everything out, which is right: there is one byte only.
            value = (value << 8) | T(truncatingIfNeeded: byte)
        }
        return value
    }

    public mutating func readLittleEndian<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(Failure) -> T {
        try readBigEndian(type).byteSwapped
    }
}
