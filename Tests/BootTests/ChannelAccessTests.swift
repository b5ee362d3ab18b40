import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// A big-endian board that is an IOC of EPICS, booted by its firmware, seen from another machine by EPICS's own clients.
@Suite(.serialized, .timeLimit(.minutes(40)))
struct ChannelAccessTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, its state directory, the folder of the clients, and
    /// the machine's command line.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 state=$2 clients=$3
        shift 3
        ip link set lo up
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip link set tap0 up
        "$bootferry" serve "$folder/site.yaml" --state-dir "$state" >"$folder/served" 2>"$folder/said" &
        server=$!
        await() { # PATTERN: until the server has said it
            n=0
            until grep -q "$1" "$folder/served" "$folder/said"; do
                n=$((n + 1))
                [ $n -lt 300 ] || { echo "never: $1"; exit 1; }
                kill -0 $server || exit 1
                sleep 1
            done
        }
        await 'Ctrl-C ends it'
        timeout 600 "$@" >"$folder/console" 2>&1 &
        machine=$!
        await ': booted in'
        export EPICS_CA_ADDR_LIST=10.77.0.11 EPICS_CA_AUTO_ADDR_LIST=NO PATH="$clients:$PATH"
        caget -w 60 -t board-3:READBACK
        caput -w 60 -t board-3:SETPOINT 2.625
        caget -w 60 board-3:SETPOINT board-3:READBACK
        caput -w 60 -t board-3:SETPOINT 11
        caget -w 60 -t board-3:SETPOINT
        caget -w 60 -t board-3:READBACK.EGU
        for n in 1 2 3 4 5 6 7 8 9 10 11 12; do caget -w 60 -t board-3:READBACK; done | sort | uniq -c | tr -s ' '
        cainfo -w 60 board-3:READBACK | grep -E 'Host:|Native data type:' | tr -s ' '
        kill $machine $server; wait $machine $server || :
        """#

    /// The recipes take two processors some 4 minutes, and the kernel 9, where they are not in the store yet.
    @Test func `a big-endian node reports what it is, and clients elsewhere read and write its records`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            func text(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            let built = try await program.run("recipe", "build", "epics-base", "--platform", "ppc64-elfv2")
            try #require(built.succeeded, "\(built.messages)")
            let clients = FilePath(built.output.trimmingCharacters(in: .whitespacesAndNewlines))
                .appending("bin/linux-x86_64")
            let home = folder.appending("board")
            try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: false)
            // A name of its own: nodes get the generation that an earlier run published.
            let name = "ioc-\(UInt32.random(in: 0 ... .max))"
            let system = """
                version: 1
                imports: [\(BootferryProgram.checkout.appending("targets/systems/ioc/system.yaml"))]
                name: \(name)
                recipes: [abi-report]
                files: {/etc/inittab.d/abi-report: {text: "::sysinit:/usr/bin/abi-report\\n"}}

                """
            let site = """
                version: 1
                networks: {tap0: {address: 10.77.0.1, dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110]}}
                systems: {\(name): \(home)/system.yaml}
                nodes: {board-3: {macs: [52:54:00:12:34:56], system: \(name), address: 10.77.0.11}}

                """
            try system.write(toFile: home.appending("system.yaml").string, atomically: false, encoding: .utf8)
            try site.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            let image = try await program.build(home.appending("system.yaml"))
            #expect(image.initramfsBytes < 12_000_000, "the goal of `ioc` is 12 MB")
            let (platform, machine) = try labMachine("slof", of: "ppc64-elfv2", in: folder)
            let namespace = (geteuid() == 0 ? [] : ["--map-root-user"]) + ["--net", "--pid", "--mount-proc", "--fork"]
            let words = [BootferryProgram.path, folder, program.stateDirectory, clients].map(\.string)
            let command = ["unshare"] + namespace + ["--kill-child", "bash", "-c", Self.script] + words
            let done = try await execute(command + [platform.qemuProgram] + machine.arguments)
            try #require(
                done.succeeded,
                "\(done.output)\n\(done.messages)\n\(text("served"))\n\(text("said"))\n\(text("console"))")
            #expect(
                done.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == [
                    "0", "2.625", "board-3:SETPOINT               2.625", "board-3:READBACK               5.25",
                    // What a record allows is its own to say.
                    "10", "10", "V", "12 20", "Host: 10.77.0.11:5064", "Native data type: DBF_DOUBLE",
                ], "\(done.output)\n\(text("console"))")
            let console = text("console")
            for line in [
                "abi-report file: elf64 big-endian, machine 21, flags 0x2",
                "abi-report memory: big-endian, pointers of 64 bits, long double of 53 digits, ELFv2",
                "abi-report c++: 8 exceptions of 8 threads caught in another",
            ] { #expect(console.contains(line), "\(line)\n\(console)") }
            // It has not died of a client and been started again.
            #expect(console.components(separatedBy: "iocRun: All initialization complete").count == 2, "\(console)")
        }
    }
}
