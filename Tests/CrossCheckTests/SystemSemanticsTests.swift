import Foundation
import SystemPackage
import TestSupport
import Testing

/// What a changed line of a configuration does to the image, and what mistakes are answered with.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SystemSemanticsTests {
    @Test func `settings reach the image, and with them removed the image is the one before`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let original = try await program.build()
            let system = try TestSystem(
                in: folder,
                """
                users:
                  alice:
                    password-hash: "$6$salt$hash"
                    groups: [adm]
                    ssh-keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0CMkm1Q4N6nCUAqTu5ylxgL4Rh5fEW6X alice"]
                files:
                  /etc/motd: {text: "welcome aboard\\n"}
                  /etc/systemd/system/own.service:
                    text: |
                      [Service]
                      ExecStart=/bin/true
                      [Install]
                      WantedBy=multi-user.target
                services:
                  enabled: [own]
                  disabled: [fstrim.timer]
                network:
                  interfaces:
                    eth0: {addresses: [192.0.2.7/24], gateway: 192.0.2.1, name-servers: [192.0.2.53]}
                """)
            let changed = try await program.build(system.file)
            #expect(changed.image != original.image)
            #expect(changed.segments.dropLast().map(\.segment) == original.segments.dropLast().map(\.segment))
            #expect(try await changed.contents(of: "etc/motd") == "welcome aboard\n")
            #expect(try await changed.contents(of: "etc/shadow")?.contains("\nalice:$6$salt$hash:") == true)
            #expect(try await changed.contents(of: "etc/group")?.contains(/\nadm:[^\n]*alice/) == true)
            #expect(
                try await changed.contents(of: "home/alice/.ssh/authorized_keys")?.hasPrefix("ssh-ed25519 AAAA") == true
            )
            let network = try await changed.contents(of: "etc/systemd/network/70-bootferry-0.network")
            #expect(network?.contains("Address=192.0.2.7/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n") == true)
            #expect(try await changed.contents(of: "etc/systemd/network/80-bootferry.network") == nil)
            #expect(try await changed.contents(of: "etc/systemd/system/own.service") != nil)
            #expect(try await changed.contents(of: "etc/systemd/system/multi-user.target.wants/own.service") != nil)
            let removals = try await changed.contents(of: "usr/lib/bootferry/removals")
            #expect(removals?.contains("timers.target.wants/fstrim.timer") == true)

            try system.write("")
            let restored = try await program.build(system.file)
            #expect(restored.image == original.image)
            #expect(try await restored.contents(of: "home/alice/.ssh/authorized_keys") == nil)
        }
    }

    @Test func `mistakes are answered with their place and the nearest spelling`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let mistakes: [(text: String, says: [String])] = [
                (
                    "services: {enabled: [systemd-timedate.service]}",
                    ["systemd-timedate.service", "did you mean 'systemd-timedated.service'?"]
                ),
                ("packages:\n  - libcap2-bni", ["system.yaml:4:5", "libcap2-bni", "did you mean `libcap2-bin`?"]),
                ("hostnam: x\nmemory: 1 GB", ["system.yaml:3:1", "hostname", "system.yaml:4:9"]),
                ("files: {/etc/x: {source: missing.txt}}", ["missing.txt"]),
            ]
            for (text, says) in mistakes {
                let outcome = try await program.run("build", TestSystem(in: folder, text).file.string)
                #expect(outcome.status == .exited(2), "\(text): \(outcome.messages)")
                for words in says { #expect(outcome.messages.contains(words), "\(outcome.messages)") }
            }
            let system = try TestSystem(in: folder).file.string
            let update = try await program.run("lock", system, "nosuch", "--update")
            #expect(update.status == .exited(2))
            #expect(update.messages.contains("nosuch: not in the lock file"))
            let unknown = try await program.run("why", system, "udve")
            #expect(unknown.status == .exited(2))
            #expect(unknown.messages.contains("did you mean 'udev'?"))
        }
    }

    @Test func `why follows a package and a file to the line that asks for them, and JSON parses`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let system = BootferryProgram.minimal.string
            let package = try await program.run("why", system, "libssl3t64")
            #expect(package.succeeded, "\(package.messages)")
            #expect(package.output.contains(/-> libssl3t64\n.* is asked for by .*common\/debian.yaml:[0-9]+:[0-9]+/))
            let file = try await program.run("why", system, "/bin/kmod")
            #expect(file.output.contains("/bin/kmod is carried by kmod\n"), "\(file.messages)")
            #expect(file.output.contains("kmod is asked for by"))
            for verb in [
                ["build", system], ["plan", system], ["show", "system", system], ["show", "config", system],
                ["why", system, "kmod"], ["generations"], ["verify"], ["gc", "--dry-run"], ["lock", system],
                ["fetch", system],
            ] {
                let outcome = try await program.run(verb + ["--json"])
                #expect(outcome.succeeded, "\(verb): \(outcome.messages)")
                let value = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
                #expect(value != nil, "\(verb): \(outcome.output)")
            }
        }
    }

    @Test func `an altered object is named, and the exit status says so`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let segment = try #require(try await program.build().segments.first { $0.name == "bash" }).segment
            // Replaced rather than written into: the copy's files are links to the shared store's.
            let alter = """
                chmod u+w "$(dirname "$0")" && cp "$0" "$1" && chmod u+w "$1" &&
                    printf X | dd of="$1" bs=1 seek=1000 conv=notrunc status=none && mv -f "$1" "$0"
                """
            let altered = try await execute(["sh", "-c", alter, segment, folder.appending("new").string])
            try #require(altered.succeeded, "\(altered.messages)")
            let outcome = try await program.run("verify")
            #expect(outcome.status == .exited(3))
            #expect(outcome.output.contains("-bash-segment': has NAR digest"), "\(outcome.output)")
            #expect(try await program.faults().allSatisfy { $0.contains("-bash-segment'") })
        }
    }

    @Test func `a collection keeps what generations need, and no more`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let system = try TestSystem(in: folder, name: "collected", "files: {/etc/motd: {text: one}}")
            let first = try await program.build(system.file)
            try system.write("files: {/etc/motd: {text: two}}")
            let second = try await program.build(system.file)
            #expect(first.generation == 1 && second.generation == 2)
            let store = program.stateDirectory.appending("store")
            func isThere(_ report: BuildReport) -> Bool {
                let name = String(report.image.split(separator: "/").last ?? "")
                return FileManager.default.fileExists(atPath: store.appending(name).string)
                    && report.segments.allSatisfy { FileManager.default.fileExists(atPath: $0.segment) }
            }
            try #require(try await program.run("gc").succeeded)
            #expect(isThere(first) && isThere(second))
            try #require(try await program.run("gc", "--keep", "1").succeeded)
            #expect(!isThere(first) && isThere(second))
            #expect(try await program.faults() == [])
            let list = try await program.run("generations", "collected")
            #expect(list.output.split(separator: "\n").count == 1)
            #expect(list.output.contains(second.image))
            // What the newest generation was made from stays too, so this fetches and configures nothing.
            let again = try await program.run("build", system.file.string)
            #expect(again.output.contains("collected generation 2 (unchanged)"))
            try system.write("files: {/etc/motd: {text: three}}")
            let quick = try await program.run("build", system.file.string)
            #expect(quick.succeeded && !quick.messages.contains("made configuration"), "\(quick.messages)")
        }
    }

    @Test func `what the platform's machines cannot load is refused as it is built, with the sum`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let data = folder.appending("data")
            // Each way to boot has a limit after this.
            let copied = try await execute([
                "sh", "-euc",
                """
                mkdir "$1"
                cp -R "$0/netboot" "$0/targets" "$1"
                sed -i 's/architectures: \\[[0-9, ]*\\], ipxe/limit: 50 MiB, &/' "$1/targets/platforms/x86_64.yaml"
                [ "$(grep -c 'limit: 50 MiB' "$1/targets/platforms/x86_64.yaml")" = 2 ]
                """, BootferryProgram.checkout.string, data.string,
            ])
            try #require(copied.succeeded, "\(copied.messages)")
            let outcome = try await program.run(
                "build", data.appending("targets/systems/minimal/system.yaml").string, "--data-dir", data.string)
            #expect(outcome.status == .exited(2), "\(outcome.messages)")
            #expect(
                outcome.messages.contains(
                    /minimal: has [56][0-9] MiB to load, and machines of 'x86_64' load at most 50/),
                "\(outcome.messages)")
            #expect(
                outcome.messages.contains(
                    /[0-9]+ MiB of kernel, [0-9]+ MiB of initramfs, and up to 2 MiB of a node's own/))
        }
    }
}
