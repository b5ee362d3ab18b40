import SeededRandomness
import Testing

@testable import FileFormats

@Suite struct DeviceTreeTests {
    static let tree = DeviceTree.Node(
        "", [.init("#address-cells", cells: 1), .init("model", "a board")],
        children: [
            .init("memory@0", [.init("reg", cells: 0, 0x1000_0000), .init("device_type", "memory")]),
            .init("chosen", [.init("odd", .bytes([1, 2, 3])), .init("empty", .bytes([]))]),
        ])

    /// What dtc 1.6.1 made of the same tree.
    static let golden = hexadecimal(
        "d00dfeed0000010300000038000000d4000000280000001100000010000000000000002f0000009c000000000000000000000000000000"
            + "0000000001000000000000000300000004000000000000000100000003000000080000000f6120626f61726400000000016d656d6f727940"
            + "300000000000000003000000080000001500000000100000000000000300000007000000196d656d6f72790000000000020000000163686f"
            + "73656e00000000000300000003000000250102030000000003000000000000002900000002000000020000000923616464726573732d6365"
            + "6c6c73006d6f64656c00726567006465766963655f74797065006f646400656d70747900")

    @Test func `a tree is written as dtc writes it, and read again`() throws {
        #expect(try DeviceTree.encode(Self.tree) == Self.golden)
        #expect(try DeviceTree.read(Self.golden) == Self.tree)
    }

    @Test func `a payload stands at a multiple of 8 and is read with the rest`() throws {
        for length in 0..<20 {
            let bytes = (0..<length).map { UInt8($0) }
            let root = DeviceTree.Node(
                "", [.init("a", cells: 1), .init("data", .payload(7, length: length)), .init("b", "x")],
                children: [.init("c", [.init("data", .payload(7, length: length))])])
            let pieces = try DeviceTree.layout(root)
            var file: [UInt8] = []
            for piece in pieces {
                switch piece {
                case .literal(let literal): file += literal
                case .payload(let number):
                    #expect(number == 7 && file.count % 8 == 0)
                    file += bytes
                }
            }
            let read = try DeviceTree.read(file)
            #expect(read["data"] == bytes && read.child("c")?["data"] == bytes && read["b"] == [0x78, 0])
        }
    }

    @Test func `a tree that is too large is refused`() {
        let root = DeviceTree.Node("", [.init("data", .payload(0, length: 2 << 30))])
        #expect(throws: DeviceTree.Malformed.self) { try DeviceTree.layout(root) }
    }

    @Test func `cut and mutated trees throw or are read, and never trap`() {
        for count in 0..<Self.golden.count {
            #expect(throws: DeviceTree.Malformed.self) { try DeviceTree.read(Array(Self.golden.prefix(count))) }
        }
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20_000 { _ = try? DeviceTree.read(random.mutated(Self.golden, most: 6)) }
        // Nodes within nodes without end.
        var deep = Array(Self.golden.prefix(0x38))
        deep += (0..<10_000).flatMap { _ in [0, 0, 0, 1, 0, 0, 0, 0] as [UInt8] }
        deep.replaceSubrange(4..<8, with: [0, 1, 0x38, 0xB8])
        #expect(throws: DeviceTree.Malformed.self) { try DeviceTree.read(deep) }
    }
}

/// Bytes of hexadecimal digits.
func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.utf8.map { UInt8($0 <= 57 ? $0 - 48 : $0 - 87) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
