import BootProtocols
import FileFormats
import SystemModel
import Testing

@testable import BootPolicy

/// A U-Boot that offers UEFI to what it starts (riscv64's and arm64's): it asks twice, first as U-Boot for a script, then as
/// a UEFI for a program.
@Suite struct UBootUEFITests {
    private static func system() throws -> ServedSystem {
        // RISC-V's machine type in place of x86_64's.
        var stub = Sample.stubHead
        stub.replaceSubrange(0x84..<0x86, with: [0x64, 0x50])
        var manifest = Sample.manifest("minimal-riscv64", parameters: ["console=ttyS0"])
        manifest.platform = "riscv64"
        manifest.loaders = ["linuxriscv64.efi.stub": .init(path: "\(Sample.path)/stub", size: 4096)]
        return try ServedSystem(manifest: manifest, boots: Sample.boots("riscv64"), stubHead: stub)
    }

    private func policy() throws -> BootPolicy {
        BootPolicy(
            serverAddress: Sample.server, httpPort: 8080, everyone: try Self.system(), templates: try Sample.templates()
        )
    }

    @Test func `it gets a script that loads one program to where nothing is written over it`() throws {
        let range = [IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.120")!]
        var talk = try Conversation(range, policy: policy())
        let asked = try Sample.captured("uboot-riscv-discover")
        #expect(BootRequest(asked)?.client == .uBoot && BootRequest(asked)?.architecture == nil)
        let answer = talk.say(asked)
        #expect(answer.reply?.file == Array("boot/a1/boot.scr".utf8) && answer.reply?.nextServer == Sample.server)
        #expect(answer.why.contains { $0.contains("U-Boot (option 60): a script for UEFI by TFTP") })
        let file = try #require(talk.policy.bootFile(named: "boot/a1/boot.scr", for: talk.attempts)?.file)
        guard case .literal(let bytes) = file.extents[0] else { return }
        let (header, parts) = try UImage.read(bytes)
        #expect(header.kind == .script && header.architecture == .riscV)
        #expect(
            String(decoding: bytes[parts[0]], as: UTF8.self).hasPrefix(
                """
                # minimal-riscv64: what U-Boot does, given to it as a script image
                setenv serverip 10.77.0.1
                echo bootferry: fetching minimal-riscv64
                if tftpboot 0x90000000 boot/a1/minimal-riscv64.efi; then
                    bootefi 0x90000000 ${fdtcontroladdr}
                fi

                """))
    }

    @Test func `in its own boot order it is told where to load a program, and asks on`() throws {
        let range = [IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.120")!]
        var talk = try Conversation(range, policy: policy())
        _ = try talk.say(Sample.captured("uboot-riscv-discover"))
        let file = try #require(talk.policy.bootFile(named: "boot.scr.uimg", for: talk.attempts)?.file)
        guard case .literal(let bytes) = file.extents[0] else { return }
        let (header, parts) = try UImage.read(bytes)
        #expect(header.kind == .script)
        #expect(
            String(decoding: bytes[parts[0]], as: UTF8.self) == """
                # minimal-riscv64: what U-Boot does, given to it as a script image
                setenv kernel_addr_r 0x90000000

                """)
    }

    @Test func `as a UEFI it gets one program with all of the system`() throws {
        let range = [IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.120")!]
        var talk = try Conversation(range, policy: policy())
        let efi = try Sample.captured("uboot-riscv-uefi-discover")
        #expect(BootRequest(efi)?.client == .pxe && BootRequest(efi)?.architecture?.rawValue == 27)
        let offer = try #require(talk.say(efi).reply)
        #expect(offer.file == Array("boot/a1/minimal-riscv64.efi".utf8) && offer.nextServer == Sample.server)
        let answer = try talk.say(Sample.captured("uboot-riscv-uefi-request"))
        #expect(answer.reply?.messageType == .acknowledge)
        #expect(answer.reply?[.bootFileName] == Array("boot/a1/minimal-riscv64.efi".utf8))
        #expect(answer.why.contains { $0.contains("RISC-V 64 UEFI (option 93): a unified kernel image by TFTP") })
        let manifest = try Self.system().manifest
        let file = try #require(
            talk.policy.bootFile(named: "boot/a1/minimal-riscv64.efi", for: talk.attempts)?.file)
        #expect(file.extents.contains(.whole(manifest.kernel)))
        for segment in manifest.segments { #expect(file.extents.contains(.whole(segment.part))) }
    }

    @Test(arguments: ["dtb/", "dtb/qemu-riscv.dtb", "boot/a1/dtb/"])
    func `what else it asks for is not there, and it goes on`(name: String) throws {
        var talk = try Conversation([IPv4Address("10.77.0.60")!...IPv4Address("10.77.0.60")!], policy: policy())
        _ = try talk.say(Sample.captured("uboot-riscv-uefi-discover"))
        #expect(talk.policy.bootFile(named: name, for: talk.attempts) == nil)
    }
}
