import BootProtocols
import ByteCoding
import FileFormats
import Foundation
import OpenSSL
import StoreModel
import Testing

@testable import BootPolicy
@testable import SystemModel

@Suite struct UBootTests {
    /// What the parts of the sample's store hold.
    private static func bytes(_ path: String, _ size: Int) -> [UInt8] {
        let seed = path.utf8.reduce(0) { $0 &* 31 &+ Int($1) }
        return (0..<size).map { UInt8(truncatingIfNeeded: seed &+ $0 &* 7) }
    }

    private static func content(_ file: BootFile) -> [UInt8] {
        file.extents.flatMap { extent in
            switch extent {
            case .literal(let bytes): bytes
            case .stored(let path, let offset, let length): Array(bytes(path, offset + length)[offset...])
            }
        }
    }

    private static func summed(_ path: String, _ size: Int) -> UBootImage.SummedPart {
        let bytes = bytes(path, size)
        return .init(
            part: .init(path: path, size: size), sha256: Hexadecimal.encode(SHA256.hash(bytes)), crc32: CRC32.of(bytes))
    }

    /// A system for a board, as the image's builder would sum it up.
    static func manifest(_ format: Board.Format = .fit, hasTree: Bool = false) -> ImageManifest {
        var manifest = Sample.manifest("rescue", parameters: ["console=ttyS0", "who=\"it's $me\""])
        manifest.platform = "ppc64-elfv2"
        manifest.loaders = [:]
        func content(_ segments: ArraySlice<ImageManifest.Segment>) -> [UInt8] {
            segments.flatMap { bytes($0.part.path, $0.part.size) + [UInt8](repeating: 0, count: -$0.part.size & 3) }
        }
        manifest.uBoot = UBootImage(
            board: "a-board", format: format,
            uBoot: .init(
                architecture: "ppc", hashes: ["sha256"], deviceTreeVariable: "fdtcontroladdr", bootFile: 0x400_0000,
                kernel: 0, reserved: 16),
            kernel: summed("\(Sample.path)/image.gz", 5001), unpackedKernel: 20_000,
            deviceTree: hasTree ? summed("\(Sample.path)/board.dtb", 333) : nil,
            initramfs: .init(
                sha256: Hexadecimal.encode(SHA256.hash(content(manifest.segments[...]))),
                crc32BeforeLast: CRC32.of(content(manifest.segments.dropLast())),
                crc32OfLast: CRC32.of(content(manifest.segments.suffix(1)))))
        return manifest
    }

    private func policy(_ manifest: ImageManifest) throws -> BootPolicy {
        BootPolicy(
            serverAddress: Sample.server, httpPort: 8080,
            everyone: try ServedSystem(
                manifest: manifest, boots: Sample.boots("ppc64-elfv2"), stubHead: nil),
            templates: try Sample.templates())
    }

