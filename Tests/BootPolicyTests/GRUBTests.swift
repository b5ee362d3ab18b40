import BootProtocols
import SystemModel
import Testing

@testable import BootPolicy

/// GRUB asks for names of its own, which tell the machine and not the boot.
@Suite struct GRUBTests {
    @Test func `every name that GRUB asks for tells the machine, and no other does`() throws {
        let uuid = try #require(MachineUUID("4c4c4544-0042-3510-8054-b4c04f4d3132"))
        let address = try #require(IPv4Address("10.77.0.100"))
        let known: [(String, GRUBSearch)] = [
            ("/grub/grub.cfg-4c4c4544-0042-3510-8054-b4c04f4d3132", .uuid(uuid)),
            ("grub/grub.cfg-01-52-54-00-12-34-56", .mac(Sample.node)),
            ("/boot/grub/grub.cfg-01-52:54:00:12:34:56", .mac(Sample.node)),
            ("/grub/grub.cfg-0A4D0064", .address(address)), ("//grub/grub.cfg", .unnamed), ("grub.cfg", .unnamed),
        ]
        for (name, search) in known { #expect(GRUBSearch(name) == search, "\(name)") }
        for name in [
            "grub/grub.cfg-0A4D006", "grub/grub.cfg-", "grub/grub.cfgx", "etc/grub.cfg", "boot/a1/grub.cfg",
            "grub/grub.cfg-01-ff-ff-ff-ff-ff-ff", "grub/x86_64-efi/grub.cfg", "grub/../grub.cfg", "",
            "grub/grub.cfg-" + String(repeating: "0", count: 100),
        ] { #expect(GRUBSearch(name) == nil, "\(name)") }
    }

    @Test func `a node's own script boots its system with its parameters, each one word`() throws {
        var policy = try Sample.policy(Sample.site())
        var attempts = BootAttempts()
        let begun = try #require(
            policy.begin(Sample.node, now: .seconds(1), attempts: &attempts, newIdentifier: { "a1" }))
        #expect(begun.attempt == "a1")
        #expect(begun.lines == ["lab-node on \(Sample.node): GRUB asks"])
        let script = try SitePolicyTests.text(policy, "boot/a1/grub.cfg", attempts)
        #expect(
            script.contains(
                "linux $files/boot/a1/kernel 'quiet' 'bootferry.server=http://10.77.0.1:8080' 'bootferry.boot=a1'"))
        #expect(script.contains("'group=1'") && script.contains("set files=(tftp,10.77.0.1)\n"))
        #expect(script.contains("initrd $files/boot/a1/initrd") && script.contains("timeout=0\n"))
        #expect(!script.contains("(http") && !script.contains("{{"))
        policy.httpPort = 80
        #expect(
            try SitePolicyTests.text(policy, "boot/a1/grub.cfg", attempts)
                .contains("source (http,10.77.0.1)/boot/a1/http.cfg"))
        #expect(try SitePolicyTests.text(policy, "boot/a1/http.cfg", attempts) == "set files=(http,10.77.0.1)\n")
        // The same boot, asked for again.
        #expect(
            policy.begin(Sample.node, now: .seconds(2), attempts: &attempts, newIdentifier: { "a2" })?.attempt == "a1")
        #expect(policy.begin(Sample.stranger, now: .seconds(2), attempts: &attempts, newIdentifier: { "a3" }) == nil)
        #expect(attempts.all.count == 1)
        #expect(
            try SitePolicyTests.text(policy, "grub.cfg", attempts)
                .contains("configfile (tftp,10.77.0.1)/grub/grub.cfg-01-$net_default_mac"))
    }

    @Test func `PXELINUX tells its card with every request, and gets whole URLs`() throws {
        let cookie = "_Syslinux_ip=10.77.0.98%3A10.77.0.2;_Syslinux_BOOTIF=01-52-54-00-12-34-56;_Syslinux_SYSFF=1;"
        #expect(PXELINUXSearch("/pxelinux.cfg", cookie: cookie)?.card == Sample.node)
        for (name, cookie) in [
            ("/pxelinux.cfg", nil), ("/pxelinux.cfg", "a=b"), ("/kernel", cookie), ("/boot/a1/pxelinux.cfg", cookie),
            ("/pxelinux.cfg", "_Syslinux_BOOTIF=01-ff-ff-ff-ff-ff-ff"), ("/pxelinux.cfg", "_Syslinux_BOOTIF=01-52-54"),
            ("/pxelinux.cfg", "x_Syslinux_BOOTIF=01-52-54-00-12-34-56"),
        ] { #expect(PXELINUXSearch(name, cookie: cookie) == nil, "\(name) \(cookie ?? "")") }
        let policy = try Sample.policy(Sample.site(.init(answer: .menu)))
        var attempts = BootAttempts()
        let begun = try #require(
            policy.begin(
                Sample.node, as: .pxelinux, now: .seconds(1), attempts: &attempts, newIdentifier: { "a1" }))
        #expect(begun.lines == ["lab-node on \(Sample.node): PXELINUX asks"])
        let script = try SitePolicyTests.text(policy, "boot/a1/pxelinux-http.cfg", attempts)
        #expect(script.contains("KERNEL http://10.77.0.1:8080/boot/a1/kernel\n"), "\(script)")
        #expect(try SitePolicyTests.text(policy, "boot/a1/pxelinux.cfg", attempts).contains("KERNEL kernel\n"))
        // A menu without a system of its own is not for PXELINUX.
        #expect(
            policy.begin(
                Sample.stranger, as: .pxelinux, now: .seconds(2), attempts: &attempts, newIdentifier: { "a2" }) == nil)
    }

    @Test func `a quote in a kernel parameter ends no word`() {
        #expect(BootPolicy.quoted("quiet") == "'quiet'")
        #expect(BootPolicy.quoted("a'b; reboot") == "'a'\\''b; reboot'")
    }

    @Test func `an unknown machine's menu lists every system, and what is chosen boots`() throws {
        let policy = try Sample.policy(Sample.site(.init(answer: .menu, system: "other")))
        var attempts = BootAttempts()
        _ = policy.begin(Sample.stranger, now: .seconds(1), attempts: &attempts, newIdentifier: { "a1" })
        let menu = try SitePolicyTests.text(policy, "boot/a1/grub.cfg", attempts)
        #expect(menu.contains("configfile $files/boot/a1/lab-node/grub.cfg"))
        #expect(menu.contains("set default='other'"))
        let name = "boot/a1/lab-node/grub.cfg"
        let chosen = try #require(policy.choice(madeBy: name, for: attempts))
        #expect(chosen.system.manifest.system == "lab-node" && chosen.script == .grub)
        _ = attempts.change(chosen.attempt, to: chosen.system, reason: chosen.reason, now: .seconds(2))
        #expect(try SitePolicyTests.text(policy, name, attempts).contains("linux $files/boot/a1/kernel"))
    }

    @Test func `the menu offers every other generation, and gives the one that is chosen`() throws {
        var policy = try Sample.policy(Sample.site())
        let systems = try [1, 2, 3].map { try Sample.system(generation: $0) }
        policy.generations["lab-node"] = ServedGenerations(
            rollout: Rollout(system: "lab-node", generation: 3, since: 0),
            systems: Dictionary(uniqueKeysWithValues: zip([1, 2, 3], systems)))
        var attempts = BootAttempts()
        _ = policy.begin(Sample.node, now: .seconds(1), attempts: &attempts, newIdentifier: { "a1" })
        let script = try SitePolicyTests.text(policy, "boot/a1/grub.cfg", attempts)
        #expect(script.contains("timeout=3\n") && script.contains("configfile $files/boot/a1/generation-1.cfg"))
        #expect(!script.contains("generation-3.cfg"))
        let chosen = try #require(policy.choice(madeBy: "/boot/a1/generation-1.cfg", for: attempts))
        #expect(chosen.system.generation == 1 && chosen.script == .grub)
    }
}
