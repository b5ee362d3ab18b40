import BootPolicy
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// A node of a site, by two kinds of real firmware, and what it looks like from another machine.
@Suite(.serialized, .timeLimit(.minutes(20)))
struct NodeBootTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, its state directory, and the two machines'
    /// command lines, a `--` between.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 state=$2
        shift 2; shift
        ip link set lo up
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip address add 10.77.0.66/24 dev tap0
        ip link set tap0 up
        "$bootferry" node known-hosts --site "$folder/site.yaml" --state-dir "$state" >"$folder/known_hosts"
        "$bootferry" serve "$folder/site.yaml" --state-dir "$state" >"$folder/served" 2>"$folder/said" &
        server=$!
        await() { # PATTERN TIMES: until the server has said it so often
            n=0
            until [ "$(cat "$folder/served" "$folder/said" | grep -c "$1")" -ge "$2" ]; do
                n=$((n + 1))
                [ $n -lt 600 ] || { echo "never: $1"; exit 1; }
                kill -0 $server || exit 1
                sleep 1
            done
        }
        node() { # What root sees there; the host's key must be the one that the site says.
            ssh -i "$folder/id" -o UserKnownHostsFile="$folder/known_hosts" -o GlobalKnownHostsFile=/dev/null \
                -o StrictHostKeyChecking=yes -o ConnectTimeout=60 -o LogLevel=ERROR root@10.77.0.11 \
                'echo "hostname $(hostname)"; echo "hosts $(grep ^127.0.1.1 /etc/hosts)"
                echo "machine-id $(cat /etc/machine-id) $(stat -c %a /etc/machine-id)"
                for file in /etc/motd /etc/lab/node.key /etc/ssh/ssh_host_ed25519_key; do
                    echo "file $(stat -c "%n %U:%G %a" $file)"; done
                echo "sums $(cat /etc/motd | sha256sum | cut -c1-64) $(sha256sum </etc/lab/node.key | cut -c1-64)"
                echo "early $(cat /run/early)"
                echo "left $(ls /usr/lib/bootferry/node | tr "\n" " ")"
                echo "folder $(stat -c %a /usr/lib/bootferry/node)"
                echo "keys $(ls /etc/ssh/ssh_host_*_key | tr "\n" " ")"
                echo "failed $(systemctl list-units --failed --no-legend --plain | cut -d" " -f1 | tr "\n" " ")"'
        }
        names() { grep -o 'boot/[0-9a-z]*/' "$folder/served" | cut -d/ -f2; }
        await 'Ctrl-C ends it' 1
        boot=0
        while [ $# -gt 0 ]; do
            boot=$((boot + 1))
            machine=()
            while [ $# -gt 0 ] && [ "$1" != -- ]; do machine+=("$1"); shift; done
            [ $# -eq 0 ] || shift
            timeout 600 "${machine[@]}" >"$folder/console$boot" 2>&1 &
            running=$!
            if [ $# -eq 0 ]; then
                # At the last boot another machine is quicker than the node: it heard the boot's name.
                until [ "$(names | sort -u | wc -l)" -eq $boot ]; do kill -0 $running; sleep 0.2; done
                name=$(names | tail -1)
                token=$(curl -s "http://10.77.0.1:8080/boot/$name/initrd" | tr '\000' '\n' |
                    grep -a -A4 'bootferry/node/token$' | grep -a -x '[0-9a-f]\{32\}')
                curl -s --interface 10.77.0.66 -d "$token" "http://10.77.0.1:8080/secrets?boot=$name" >"$folder/stolen"
                await ': booted in' $boot
            else
                await ': booted in' $boot
                node >"$folder/node$boot"
            fi
            ssh-keyscan -T 30 10.77.0.11 2>"$folder/scan" | grep -v '^#' >"$folder/scanned$boot"
            kill $running; wait $running || :
        done
        # Another machine that saw the boot's name asks too late.
        curl -s --interface 10.77.0.66 -d 00 "http://10.77.0.1:8080/secrets?boot=$name" >"$folder/late"
        kill $server; wait $server
        """#

    private func machine(_ firmware: String, in folder: FilePath) throws -> [String] {
        let (platform, machine) = try labMachine(firmware, in: folder)
        return ["--", platform.qemuProgram] + machine.arguments
    }

    private func write(_ folder: FilePath, name: String, key: String) throws -> Data {
        // A unit that says nothing of secrets finds them all the same.
        let system = try TestSystem(
            in: folder, name: name,
            """
            packages: [openssh-server]
            users: {root: {ssh-keys: ["\(key.trimmingCharacters(in: .whitespacesAndNewlines))"]}}
            files:
              /etc/systemd/system/early.service:
                text: |
                  [Service]
                  Type=oneshot
                  ExecStart=/bin/sh -c "stat -c %%s /etc/lab/node.key >/run/early"
                  [Install]
                  WantedBy=multi-user.target
            services: {enabled: [early.service]}
            """)
        let secret = Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try secret.write(to: URL(filePath: folder.appending("node.key").string))
        let site = """
            version: 1
            networks:
              tap0:
                {address: 10.77.0.1, dhcp: full, authoritative: yes, router-advertisements: yes,
                 ranges: [10.77.0.100-10.77.0.110]}
            systems: {\(name): \(system.file)}
            nodes:
              bench-07:
                macs: [52:54:00:12:34:56]
                system: \(name)
                hostname: bench-07.lab.example
                address: 10.77.0.11
                files:
                  /etc/motd: {text: "the machine in the corner\\n", mode: "0640", group: adm}
                  /etc/lab/node.key: {source: node.key, owner: daemon, secret: yes}

            """
        try site.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
        return secret
    }

    @Test func `a node keeps name, machine-id and host key from boot to boot, has its files, and its secrets if first`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            func text(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            try await execute(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.appending("id").string])
            // A name of its own: the generation that an earlier run published has that run's key.
            let name = "kept-\(UInt32.random(in: 0 ... .max))"
            let secret = try write(folder, name: name, key: text("id.pub"))
            _ = try await program.build(folder.appending("\(name)/system.yaml"))
            let bios = try machine("bios", in: folder)
            let machines = try bios + machine("uefi", in: folder) + bios
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, program.stateDirectory.string] + machines)
            try #require(
                done.succeeded,
                "\(done.output)\n\(done.messages)\n\(text("served"))\n\(text("said"))\n\(text("console1"))")
            let first = text("node1").split(separator: "\n").map(String.init)
            #expect(first == text("node2").split(separator: "\n").map(String.init))
            func value(_ name: String) -> [String] {
                first.filter { $0.hasPrefix("\(name) ") }.map { String($0.dropFirst(name.count + 1)) }
            }
            #expect(value("hostname") == ["bench-07.lab.example"])
            #expect(value("hosts") == ["127.0.1.1 bench-07.lab.example bench-07"])
            #expect(value("machine-id").first?.wholeMatch(of: /[0-9a-f]{32} 444/) != nil)
            #expect(
                value("file") == [
                    "/etc/motd root:adm 640", "/etc/lab/node.key daemon:root 600",
                    "/etc/ssh/ssh_host_ed25519_key root:root 600",
                ])
            let motd = try await execute(["sh", "-c", "echo the machine in the corner | sha256sum | cut -c1-64"])
            let sum = try await execute([
                "sh", "-c", "sha256sum <\"$0\" | cut -c1-64", folder.appending("node.key").string,
            ])
            #expect(
                value("sums") == [
                    [motd, sum].map { $0.output.trimmingCharacters(in: .whitespacesAndNewlines) }.joined(separator: " ")
                ])
            #expect(value("early") == ["\(secret.count)"], "a service was started before its secret was there")
            #expect(value("left") == ["machine-id "] && value("folder") == ["700"])
            #expect(value("keys") == ["/etc/ssh/ssh_host_ed25519_key "] && value("failed") == [""])
            // What another machine sees of it is what the site says of it, whatever the firmware.
            let known = text("known_hosts").split(separator: " ").suffix(2).joined(separator: " ")
            #expect(text("known_hosts").hasPrefix("bench-07.lab.example,10.77.0.11 ssh-ed25519 AAAA"))
            #expect(
                text("scanned1") == "10.77.0.11 \(known)" && text("scanned2") == text("scanned1"), "\(text("scan"))")
            #expect(text("late") == "asked for after the system had phoned home\n")
            let served = text("served")
            #expect(served.components(separatedBy: "secrets given to 10.77.0.11: 3 files").count == 3, "\(served)")
            #expect(served.contains("secrets refused to 10.77.0.66: asked for after the system had phoned home"))
            // Who is quicker than the node has its secrets; the node is then refused, says so, and is not taken for itself.
            let stolen = String(
                decoding: try Data(contentsOf: URL(filePath: folder.appending("stolen").string)), as: UTF8.self)
            #expect(stolen.contains("\t/etc/lab/node.key\n") && stolen.contains("OPENSSH PRIVATE KEY"), "\(stolen)")
            #expect(served.contains("secrets refused to 10.77.0.11: asked for twice, and 10.77.0.66 has them"))
            #expect(served.contains(/booted in .* secrets=missing/), "\(served)")
            let found = text("scanned3")
            #expect(found.contains("10.77.0.11 ssh-ed25519 ") && !found.contains(known), "\(found)")
            try await explains(folder)
        }
    }

    /// The same as a person who asks beforehand is told.
    private func explains(_ folder: FilePath) async throws {
        let explained = try await BootferryProgram.shared.run(
            "serve", folder.appending("site.yaml").string, "--explain", "52:54:00:12:34:56")
        for line in [
            "its own segment, ", "hostname bench-07.lab.example, a machine-id", "/etc/motd, 26 bytes, 640 root:adm",
            "a token, which gets once:", "/etc/lab/node.key, 5000 bytes, 600 daemon:root",
            "/etc/ssh/ssh_host_ed25519_key, ",
        ] { #expect(explained.output.contains(line), "\(line)\n\(explained.output)\(explained.messages)") }
        #expect(!explained.output.contains("the machine in the corner"))
    }
}
