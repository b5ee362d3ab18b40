import BootPolicy
import FileFormats
import SystemModel
import Testing

@testable import BootMedia

struct BootMediumTests {
    private static func bios() throws -> BIOSLoader {
        var program = [UInt8](repeating: 0x90, count: 4096)
        program.replaceSubrange(64..<68, with: [0xFB, 0xC0, 0x78, 0x70])
        return try BIOSLoader(
            of: manifest(),
            read: { part in
                part.path.hasSuffix("isolinux.bin") ? program : [UInt8](repeating: 0x33, count: part.size)
            })
    }

    private static func manifest(kernel: Int = 100_000, initramfs: Int = 50_000_000) -> ImageManifest {
        func part(_ name: String, _ size: Int) -> ImageManifest.Part { .init(path: "/nix/store/\(name)", size: size) }
        return ImageManifest(
            system: "lab", platform: "x86_64", kernel: part("vmlinuz", kernel), kernelRelease: "6.12",
            kernelParameters: ["console=ttyS0"],
            segments: [
                .init(
                    part: part("segment", initramfs),
                    summary: .init(name: "one", size: initramfs, unpackedBytes: 1, inodes: 1))
            ],
            loaders: [
                "linuxx64.efi.stub": part("stub", 0x4000), "isohdpfx.bin": part("isohdpfx.bin", 432),
                "isolinux.bin": part("isolinux.bin", 4096), "ldlinux.c32": part("ldlinux.c32", 5000),
            ], peakMemory: 1)
    }

    private static let boots = [
        Platform.Boot(name: "uefi", architectures: [7], stub: "linuxx64.efi.stub", efiMachine: 0x8664)
    ]

    /// The first page of a PE32+ program with one section.
    private static let stub: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 4096)
        func put(_ value: some FixedWidthInteger, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
        }
        bytes.replaceSubrange(0..<2, with: Array("MZ".utf8))
        put(UInt32(0x80), at: 0x3C)
        bytes.replaceSubrange(0x80..<0x84, with: Array("PE\0\0".utf8))
        put(UInt16(0x8664), at: 0x84)
        put(UInt16(1), at: 0x86)
        put(UInt16(0xF0), at: 0x94)
        put(UInt16(0x20B), at: 0x98)
        put(UInt32(0x1000), at: 0x98 + 32)
        put(UInt32(0x200), at: 0x98 + 36)
        put(UInt32(0x2000), at: 0x98 + 56)
        put(UInt32(0x400), at: 0x98 + 60)
        put(UInt32(16), at: 0x98 + 108)
        let section = 0x98 + 0xF0
        bytes.replaceSubrange(section..<section + 5, with: Array(".text".utf8))
        put(UInt32(0x200), at: section + 8)
        put(UInt32(0x1000), at: section + 12)
        put(UInt32(0x200), at: section + 16)
        put(UInt32(0x400), at: section + 20)
        return bytes
    }()

    private static func medium(_ manifest: ImageManifest = manifest(), room: Int? = nil) throws -> BootMedium {
        try BootMedium(of: ServedSystem(manifest: manifest, boots: boots, stubHead: stub), bios: bios(), room: room)
    }

    /// The bytes of literals; a stored extent's are its path's letters over and over.
    private static func bytes(_ range: Range<Int>, of file: BootFile) -> [UInt8] {
        file.extents(in: range).flatMap { extent -> [UInt8] in
            switch extent {
            case .literal(let bytes): bytes
            case .stored(let path, let offset, let length):
                (offset..<offset + length).map { Array(path.utf8)[$0 % path.utf8.count] }
            }
        }
    }

    @Test func `both systems of files name the same sectors, and kernel and segments are there once`() throws {
        let file = try Self.medium().file
        let root = Self.bytes(21 * 2048..<22 * 2048, of: file)
        let name = Array("INITRD.IMG;1".utf8)
        let at = try #require((0..<2000).first { Array(root[$0..<$0 + name.count]) == name })
        func number(_ offset: Int) -> Int {
            var value = 0
            for index in (0..<4).reversed() { value = value << 8 | Int(root[offset + index]) }
            return value
        }
        let place = number(at - 33 + 2) * 2048
        #expect(number(at - 33 + 10) == 50_000_000)
        let extents = file.extents(in: place..<place + 50_000_000)
        #expect(extents == [.stored(path: "/nix/store/segment", offset: 0, length: 50_000_000)])
        let stored = file.extents.compactMap { extent -> String? in
            if case .stored(let path, _, _) = extent { path } else { nil }
        }
        #expect(stored == ["/nix/store/stub", "/nix/store/vmlinuz", "/nix/store/segment"])
    }

    @Test func `the same system has the same bytes, another one other names`() throws {
        let (first, second) = (try Self.medium(), try Self.medium())
        #expect(first == second)
        let other = try Self.medium(Self.manifest(kernel: 100_001))
        #expect(Self.bytes(512..<1024, of: other.file) != Self.bytes(512..<1024, of: first.file))
    }

    @Test func `a larger disk has the table's copy at its end`() throws {
        let least = try Self.medium()
        let large = try Self.medium(room: 1 << 30)
        #expect(large.size == 1 << 30 && large.front.size == least.front.size)
        // The header's other place: the last sector.
        let header = Self.bytes(512..<1024, of: large.front)
        var other = 0
        for index in (0..<8).reversed() { other = other << 8 | Int(header[32 + index]) }
        #expect(other == (1 << 30) / 512 - 1)
    }

    @Test func `what does not fit is refused with what to do`() throws {
        let small = #expect(throws: BootMediaError.self) { try Self.medium(room: 1 << 20) }
        #expect(small?.message.contains("bytes, and there are 1048576") == true)
        let large = #expect(throws: BootPolicyError.self) { try Self.medium(Self.manifest(initramfs: 5 << 30)) }
        #expect(large?.remedy?.contains("--sizes") == true)
        var old = Self.manifest()
        old.loaders["isolinux.bin"] = nil
        let without = #expect(throws: BootMediaError.self) { try BIOSLoader(of: old, read: { _ in [] }) }
        #expect(without?.message == "has no loader 'isolinux.bin' for a medium that boots")
        var foreign = Self.manifest()
        foreign.platform = "ppc64-elfv2"
        #expect(throws: BootMediaError.self) { try Self.medium(foreign) }
    }
}
