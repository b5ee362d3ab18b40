import ByteCoding
import SeededRandomness
import Testing

@testable import FileFormats

@Suite struct UImageTests {
    private static let kernel = Array("hello kernel".utf8)
    private static let script = "echo hi\n"
    // What mkimage 2023.01 made of the same, with SOURCE_DATE_EPOCH=0.
    private static let kernelGolden = hexadecimal(
        "2705195641b728c7000000000000000c00000000000000102fe2c02e0507020161206e616d65000000000000000000000000"
            + "000000000000000000000000000068656c6c6f206b65726e656c")
    private static let scriptGolden = hexadecimal(
        "270519565456758f00000000000000100000000000000000d934016205070600736372000000000000000000000000000000"
            + "000000000000000000000000000000000008000000006563686f2068690a")
    private static let multiGolden = hexadecimal(
        "2705195644c2037700000000000000300000000000000000ab7d5742050704006d0000000000000000000000000000000000"
            + "00000000000000000000000000000000000c000000080000000c0000000068656c6c6f206b65726e656c6563686f2068690a"
            + "68656c6c6f206b65726e656c")

    private func part(_ bytes: [UInt8]) -> UImage.Part { .init(size: bytes.count, checksum: CRC32.of(bytes)) }

    @Test func `CRC-32 is zlib's, and that of two parts follows from theirs`() {
        #expect(CRC32.of("123456789".utf8) == 0xCBF4_3926 && CRC32.of([UInt8]()) == 0)
        var random = SeededGenerator(seed: 3)
        for length in [0, 1, 2, 7, 64, 1000, 65_537] {
            let a = (0..<100).map { _ in UInt8(random.below(256)) }
            let b = (0..<length).map { _ in UInt8(random.below(256)) }
            var sum = CRC32(CRC32.of(a))
            sum.append(CRC32.of(b), count: b.count)
            #expect(sum.value == CRC32.of(a + b))
        }
    }

    @Test func `a kernel, a script and a multi-file image are as mkimage writes them`() throws {
        let header = UImage.Header(
            .kernel, .powerPC, compression: .gzip, load: 0, entry: 0x10, name: "a name", size: 12,
            checksum: CRC32.of(Self.kernel))
        #expect(UImage.encode(header) + Self.kernel == Self.kernelGolden)
        #expect(UImage.script(Self.script, .powerPC, name: "scr") == Self.scriptGolden)
        let parts = [Self.kernel, Array(Self.script.utf8), Self.kernel]
        let pieces = try UImage.layout(
            multi: UImage.Header(.multi, .powerPC, name: "m", size: 0, checksum: 0), parts: parts.map(part))
        let file = pieces.flatMap { piece in
            switch piece {
            case .literal(let bytes): bytes
            case .part(let index): parts[index]
            }
        }
        #expect(file == Self.multiGolden)
    }

    @Test func `images are read again, their parts by where they stand`() throws {
        let kernel = try UImage.read(Self.kernelGolden)
        #expect(kernel.header.name == "a name" && kernel.header.entry == 16 && kernel.header.compression == .gzip)
        #expect(kernel.parts == [64..<76])
        #expect(try UImage.read(Self.scriptGolden).parts == [72..<80])
        #expect(try UImage.read(Self.multiGolden).parts == [80..<92, 92..<100, 100..<112])
        // Parts of odd sizes are padded, the last is not.
        let odd = [[1, 2, 3], [4], [5, 6]] as [[UInt8]]
        let pieces = try UImage.layout(
            multi: UImage.Header(.multi, .arm64, name: "", size: 0, checksum: 0), parts: odd.map(part))
        let file = pieces.flatMap { piece in
            switch piece {
            case .literal(let bytes): bytes
            case .part(let index): odd[index]
            }
        }
        #expect(try UImage.read(file).parts.map { Array(file[$0]) } == odd)
    }

    @Test func `cut and mutated images throw or are read, and never trap`() {
        for golden in [Self.kernelGolden, Self.scriptGolden, Self.multiGolden] {
            for count in 0..<golden.count {
                #expect(throws: UImage.Malformed.self) { try UImage.read(Array(golden.prefix(count))) }
            }
        }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            // With sums that fit, or nothing behind them would be tried.
            var bytes = random.mutated(Self.multiGolden, most: 4)
            guard bytes.count >= 64 else { continue }
            func put(_ value: UInt32, at place: Int) {
                for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index)) }
            }
            put(UInt32(bytes.count - 64), at: 12)
            put(CRC32.of(bytes[64...]), at: 24)
            put(0, at: 4)
            put(CRC32.of(bytes[..<64]), at: 4)
            _ = try? UImage.read(bytes)
        }
    }
}
