import Testing

@testable import SystemModel

@Suite struct BoardTests {
    private static func platforms() throws -> [Platform] {
        try ["x86_64", "ppc64-elfv2"].map {
            try Platform.read("targets/platforms/\($0).yaml", files: RepositoryFiles.reader())
        }
    }

    private static func board(_ name: String) throws -> Board {
        try Board.read("targets/boards/\(name).yaml", files: RepositoryFiles.reader())
    }

    @Test func `a board is its platform, as a variant and as a QEMU machine of its own`() throws {
        let board = try Self.board("qemu-ppce500")
        let platform = try #require(board.platform(among: Self.platforms()))
        #expect(platform.fullName == "ppc64-elfv2-e5500" && platform.dataStem == "ppc64-elfv2-e5500")
        #expect(platform.firmware.map(\.name) == ["u-boot"] && platform.loaders.isEmpty)
        #expect(platform.firmware[0].prompt == "=>" && platform.firmware[0].commands == ["dhcp", "source $loadaddr"])
        // One kernel for both.
        let other = try #require(Self.board("qemu-ppce500-e6500").platform(among: Self.platforms()))
        #expect(other.fullName == "ppc64-elfv2-e6500" && other.dataStem == "ppc64-elfv2-e5500")
        let open = try #require(Self.board("qemu-pseries").platform(among: Self.platforms()))
        #expect(open == (try Self.platforms()[1]))
        #expect(try Self.board("ifc1410").tried == nil)
    }

    @Test func `a system for a board has its platform, memory and parameters; named elsewhere, another name`() throws {
        let boards = [try Self.board("qemu-ppce500"), try Self.board("ifc1410")]
        func system(_ lines: String, board: String? = nil) throws -> ResolvedSystem {
            try SystemConfiguration.read(
                "small/system.yaml", directory: "/d", platforms: Self.platforms(), boards: { boards }, board: board,
                files: RepositoryFiles.texts(["small/system.yaml": "version: 1\nrecipes: [busybox]\n" + lines])
            ).resolve()
        }
        let own = try system("board: ifc1410\nkernel: {parameters: [quiet]}\n")
        #expect(own.name == "small" && own.platform == "ppc64-elfv2" && own.board == "ifc1410" && own.memory == 2048)
        #expect(own.kernelParameters == ["console=ttyS0,115200", "quiet"])
        let other = try system("platform: ppc64-elfv2\nmemory: 64 MiB\n", board: "qemu-ppce500")
        #expect(other.name == "small-qemu-ppce500" && other.hostname == "small" && other.memory == 64)
        #expect(try system("board: ifc1410\n", board: "ifc1410").name == "small")
        let error = try #require(throws: ConfigurationError.self) { try system("platform: x86_64\nboard: ifc1410\n") }
        #expect(
            error.description.contains("the board `ifc1410` is of the platform `ppc64-elfv2`, found `x86_64`"))
        let unknown = try #require(throws: ConfigurationError.self) { try system("board: ifc1411\n") }
        #expect(unknown.description.contains("no such board: `ifc1411`; did you mean `ifc1410`?"))
    }

    @Test func `a board file with mistakes is refused with all of them`() throws {
        func problems(_ text: String) throws -> String {
            let error = try #require(throws: ConfigurationError.self) {
                try Board.read("targets/boards/x.yaml", files: RepositoryFiles.texts(["targets/boards/x.yaml": text]))
            }
            return error.description
        }
        let start = "version: 1\nsummary: a\nplatform: p\nmemory: 1 GiB\n"
        #expect(try problems(start + "name: y\nboot-file: fit\n").contains("U-Boot gets a `fit`"))
        #expect(try problems(start + "name: y\nboot-file: zimage\n").contains("expected the file's name, found `y`"))
        let uBoot = "u-boot: {architecture: ppc, addresses: {boot-file: 0x100000000}}\n"
        #expect(try problems(start + "name: x\nboot-file: fit\n" + uBoot).contains("expected an address"))
    }

    @Test func `what a board's loader or RAM cannot take is refused with the sum`() throws {
        var uBoot = try #require(Self.board("ifc1410").uBoot)
        let mebibyte = 1 << 20
        func refusal(
            _ kernel: Int, _ initramfs: Int, memory: Int = 2048, as format: Board.Format = .fit
        ) -> String? {
            uBoot.refusal(
                of: .init(
                    kernel: kernel * mebibyte / 3, unpackedKernel: kernel * mebibyte, initramfs: initramfs * mebibyte,
                    deviceTree: 30_000), as: format, memory: memory)
        }
        #expect(refusal(12, 3) == nil && refusal(12, 3, as: .uimage) == nil)
        #expect(refusal(129, 3) == "a kernel of 129.0 MiB, and its U-Boot unpacks at most 128 MiB")
        #expect(
            refusal(12, 60)
                == "kernel 12.0 MiB from 0x0 on, initramfs 60.0 MiB and device tree reach to 0x4840000, and its U-Boot puts them below 0x4000000"
        )
        #expect(
            refusal(12, 3, memory: 272)
                == "7.1 MiB from 0x10000000 on (kernel 4.0 MiB, initramfs 3.0 MiB, device tree 0.1 MiB) reach to "
                + "0x1070b530, and its 272 MiB of RAM without the 16 of U-Boot end at 0x10000000")
        uBoot.bootFile = 0x80_0000
        #expect(
            refusal(12, 3)
                == "a kernel of 12.0 MiB from 0x0 on ends at 0xc00000, behind 0x800000, where what it is unpacked from begins"
        )
        uBoot.bootFile = 0x1000_0000
        uBoot.initramfs = 0x1010_0000
        #expect(
            refusal(12, 3, as: .uimage)
                == "4.0 MiB from 0x10000000 on reach to 0x10400000, behind 0x10100000, where the initramfs begins")
    }
}
