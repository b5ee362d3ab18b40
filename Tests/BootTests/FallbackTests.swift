import BootPolicy
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// Real firmware, a real kernel, and a generation that does not work.
@Suite(.serialized, .timeLimit(.minutes(20)))
struct FallbackTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, the system, its state directory, and the
    /// machine's command line.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 system=$2 state=$3
        shift 3
        ip link set lo up
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip link set tap0 up
        "$bootferry" serve "$system" --interface tap0 --dhcp full --authoritative --router-advertisements \
            --state-dir "$state" >"$folder/served" 2>&1 &
        server=$!
        await() { # PATTERN TIMES: until the server has said it so often
            n=0
            until [ "$(grep -c "$1" "$folder/served")" -ge "$2" ]; do
                n=$((n + 1))
                [ $n -lt 600 ] || { echo "never: $1"; cat "$folder/served"; exit 1; }
                kill -0 $server || { cat "$folder/served"; exit 1; }
                sleep 1
            done
        }
        await 'serving on' 1
        timeout 600 "$@" >"$folder/console1" 2>&1 &
        machine=$!
        await ': booted in' 1
        kill $machine; wait $machine || :
        cp "$folder/broken.yaml" "$system"
        "$bootferry" publish "$system" --patience 1 --state-dir "$state" -q
        await 'new boots get generation' 1
        # Its kernel panics, and restarts the machine, which QEMU takes for the end.
        timeout 600 "$@" >"$folder/console2" 2>&1
        timeout 600 "$@" >"$folder/console3" 2>&1 &
        machine=$!
        await ': booted in' 2
        kill $machine; wait $machine || :
        kill $server; wait $server
        """#

    @Test func `a node whose new generation never phones home gets its last good one by itself`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            // A name of its own: what an earlier run published, and this node gave up, is remembered.
            let system = try TestSystem(in: folder, name: "fallback-\(UInt32.random(in: 0 ... .max))")
            _ = try await program.build(system.file)
            let before = try await program.build(system.file).generation
            let good = try String(contentsOfFile: system.file.string, encoding: .utf8)
            let broken = good + "kernel:\n  parameters: [rdinit=/missing, panic=5]\n"
            try broken.write(toFile: folder.appending("broken.yaml").string, atomically: false, encoding: .utf8)
            let (platform, machine) = try labMachine("bios", in: folder)
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, system.file.string, program.stateDirectory.string]
                    + [platform.qemuProgram] + machine.arguments)
            let served = (try? String(contentsOfFile: folder.appending("served").string, encoding: .utf8)) ?? ""
            try #require(done.succeeded, "\(done.output)\n\(done.messages)\n\(served)")
            let list = try await program.run("boots", "52:54:00:12:34:56", "--last", "3", "--json")
            let boots = try JSONDecoder().decode([BootAttempt].self, from: Data(list.output.utf8))
            #expect(boots.map(\.outcome) == [.booted, .stopped, .booted], "\(list.output)")
            #expect(boots.map(\.generation) == [before, before + 1, before])
            let reason =
                "gets generation \(before): generation \(before + 1) did not phone home in 1 boot of this node, "
                + "and \(before) is its last good one"
            #expect(boots.last?.timeline.contains { $0.hasSuffix(reason) } == true, "\(served)")
            #expect(served.contains(reason))
            let shown = try await program.run("boots", "52:54:00:12:34:56", "--last", "1")
            #expect(shown.output.contains(reason) && shown.output.contains("initrd by HTTP: "))
        }
    }
}