    /// A boot that has begun, and its files by name.
    private func boot(_ manifest: ImageManifest) throws -> (String) -> [UInt8]? {
        let policy = try policy(manifest)
        var attempts = BootAttempts()
        let request = try #require(BootRequest(Sample.captured("uboot-ppc-discover")))
        _ = attempts.begin(request, system: try #require(policy.systems["rescue"]), now: .seconds(1)) { "a1" }
        return { [attempts] name in
            policy.bootFile(named: "boot/a1/\(name)", for: attempts).map { Self.content($0.file) }
        }
    }

    @Test func `U-Boot's own request, which says nothing of its machine, is answered with a script`() throws {
        let range = [IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.120")!]
        var talk = try Conversation(range, policy: policy(Self.manifest()))
        let offer = try #require(talk.say(Sample.captured("uboot-ppc-discover")).reply)
        #expect(offer.messageType == .offer && offer.file == Array("boot/a1/boot.scr".utf8))
        let answer = try talk.say(Sample.captured("uboot-ppc-request"))
        #expect(answer.reply?.messageType == .acknowledge && answer.reply?.nextServer == Sample.server)
        #expect(answer.reply?[.bootFileName] == Array("boot/a1/boot.scr".utf8))
        #expect(answer.why.contains { $0.contains("U-Boot (option 60): a script for a-board by TFTP") })
        // A system for any machine says too little of where U-Boot is to put it.
        var without = Self.manifest()
        without.uBoot = nil
        var other = try Conversation(range, policy: policy(without))
        let refused = try other.say(Sample.captured("uboot-ppc-discover"))
        #expect(refused.reply?.file.isEmpty == true)
        #expect(refused.why.contains { $0.contains("needs a system with a 'board'") })
    }

    @Test func `a U-Boot that names another machine gets nothing`() throws {
        let policy = try policy(Self.manifest())
        let arm = try #require(BootRequest(Sample.message(.discover, vendor: "U-Boot.armv8", architecture: 22)))
        #expect(arm.client == .uBoot && policy.offer(to: arm, attempt: "a1").answer == .addressOnly)
    }

    @Test func `the script sets the command line whatever is in it, and starts the FIT's parts`() throws {
        let file = try boot(Self.manifest())
        let bytes = try #require(file("boot.scr"))
        let (header, parts) = try UImage.read(bytes)
        #expect(header.kind == .script && header.architecture == .powerPC)
        let text = String(decoding: bytes[parts[0]], as: UTF8.self)
        #expect(
            text.contains(
                #"""
                setenv serverip 10.77.0.1
                setenv bootargs 'console=ttyS0 who="it'\''s $me" bootferry.server=http://10.77.0.1:8080 bootferry.boot=a1 BOOTIF=01-52-52-52-52-52-52'

                """#))
        #expect(text.contains("if tftpboot 0x4000000 boot/a1/rescue.itb; then\n"))
        #expect(text.contains("bootm 0x4000000:kernel-1 0x4000000:ramdisk-1 ${fdtcontroladdr}\n"))
        let own = try boot(Self.manifest(hasTree: true))
        let other = try #require(own("boot.scr"))
        #expect(String(decoding: other, as: UTF8.self).contains("0x4000000:ramdisk-1 0x4000000:fdt-1\n"))
    }

    @Test(arguments: [false, true])
    func `a FIT's parts are the image's, each with the digest that was made with it`(hasTree: Bool) throws {
        let file = try boot(Self.manifest(hasTree: hasTree))
        let tree = try FIT.read(try #require(file("rescue.itb")))
        #expect(tree.images.map(\.name) == ["kernel-1", "ramdisk-1"] + (hasTree ? ["fdt-1"] : []))
        for image in tree.images {
            guard case .bytes(let data) = image.data else { continue }
            #expect(image.digests == [.init("sha256", SHA256.hash(data))], "\(image.name)")
        }
        guard case .bytes(let ramdisk) = tree.images[1].data else { return }
        #expect(ramdisk == file("initrd"))
        #expect(tree.configurations.first?.deviceTree == (hasTree ? "fdt-1" : nil))
    }

    @Test func `with a node's own segment in it the initramfs has its CRC, which follows from those of its parts`()
        throws
    {
        var policy = try NodeSegmentTests.policy()
        var manifest = Self.manifest()
        manifest.system = "lab-node"
        policy.systems["lab-node"] = try ServedSystem(
            manifest: manifest, boots: Sample.boots("ppc64-elfv2"), stubHead: nil)
        let attempts = try NodeSegmentTests.begun(policy)
        func file(_ name: String) throws -> [UInt8] {
            Self.content(try #require(policy.bootFile(named: "boot/a1/\(name)", for: attempts)).file)
        }
        let image = try FIT.read(file("lab-node.itb")).images[1]
        guard case .bytes(let ramdisk) = image.data else { return }
        let sum = CRC32.of(ramdisk)
        #expect(try ramdisk == file("initrd") && ramdisk.count > 36)
        #expect(image.digests == [.init("crc32", (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })])
        #expect(try UImage.read(file("initrd.uimg")).header.checksum == sum)
    }

    @Test func `legacy images have their sums, and the script a place for each`() throws {
        let file = try boot(Self.manifest(.uimage, hasTree: true))
        let kernel = try #require(file("kernel.uimg"))
        let (header, parts) = try UImage.read(kernel)
        #expect(header.kind == .kernel && header.compression == .gzip && parts[0].count == 5001)
        let initramfs = try #require(file("initrd.uimg"))
        #expect(try UImage.read(initramfs).header.kind == .ramdisk)
        #expect(Array(initramfs[64...]) == file("initrd") && file("board.dtb")?.count == 333)
        let script = String(decoding: try #require(file("boot.scr")), as: UTF8.self)
        #expect(
            script.contains("tftpboot 0x4000000 boot/a1/kernel.uimg")
                && script.contains("tftpboot 0x4010000 boot/a1/initrd.uimg"))
        #expect(
            script.contains("tftpboot 0x4020000 boot/a1/board.dtb")
                && script.contains("bootm 0x4000000 0x4010000 0x4020000\n"))
    }

    @Test(arguments: ["01-52-52-52-52-52-52", "0A4D003C", "0A4", "default-ppc", "default", "pxelinux.cfg"])
    func `U-Boot's pxe finds its configuration under every name that it tries`(name: String) throws {
        let fit = try boot(Self.manifest())
        #expect(
            try String(decoding: #require(fit("pxelinux.cfg/\(name)")), as: UTF8.self)
                == """
                # rescue; names count from the folder of DHCP's boot file
                DEFAULT rescue
                PROMPT 0
                LABEL rescue
                  KERNEL rescue.itb#conf-1
                  APPEND console=ttyS0 who="it's $me" bootferry.server=http://10.77.0.1:8080 bootferry.boot=a1 \
                BOOTIF=01-52-52-52-52-52-52

                """)
        let legacy = try boot(Self.manifest(.uimage, hasTree: true))
        let text = String(decoding: try #require(legacy("pxelinux.cfg/\(name)")), as: UTF8.self)
        #expect(text.contains("  KERNEL kernel.uimg\n  INITRD initrd.uimg\n  FDT board.dtb\n"))
    }
}
