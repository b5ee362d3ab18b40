/// Bytes being composed; every integer states its byte order.
public struct ByteWriter: Sendable {
    public private(set) var bytes: [UInt8]

    public init(reservingCapacity capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public var count: Int { bytes.count }

    public mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    /// Appends the UTF-8 of `text`, without a terminator.
    public mutating func append(utf8 text: some StringProtocol) { bytes.append(contentsOf: text.utf8) }

    public mutating func append(byte: UInt8) { bytes.append(byte) }

    public mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(littleEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(repeating byte: UInt8, count: Int) {
        bytes.append(contentsOf: repeatElement(byte, count: count))
    }

    /// Appends `byte` until the count is a multiple of `alignment`, which is at least 1.
    public mutating func pad(to alignment: Int, with byte: UInt8 = 0) {
        let excess = bytes.count % alignment
        if excess != 0 { append(repeating: byte, count: alignment - excess) }
    }

    /// Overwrites bytes already written, for lengths known only afterwards; the range must lie within them.
    public mutating func overwrite(at offset: Int, bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    /// Overwrites bytes already written, for lengths known only afterwards; the range must lie within them.
    public mutating func overwrite(at offset: Int, littleEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    /// Forgets what was written and keeps the memory, for writers that hand out chunks.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
}
