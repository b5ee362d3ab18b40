import SeededRandomness
import Testing

@testable import FileFormats

@Suite struct FITTests {
    /// A kernel and an initramfs that stand elsewhere, and a device tree that is put in as it is.
    static let tree = FIT.Tree(
        description: "a system",
        images: [
            .init(
                "kernel-1", .kernel, description: "Linux", architecture: "ppc", compression: "gzip", load: 0, entry: 0,
                data: .payload(0, length: 5), digests: [.init("crc32", [1, 2, 3, 4])]),
            .init(
                "fdt-1", .deviceTree, description: "tree", architecture: "ppc", data: .bytes(DeviceTreeTests.golden),
                digests: []),
            .init(
                "ramdisk-1", .ramdisk, description: "initramfs", architecture: "ppc", data: .payload(1, length: 8),
                digests: [.init("sha256", [UInt8](repeating: 9, count: 32))]),
        ],
        configurations: [
            .init("conf-1", description: "all", kernel: "kernel-1", ramdisk: "ramdisk-1", deviceTree: "fdt-1")
        ])

    static func file(_ payloads: [[UInt8]]) throws -> [UInt8] {
        try FIT.layout(tree).flatMap { piece in
            switch piece {
            case .literal(let bytes): bytes
            case .payload(let number): payloads[number]
            }
        }
    }

    @Test func `a tree's data stand elsewhere until it is given out, and it is read again with them`() throws {
        let payloads = [[1, 2, 3, 4, 5], [8, 7, 6, 5, 4, 3, 2, 1]] as [[UInt8]]
        var expected = Self.tree
        expected.images[0].data = .bytes(payloads[0])
        expected.images[2].data = .bytes(payloads[1])
        #expect(try FIT.read(Self.file(payloads)) == expected)
    }

    @Test func `a configuration of an image that is not there is refused by its name`() throws {
        var tree = Self.tree
        tree.images.removeLast()
        tree.images[0].data = .bytes([])
        let bytes = try FIT.layout(tree).flatMap { piece in
            if case .literal(let bytes) = piece { bytes } else { [] as [UInt8] }
        }
        let error = try #require(throws: DeviceTree.Malformed.self) { try FIT.read(bytes) }
        #expect(error.description == "a configuration 'conf-1' with the image 'ramdisk-1', which is not there")
    }

    @Test func `cut and mutated files throw or are read, and never trap`() throws {
        let golden = try Self.file([[1, 2, 3, 4, 5], [8, 7, 6, 5, 4, 3, 2, 1]])
        for count in 0..<golden.count {
            #expect(throws: DeviceTree.Malformed.self) { try FIT.read(Array(golden.prefix(count))) }
        }
        var random = SeededGenerator(seed: 13)
        for _ in 0..<10_000 { _ = try? FIT.read(random.mutated(golden, most: 6)) }
    }
}
