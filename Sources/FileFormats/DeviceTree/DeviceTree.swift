import ByteCoding

/// A flattened device tree: what firmware tells a kernel of its machine, and what U-Boot's FIT images are made of.
///
/// Layout (Devicetree Specification, release 0.4, chapter 5), all numbers big-endian: a header of 40 bytes (version 17), the
/// memory reservation block, the structure block (tokens of 4 bytes: node begins, node ends, property, nothing, end), and the
/// strings block with the properties' names. Written in this order, without reservations.
public enum DeviceTree {
    /// A node; the root's name is empty.
    public struct Node: Equatable, Sendable {
        /// With its unit address, such as `memory@0`.
        public var name: String
        public var properties: [Property]
        public var children: [Node]

        public init(_ name: String = "", _ properties: [Property] = [], children: [Node] = []) {
            self.name = name
            self.properties = properties
            self.children = children
        }

        /// The value of a property; nil where there is none of that name.
        public subscript(_ name: String) -> [UInt8]? {
            guard case .bytes(let bytes)? = properties.first(where: { $0.name == name })?.value else { return nil }
            return bytes
        }

        public func child(_ name: String) -> Node? { children.first { $0.name == name } }

        /// Gives a property another value, or adds it.
        public mutating func set(_ property: Property) {
            if let index = properties.firstIndex(where: { $0.name == property.name }) {
                properties[index] = property
            } else {
                properties.append(property)
            }
        }
    }

    /// A name and a value, which means nothing by itself.
    public struct Property: Equatable, Sendable {
        public enum Value: Equatable, Sendable {
            case bytes([UInt8])
            /// Bytes that stand elsewhere, by their number and length: put in as the tree is given out.
            case payload(Int, length: Int)

            var length: Int {
                switch self {
                case .bytes(let bytes): bytes.count
                case .payload(_, let length): length
                }
            }
        }

        public var name: String
        public var value: Value

        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }

        /// Strings, each ended by a zero.
        public init(_ name: String, _ texts: String...) {
            self.init(name, .bytes(texts.flatMap { Array($0.utf8) + [0] }))
        }

        /// Cells of 32 bits.
        public init(_ name: String, cells: UInt32...) {
            var writer = ByteWriter()
            for cell in cells { writer.append(bigEndian: cell) }
            self.init(name, .bytes(writer.bytes))
        }
    }

    /// A part of the file that is given out.
    public enum Piece: Equatable, Sendable {
        case literal([UInt8])
        case payload(Int)
    }

    /// Bytes that are no device tree, or a damaged one; or a tree that fits into none.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    static let magic: UInt32 = 0xD00D_FEED
    static let version: UInt32 = 17
    static let compatibleVersion: UInt32 = 16
    static let headerSize = 40
    /// No known tree is half as deep; recursion must end somewhere.
    static let maximumDepth = 64

    enum Token {
        static let beginNode: UInt32 = 1
        static let endNode: UInt32 = 2
        static let property: UInt32 = 3
        static let nothing: UInt32 = 4
        static let end: UInt32 = 9
    }
}
