import ByteCoding
import FileFormats
import Foundation
import OpenSSL
import SystemPackage
import TestSupport
import Testing

/// What we write for U-Boot against its own tools and dtc.
@Suite struct UBootImageTests {
    private static let tools = ["mkimage", "dumpimage", "dtc", "fdtget"]
    private static let hasTools =
        tools.allSatisfy { name in
            ["/usr/bin", "/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        } || ProcessInfo.processInfo.environment["CI"] == "true"

    private static let kernel = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 7 / 3) }
    private static let initramfs = (0..<77_777).map { UInt8(truncatingIfNeeded: $0 &* 13 / 5) }
    private static let deviceTree = DeviceTree.Node(
        "", [.init("model", "a board"), .init("#address-cells", cells: 1)],
        children: [.init("chosen", [.init("bootargs", "quiet")])])

    private func run(_ tool: String, _ arguments: String...) async throws -> String {
        let result = try await execute([tool] + arguments)
        #expect(result.succeeded, "\(tool) \(arguments): \(result.messages)")
        return result.output
    }

    @Test(.enabled(if: hasTools, "u-boot-tools or device-tree-compiler is missing"))
    func `a FIT is listed by mkimage, its parts come out whole, and the hashes are U-Boot's`() async throws {
        try await withTemporaryFolder { try await checkFIT(in: $0) }
    }

    private func checkFIT(in folder: FilePath) async throws {
        let tree = try DeviceTree.encode(Self.deviceTree)
        func digests(_ bytes: [UInt8]) -> [FIT.Digest] {
            let sum = CRC32.of(bytes)
            return [
                .init("sha256", SHA256.hash(bytes)),
                .init("crc32", (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }),
            ]
        }
        let fit = FIT.Tree(
            description: "a system for a board",
            images: [
                .init(
                    "kernel-1", .kernel, description: "Linux", architecture: "ppc", compression: "gzip", load: 0,
                    entry: 0, data: .payload(0, length: Self.kernel.count), digests: digests(Self.kernel)),
                .init(
                    "fdt-1", .deviceTree, description: "device tree", architecture: "ppc", data: .bytes(tree),
                    digests: digests(tree)),
                .init(
                    "ramdisk-1", .ramdisk, description: "initramfs", architecture: "ppc",
                    data: .payload(1, length: Self.initramfs.count), digests: digests(Self.initramfs)),
            ],
            configurations: [
                .init("conf-1", description: "all", kernel: "kernel-1", ramdisk: "ramdisk-1", deviceTree: "fdt-1")
            ])
        let bytes = try FIT.layout(fit).flatMap { piece in
            switch piece {
            case .literal(let bytes): bytes
            case .payload(let number): number == 0 ? Self.kernel : Self.initramfs
            }
        }
        let path = folder.appending("image.itb").string
        try Data(bytes).write(to: URL(filePath: path))
        let listing = try await run("mkimage", "-l", path)
        for expected in [
            "Description:  Linux", "Architecture: PowerPC", "Type:         RAMDisk Image",
            "Default Configuration: 'conf-1'",
            SHA256.hash(Self.initramfs).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(),
        ] { #expect(listing.contains(expected), "\(expected) in \(listing)") }
        for (number, part) in [Self.kernel, tree, Self.initramfs].enumerated() {
            let out = folder.appending("part\(number)").string
            _ = try await run("dumpimage", "-T", "flat_dt", "-p", "\(number)", "-o", out, path)
            #expect(try Array(Data(contentsOf: URL(filePath: out))) == part)
        }
        let configuration = "/configurations/conf-1"
        #expect(
            try await run("fdtget", "-t", "s", path, configuration, "fdt", configuration, "ramdisk")
                == "fdt-1\nramdisk-1\n")
        let source = try await run("dtc", "-q", "-I", "dtb", "-O", "dts", path)
        // dtc's own writer makes the same tree of it.
        let text = folder.appending("image.dts").string
        try Data(source.utf8).write(to: URL(filePath: text))
        let again = folder.appending("again.itb").string
        _ = try await run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", again, text)
        #expect(try DeviceTree.read(Array(Data(contentsOf: URL(filePath: again)))) == DeviceTree.read(bytes))
        // What mkimage hashes itself has the same values: it replaces them in its own copy.
        let hashed = folder.appending("hashed.itb").string
        try Data(bytes).write(to: URL(filePath: hashed))
        _ = try await run("mkimage", "-F", hashed)
        let read = try FIT.read(Array(Data(contentsOf: URL(filePath: hashed))))
        #expect(try read.images.map(\.digests) == FIT.read(bytes).images.map(\.digests))
    }

    @Test(.enabled(if: hasTools, "u-boot-tools or device-tree-compiler is missing"))
    func `legacy images are listed by mkimage and their parts come out whole`() async throws {
        try await withTemporaryFolder { try await checkLegacy(in: $0) }
    }

    private func checkLegacy(in folder: FilePath) async throws {
        let parts = [Self.kernel, Self.initramfs]
        let pieces = try UImage.layout(
            multi: .init(.multi, .powerPC, compression: .gzip, name: "a system", size: 0, checksum: 0),
            parts: parts.map { .init(size: $0.count, checksum: CRC32.of($0)) })
        let multi = pieces.flatMap { piece in
            switch piece {
            case .literal(let bytes): bytes
            case .part(let number): parts[number]
            }
        }
        let path = folder.appending("multi.uimg").string
        try Data(multi).write(to: URL(filePath: path))
        let listing = try await run("mkimage", "-l", path)
        #expect(listing.contains("PowerPC Linux Multi-File Image (gzip compressed)"))
        #expect(listing.contains("Image 1: \(Self.initramfs.count) Bytes"))
        for (number, part) in parts.enumerated() {
            let out = folder.appending("part\(number)").string
            _ = try await run("dumpimage", "-T", "multi", "-p", "\(number)", "-o", out, path)
            #expect(try Array(Data(contentsOf: URL(filePath: out))) == part)
        }
        let script = folder.appending("boot.scr").string
        try Data(UImage.script("echo hi\n", .powerPC, name: "boot")).write(to: URL(filePath: script))
        #expect(try await run("mkimage", "-l", script).contains("PowerPC Linux Script (uncompressed)"))
    }
}
