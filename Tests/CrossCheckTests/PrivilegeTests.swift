import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The real `bootferry serve` once it has given up being root: all that it does while nodes boot, it does as nobody.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct PrivilegeTests {
    /// Runs in a mount namespace; `$0` is bootferry, then the folder, the system, the state directory.
    private static let script = #"""
        set -u
        system=$2
        cd "$1"
        chmod 755 .
        # What lies below root's home, where nobody can go, is seen here.
        mkdir -p program state owned
        mount --bind "${0%/*}" program
        mount --bind "$3" state
        bootferry=$PWD/program/bootferry
        tag=$4 server=bfs$4 client=bfc$4 pid=
        cleanup() {
            [ -z "$pid" ] || kill -9 $pid
            ip netns del $server; ip netns del $client
        }
        trap cleanup EXIT
        ip netns add $server; ip netns add $client
        ip -n $server link add veth0 type veth peer name veth1 netns $client
        ip -n $server address add 10.77.0.1/24 dev veth0
        ip -n $client address add 10.77.0.50/24 dev veth1
        for end in "$server lo" "$client lo" "$server veth0" "$client veth1"; do ip -n ${end% *} link set ${end#* } up; done
        start() { # STATE PREFIX... -- OPTION...
            local state=$1 prefix=(); shift
            while [ "$1" != -- ]; do prefix+=("$1"); shift; done; shift
            # What the server before said is not what this one says.
            : >served
            ip netns exec $server "${prefix[@]}" "$bootferry" serve "$system" --data-dir "$data" --interface veth0 \
                --dhcp full --authoritative --range 10.77.0.100-10.77.0.110 --page 10.77.0.1:81 --state-dir "$state" "$@" \
                >served 2>&1 &
            pid=$!
            until grep -q "^Ctrl-C" served; do kill -0 $pid 2>/dev/null || { pid=; break; }; sleep 0.1; done
        }
        stop() { kill -INT $pid; wait $pid; pid=; }
        inside() { ip netns exec $client "$@"; }
        rights() { # one line for all that threads agree on
            for task in /proc/$pid/task/*; do
                grep -hE '^(Uid|CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):' $task/status | tr -s '\t\n' ' '; echo
            done | sort -u | sed "s/^/$1 /"
        }
        data=$5
        printf '#!/bin/sh\n[ "$1" != bound ] || echo "got $ip $boot_file"\n' >bound; chmod +x bound
        discover() { inside busybox udhcpc -i veth1 -n -q -f -s ./bound -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000; }

        start "$PWD/state" --
        rights default
        grep '^as user' served
        before=$(discover | grep '^got')
        echo "$before"
        boot=$(echo "$before" | sed -n 's|.*boot/\([^/]*\)/.*|\1|p')
        inside curl -sf tftp://10.77.0.1/boot/$boot/kernel -o by-tftp
        inside curl -sf http://10.77.0.1:8080/boot/$boot/kernel -o by-http
        cmp by-tftp by-http && echo "kernel $(stat -c %s by-tftp)"
        inside curl -sf -d up "http://10.77.0.1:8080/phone-home?boot=$boot" && echo home
        n=0; until grep -q "booted in" served || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done
        grep -o "booted in" served
        # Root publishes meanwhile; nobody hears of it.
        "$bootferry" publish "$system" --no-build --data-dir "$data" --state-dir "$PWD/state"
        n=0; until grep -qE 'get generation [0-9]+$' served || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done
        echo "server: $(grep -E 'get generation [0-9]+$' served)"
        n=0; until grep -qs veth0 state/netboot/seen.json || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done
        stop
        "$bootferry" boots --state-dir "$PWD/state" --json | grep -o "$boot" | head -1 | sed 's/.*/recorded/'
        grep -o '10.77.0.1[01][0-9]' state/netboot/leases-veth0.json | head -1 | sed 's/^/lease /'
        stat -c 'owner %U %n' state/netboot/leases-veth0.json state/netboot/seen.json

        # Root's home: by itself it stays root, and by name it refuses.
        hidden=$PWD/hidden; mkdir -m 700 hidden hidden/state; mount --bind state hidden/state
        start "$hidden/state" --
        rights hidden
        grep -o "stays root: user \"[a-z]*\": cannot read" served
        stop
        start "$hidden/state" -- --user nobody
        echo "refused: $(tr '\n' ' ' <served)"
        start "$hidden/state" -- --user no-such-user
        echo "unknown: $(tr '\n' ' ' <served)"

        # A page that may act needs a user who owns the state.
        echo a-token-of-this-test >token
        start "$PWD/state" -- --page-token-file token
        grep -o "could not publish or roll back as the page's token allows" served
        rights token
        stop
        # A state directory of nobody's own: its owner is who the server becomes, and the page acts.
        mkdir owned/store; cp -a state/{db,roots,locks,generations,log,tmp} owned/
        chown -R nobody owned
        mount --bind state/store owned/store
        act() {
            inside curl -s -H 'Authorization: Bearer a-token-of-this-test' -H 'Content-Type: application/json' \
                -d '{"system": "privilege-node"}' http://10.77.0.1:81/api/rollback; echo
        }
        start "$PWD/owned" -- --page-token-file token
        rights owner
        echo "page: $(act)"
        stop
        # No root at all: two capabilities, as the systemd unit gives, and those only until the ports are bound.
        start "$PWD/owned" setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs \
            --inh-caps=-all,+net_bind_service,+net_raw --ambient-caps=-all,+net_bind_service,+net_raw \
            --bounding-set=-all,+net_bind_service,+net_raw --
        rights unit
        discover | sed -n 's/^got .*/unit lends/p'
        inside curl -sf tftp://10.77.0.1/kernel -o by-tftp && cmp by-tftp by-http && echo "unit serves"
        grep warning served
        stop
        """#

    private static var isPossible: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0
    }

    @Test(.enabled(if: isPossible, "needs root, to give it up"))
    func `leases, transfers, records, new generations and the page's actions need no root once the ports are bound`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            let system = try TestSystem(in: folder, name: "privilege-node")
            _ = try await program.run("publish", system.file.string)
            try system.write("hostname: privilege-\(UInt32.random(in: 0 ... .max))")
            let second = try await program.build(system.file)
            let done = try await execute(
                [
                    "unshare", "--mount", "bash", "-c", Self.script, BootferryProgram.path.string, folder.string,
                    system.file.string, program.stateDirectory.string, String(UInt32.random(in: 0 ... .max), radix: 36),
                    BootferryProgram.checkout.string,
                ])
            let said = done.output + done.messages
            func rights(_ name: String, _ user: Int) -> String {
                let none = "0000000000000000"
                return "\(name) Uid: \(user) \(user) \(user) \(user) CapPrm: \(none) CapEff: \(none) CapAmb: \(none) "
                    + "NoNewPrivs: 1 Seccomp: 2 \n"
            }
            for line in [
                rights("default", 65_534), "as user nobody, without capabilities", "got 10.77.0.1",
                "home\n",
                "kernel \(try FileManager.default.attributesOfItem(atPath: second.kernel)[.size] ?? 0)\n",
                "booted in\n",
                "server: privilege-node: new boots get generation \(second.generation)\n", "recorded\n",
                "lease 10.77.0.1", "owner nobody state/netboot/leases-veth0.json",
                "owner nobody state/netboot/seen.json",
                rights("hidden", 0), "stays root: user \"nobody\": cannot read", "remedy: let others pass",
                "unknown: bootferry: user \"no-such-user\": is not an account of this host",
                "could not publish or roll back as the page's token allows", rights("token", 0),
                rights("owner", 65_534),
                "new boots get generation", rights("unit", 65_534), "unit lends\n", "unit serves\n",
            ] {
                #expect(said.contains(line), "'\(line)' is not in: \(said)")
            }
            #expect(said.contains(/page: .*privilege-node: new boots get generation/), "\(said)")
            for name in ["default", "hidden", "token", "owner", "unit"] {
                // One line: no thread differs.
                #expect(said.matches(of: try Regex("(?m)^\(name) Uid")).count == 1, "\(name): \(said)")
            }
            // Nobody's files in a state directory that other tests use as root.
            let folder = program.stateDirectory.appending("netboot").string
            _ = try await execute(["chown", "-R", "0:0", folder])
        }
    }
}
