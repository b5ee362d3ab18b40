import Foundation
import SystemPackage
import TestSupport
import Testing

/// A system that looks at itself once it is up, and says on its console what it found.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct BootedSystemTests {
    /// Each line of the console that begins with `proof NAME:`.
    struct Findings {
        var values: [String: [String]] = [:]

        init(console: String) {
            for line in console.split(separator: "\n") {
                guard let match = line.firstMatch(of: /proof ([a-z-]+):(.*)/) else { continue }
                let value = match.2.trimmingCharacters(in: .whitespaces)
                values[String(match.1), default: []].append(value)
            }
        }

        subscript(name: String) -> String? { values[name]?.first }
    }

    static let system = #"""
        packages: [fping, libcap2-bin, openssh-server, nix: GREETING]
        users:
          alice:
            password-hash: "$6$bootferry$not.a.real.hash"
            ssh-keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0CMkm1Q4N6nCUAqTu5ylxgL4Rh5fEW6X alice@desk"]
        files:
          /usr/local/sbin/proof:
            mode: "0755"
            text: |
              #!/bin/sh
              # The kernel's messages may break into a line of the console, so each is said in one write.
              say() { printf '\nproof %s: %s\n' "$1" "$2" >/dev/console; }
              dmesg -n 1
              say capability "$(getcap /usr/bin/fping)"
              say ping "$(setpriv --reuid=alice --regid=alice --clear-groups fping -q 10.77.0.1 >/dev/null 2>&1; echo $?)"
              say machine-id "$(cat /etc/machine-id)"
              say hostname "$(cat /proc/sys/kernel/hostname)"
              for key in /etc/ssh/ssh_host_*_key.pub; do say host-key "$(cut -d' ' -f1,2 "$key")"; done
              for path in /home/alice /home/alice/.ssh/authorized_keys /usr/bin/su /etc/shadow /; do
                  say mode "$(stat -c '%n %U:%G %a' $path)"
              done
              say password "$(getent shadow alice | cut -d: -f2)"
              say unowned "$(find / -xdev \( -nouser -o -nogroup \) | head -3)"
              say failed "$(systemctl list-units --failed --no-legend --plain | cut -d' ' -f1 | tr '\n' ' ')"
              say greeting "$(greet) $(stat -c '%U %a' "$(readlink -f /usr/local/bin/greet)")"
              say end yes
          /etc/systemd/system/proof.service:
            text: |
              [Unit]
              Wants=network-online.target
              After=ssh.service network-online.target
              Before=bootferry-phone-home.service
              [Service]
              Type=oneshot
              ExecStart=/usr/local/sbin/proof
              [Install]
              WantedBy=multi-user.target
        services:
          enabled: [proof.service]
        """#

    @Test func `a booted node is what was configured, and makes its own identities`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            _ = try await program.build()
            let greeting = try await GreetingClosure(by: RealNix(folder: folder), contentAddressed: true)
            let imported = try await program.run("import", greeting.cache.string, "--path", greeting.path)
            try #require(imported.succeeded, "\(imported.messages)")
            let system = try TestSystem(
                in: folder, name: "proof-node", Self.system.replacing("GREETING", with: greeting.path))
            let report = try await program.build(system.file)
            #expect(try await report.contents(of: "etc/ssh/ssh_host_ed25519_key") == nil)
            #expect(try await report.contents(of: "etc/ssh/ssh_host_ecdsa_key") == nil)
            #expect(try await report.contents(of: "etc/machine-id") == "")
            var boots: [Findings] = []
            for _ in 0..<2 {
                let boot = try await program.run("boot", system.file.string)
                try #require(boot.succeeded, "\(boot.messages)\n\(boot.output)")
                let found = Findings(console: boot.output)
                try #require(found["end"] == "yes", "\(boot.output)")
                boots.append(found)
            }
            let (first, second) = (boots[0], boots[1])
            #expect(first["capability"] == "/usr/bin/fping cap_net_raw=ep")
            #expect(first["ping"] == "0", "an ordinary user cannot ping the boot server")
            #expect(first["machine-id"]?.wholeMatch(of: /[0-9a-f]{32}/) != nil)
            #expect(first["machine-id"] == second["machine-id"])
            #expect(first["hostname"] == "proof-node")
            let keys = (Set(first.values["host-key"] ?? []), Set(second.values["host-key"] ?? []))
            let kinds = Set(keys.0.map { key in String(key.split(separator: " ").first ?? "") })
            #expect(kinds == ["ssh-ed25519", "ecdsa-sha2-nistp256"])
            #expect(keys.0.isDisjoint(with: keys.1))
            #expect(
                first.values["mode"] == [
                    "/home/alice alice:alice 700", "/home/alice/.ssh/authorized_keys alice:alice 600",
                    "/usr/bin/su root:root 4755", "/etc/shadow root:shadow 640", "/ root:root 755",
                ])
            #expect(first["password"] == "$6$bootferry$not.a.real.hash")
            #expect(first["unowned"] == "")
            #expect(first["failed"] == "")
            #expect(first["greeting"] == "\(GreetingClosure.note) root 555")
        }
    }
}
