import BootPolicy
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// Home and a site that has no network: what one builds, the other boots.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct CarriedBootTests {
    /// The site's life, in a network of its own that leads nowhere; `$0` is bootferry, then the folder, home's public key,
    /// the site's state directory, home's, and the machine's command line.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 key=$2 home=$4
        export BOOTFERRY_STATE_DIR=$3
        shift 4
        at_home() { nsenter --net="$folder/home.net" "$bootferry" "$@" --state-dir "$home"; }
        ip link set lo up
        [ -z "$(ip route show default; ip -6 route show default)" ]
        "$bootferry" key trust "$key"
        at_home key trust "$("$bootferry" key generate site-1)"
        "$bootferry" import "$folder/first"
        "$bootferry" inventory --to "$folder"
        at_home export carried --to "$folder/next" --since "$folder/inventory" --without-bootferry --json >"$folder/delta"
        "$bootferry" verify "$folder/next"
        "$bootferry" import "$folder/next"
        # From here on home is not in reach either.
        umount "$folder/home.net"
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip link set tap0 up
        "$bootferry" serve "$folder/site.yaml" --no-build >"$folder/served" 2>&1 &
        server=$!
        n=0
        until grep -q 'serving on' "$folder/served"; do kill -0 $server; sleep 1; done
        timeout 600 "$@" >"$folder/console" 2>&1 &
        machine=$!
        until grep -q ': booted in' "$folder/served"; do
            n=$((n + 1)); [ $n -lt 400 ] || exit 1; kill -0 $machine || exit 1; sleep 1
        done
        kill $machine $server; wait $server
        "$bootferry" boots 52:54:00:12:34:56 --last 1 --json >"$folder/boots"
        """#

    @Test func `an inventory goes home, a delta comes back, and the site boots it, with no route to anywhere`()
        async throws
    {
        try await withTemporaryFolder { folder in
            _ = try await BootferryProgram.shared.build()
            let home = try await BootferryProgram.copyOfShared(in: folder)
            let system = try TestSystem(in: folder, name: "carried")
            let first = try await home.build(system.file).generation
            let generated = try await home.run("key", "generate", "home-1")
            let key = generated.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let medium = folder.appending("first")
            let exported = try await home.run(
                "export", "carried", "--to", medium.string, "--without-bootferry", "--json")
            try #require(exported.succeeded, "\(exported.messages)")
            try system.write("files: {/etc/carried: {text: \"by hand\"}}")
            let second = try await home.build(system.file).generation
            #expect(second == first + 1)
            let site = """
                version: 1
                networks: {tap0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110]}}
                systems: {carried: carried}
                unknown: {answer: system, system: carried}
                """
            try Data(site.utf8).write(to: URL(filePath: folder.appending("site.yaml").string))
            let (platform, machine) = try labMachine("bios", in: folder)
            let state = folder.appending("site")
            // Two namespaces: home's is kept by a file, by which the site's shell does home's part.
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + [
                        "--mount", "--propagation", "private", "bash", "-ec",
                        """
                        touch "$2/home.net"
                        unshare --net="$2/home.net" true
                        exec unshare --net --pid --mount-proc --fork --kill-child bash -c "$0" "${@:1}"
                        """, Self.script, BootferryProgram.path.string, folder.string, key, state.string,
                        home.stateDirectory.string,
                    ] + [platform.qemuProgram] + machine.arguments)
            func said(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            try #require(done.succeeded, "\(done.output)\n\(done.messages)\n\(said("served"))\n\(said("console"))")
            // What was carried the second time: the settings and what names them, not the packages.
            struct Export: Decodable { var base: Int, writtenBytes: Int }
            let whole = try JSONDecoder().decode(Export.self, from: Data(exported.output.utf8))
            let delta = try JSONDecoder().decode(Export.self, from: Data(said("delta").utf8))
            #expect(delta.base > 50 && delta.writtenBytes * 50 < whole.writtenBytes, "\(delta), \(whole)")
            let boots = try JSONDecoder().decode([BootAttempt].self, from: Data(said("boots").utf8))
            #expect(boots.first?.outcome == .booted && boots.first?.generation == second, "\(done.output)")
        }
    }
}
