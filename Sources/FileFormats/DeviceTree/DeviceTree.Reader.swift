import ByteCoding

extension DeviceTree {
    /// Reads versions 16 and 17, whatever order the blocks stand in; the reservation block is passed over.
    public static func read(_ bytes: [UInt8]) throws(Malformed) -> Node {
        do {
            var header = ByteReader(bytes)
            guard try header.readBigEndian(UInt32.self) == magic else {
                throw Malformed(description: "no device tree: it does not begin with d00dfeed")
            }
            var fields: [Int] = []
            for _ in 1..<10 { fields.append(Int(try header.readBigEndian(UInt32.self))) }
            let (total, structure, strings) = (fields[0], fields[1], fields[2])
            let (version, compatible, stringsSize) = (fields[4], fields[5], fields[7])
            guard compatible <= 17, version >= 16 else {
                throw Malformed(description: "a device tree of version \(version), where 16 and 17 are read")
            }
            guard total <= bytes.count, structure >= headerSize, structure <= total, strings >= headerSize,
                strings <= total, stringsSize <= total - strings, structure % 4 == 0
            else { throw Malformed(description: "a device tree whose header names places outside it") }
            var reader = Reader(
                structure: ByteReader(bytes[structure..<total]),
                strings: bytes[strings..<strings + stringsSize])
            return try reader.root()
        } catch let failure as ByteReader.Failure {
            throw Malformed(description: "a device tree that is cut short: \(failure.message)")
        } catch let malformed as Malformed {
            throw malformed
        } catch {
            throw Malformed(description: "a damaged device tree: \(error)")
        }
    }

    private struct Reader {
        var structure: ByteReader
        let strings: ArraySlice<UInt8>

        mutating func root() throws -> Node {
            guard try token() == Token.beginNode else {
                throw Malformed(description: "a device tree without a root")
            }
            let root = try node(depth: 0)
            guard try token() == Token.end else {
                throw Malformed(description: "a device tree that goes on behind its root")
            }
            return root
        }

        /// What follows a node's first token, to its last.
        private mutating func node(depth: Int) throws -> Node {
            guard depth < DeviceTree.maximumDepth else {
                throw Malformed(description: "a device tree of more than \(DeviceTree.maximumDepth) levels")
            }
            var node = Node(try name())
            while true {
                switch try token() {
                case Token.beginNode: node.children.append(try self.node(depth: depth + 1))
                case Token.property:
                    let length = Int(try structure.readBigEndian(UInt32.self))
                    let place = Int(try structure.readBigEndian(UInt32.self))
                    let value = try structure.readBytes(length)
                    try align()
                    node.properties.append(Property(try propertyName(at: place), .bytes(Array(value))))
                case Token.endNode: return node
                case let other:
                    throw Malformed(description: "a device tree with the token \(other) in its structure")
                }
            }
        }

        private mutating func token() throws -> UInt32 {
            while true {
                let token = try structure.readBigEndian(UInt32.self)
                if token != Token.nothing { return token }
            }
        }

        private mutating func name() throws -> String {
            guard let end = structure.remaining.firstIndex(of: 0) else {
                throw Malformed(description: "a device tree with a node's name without end")
            }
            let name = try structure.readBytes(end - structure.remaining.startIndex)
            try structure.skip(1)
            try align()
            return String(decoding: name, as: UTF8.self)
        }

        private mutating func align() throws { try structure.skip(-structure.offset & 3) }

        private func propertyName(at place: Int) throws -> String {
            // The specification's longest has 31 bytes.
            guard place < strings.count,
                let end = strings[(strings.startIndex + place)...].prefix(256).firstIndex(of: 0)
            else {
                throw Malformed(
                    description: "a device tree with a property whose name is at \(place), outside its names")
            }
            return String(decoding: strings[(strings.startIndex + place)..<end], as: UTF8.self)
        }
    }
}
