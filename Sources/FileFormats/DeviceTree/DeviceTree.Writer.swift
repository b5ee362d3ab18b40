import ByteCoding

extension DeviceTree {
    /// The file as pieces, in order. Payloads begin at multiples of 8 from the file's start: one may itself be a device tree,
    /// which libfdt reads only there.
    ///
    /// - Throws: `Malformed` where it would be larger than the header's 32 bits can say.
    public static func layout(_ root: Node) throws(Malformed) -> [Piece] {
        var writer = LayoutWriter()
        writer.add(root)
        return try writer.finished()
    }

    /// The file of a tree without payloads.
    public static func encode(_ root: Node) throws(Malformed) -> [UInt8] {
        var file: [UInt8] = []
        for piece in try layout(root) {
            guard case .literal(let bytes) = piece else {
                throw Malformed(description: "a tree whose bytes stand elsewhere")
            }
            file += bytes
        }
        return file
    }

    private struct LayoutWriter {
        private var pieces: [Piece] = []
        private var literal = ByteWriter()
        /// Bytes in `pieces`, from the structure block's start.
        private var before = 0
        private var names = ByteWriter()
        private var places: [String: UInt32] = [:]
        /// The header, and a reservation block that only has its end.
        private static let start = DeviceTree.headerSize + 16

        private var count: Int { before + literal.count }

        mutating func add(_ node: Node) {
            literal.append(bigEndian: Token.beginNode)
            literal.append(utf8: node.name)
            literal.append(byte: 0)
            align()
            for property in node.properties { add(property) }
            for child in node.children { add(child) }
            literal.append(bigEndian: Token.endNode)
        }

        private mutating func add(_ property: Property) {
            if case .payload = property.value, (Self.start + count + 12) % 8 != 0 {
                literal.append(bigEndian: Token.nothing)
            }
            literal.append(bigEndian: Token.property)
            literal.append(bigEndian: UInt32(truncatingIfNeeded: property.value.length))
            literal.append(bigEndian: place(of: property.name))
            switch property.value {
            case .bytes(let bytes): literal.append(bytes)
            case .payload(let number, let length):
                pieces += [.literal(literal.bytes), .payload(number)]
                before += literal.count + length
                literal.removeAll()
            }
            align()
        }

        private mutating func align() { literal.append(repeating: 0, count: -count & 3) }

        private mutating func place(of name: String) -> UInt32 {
            if let known = places[name] { return known }
            let place = UInt32(truncatingIfNeeded: names.count)
            places[name] = place
            names.append(utf8: name)
            names.append(byte: 0)
            return place
        }

        mutating func finished() throws(Malformed) -> [Piece] {
            literal.append(bigEndian: Token.end)
            let structure = count
            literal.append(names.bytes)
            let total = Self.start + count
            guard let size = Int32(exactly: total) else {
                throw Malformed(description: "a tree of \(total) bytes, where 2 GiB is the most")
            }
            var header = ByteWriter()
            for value in [
                DeviceTree.magic, UInt32(size), UInt32(Self.start), UInt32(Self.start + structure),
                UInt32(DeviceTree.headerSize), DeviceTree.version, DeviceTree.compatibleVersion, 0, UInt32(names.count),
                UInt32(structure),
            ] { header.append(bigEndian: value) }
            header.append(repeating: 0, count: 16)
            pieces.append(.literal(literal.bytes))
            if case .literal(let first)? = pieces.first { pieces[0] = .literal(header.bytes + first) }
            return pieces
        }
    }
}
