extension CPIO {
    /// Walks an archive in memory, entry by entry, to its trailer.
    public struct Reader: Sendable {
        private let bytes: [UInt8]
        private var offset = 0
        private var ended = false

        public init(_ bytes: [UInt8]) { self.bytes = bytes }

        /// Where the archive ends in the bytes given, once `next` has returned nil.
        public var endOffset: Int { offset }

        /// The next entry and its contents, or nil at the trailer; an archive without one throws.
        public mutating func next() throws(Fault) -> (entry: Entry, contents: ArraySlice<UInt8>)? {
            if ended { return nil }
            guard bytes.count - offset >= 110, bytes[offset..<offset + 6].elementsEqual("070701".utf8) else {
                throw .damaged("no entry at byte \(offset)")
            }
            var fields: [UInt32] = []
            for index in 0..<13 { fields.append(try hexadecimal(at: offset + 6 + index * 8)) }
            let nameLength = Int(fields[11])
            let size = Int(fields[6])
            guard nameLength >= 2, nameLength <= 4096 else {
                throw .damaged("a name of \(nameLength) bytes at byte \(offset)")
            }
            let name = try slice(from: offset + 110, count: nameLength)
            guard name.last == 0, let path = String(validating: name.dropLast(), as: UTF8.self) else {
                throw .damaged("a name that is not text at byte \(offset)")
            }
            let contents = try slice(from: aligned(name.endIndex), count: size)
            offset = min(aligned(contents.endIndex), bytes.count)
            if path == CPIO.trailer {
                ended = true
                return nil
            }
            guard let type = FileType(rawValue: fields[1] & 0o170000) else {
                throw .damaged("'\(path)' of the unknown type 0\(String(fields[1] & 0o170000, radix: 8))")
            }
            let entry = Entry(
                path: path, type: type, permissions: fields[1] & 0o7777, owner: fields[2], group: fields[3],
                inode: fields[0], links: fields[4], modified: fields[5], size: size, deviceMajor: fields[9],
                deviceMinor: fields[10])
            return (entry, contents)
        }

        private func aligned(_ offset: Int) -> Int { (offset + 3) & ~3 }

        private func slice(from start: Int, count: Int) throws(Fault) -> ArraySlice<UInt8> {
            guard start <= bytes.count, count <= bytes.count - start else {
                throw .damaged("\(count) bytes expected at byte \(start), \(max(0, bytes.count - start)) found")
            }
            return bytes[start..<start + count]
        }

        private func hexadecimal(at start: Int) throws(Fault) -> UInt32 {
            let digits = String(decoding: bytes[start..<start + 8], as: UTF8.self)
            guard digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }), let value = UInt32(digits, radix: 16) else {
                throw .damaged("'\(digits)' at byte \(start), expected 8 hexadecimal digits")
            }
            return value
        }
    }
}
