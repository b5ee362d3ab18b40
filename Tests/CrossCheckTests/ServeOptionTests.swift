import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What `serve` is told on its command line reaches real clients, in a network that the test makes.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ServeOptionTests {
    /// Two namespaces and a virtual cable; the server in one, and in the other udhcpc, dhclient and curl.
    private static let script = #"""
        program=$1 state=$2 system=$3 tag=$4
        server=bfs$tag client=bfc$tag
        cleanup() {
            [ -z "$pid" ] || kill -INT $pid
            wait
            ip netns del $server; ip netns del $client
        }
        trap cleanup EXIT
        ip netns add $server; ip netns add $client
        ip -n $server link add veth0 type veth peer name veth1 netns $client
        ip -n $server address add 10.77.0.1/24 dev veth0
        ip -n $client address add 10.77.0.50/24 dev veth1
        for end in "$server lo" "$client lo" "$server veth0" "$client veth1"; do ip -n ${end% *} link set ${end#* } up; done
        ip netns exec $server "$program" serve "$system" --interface veth0 --dhcp full --range 10.77.0.100-10.77.0.110             --router 10.77.0.254 --dns 10.77.0.53 --dns 10.77.0.54 --lease 1234 --tftp-port 6969 --http-port 8181             --state-dir "$state" >served 2>&1 &
        pid=$!
        until grep -q "^serving on veth0" served; do
            kill -0 $pid || { cat served; exit 1; }
            sleep 0.2
        done
        inside() { ip netns exec $client "$@"; }
        printf '#!/bin/sh\n[ "$1" != bound ] || echo "udhcpc: $router / $dns / $lease"\n' >bound; chmod +x bound
        inside busybox udhcpc -i veth1 -n -q -f -s ./bound
        touch leases
        inside timeout 60 dhclient -1 -sf /bin/true -lf leases -pf pid veth1
        [ ! -s pid ] || kill $(cat pid)
        grep -E 'option (routers|domain-name-servers|dhcp-lease-time)' leases | sort -u
        inside curl -sf tftp://10.77.0.1:6969/kernel -o by-tftp
        inside curl -sf http://10.77.0.1:8181/kernel -o by-http
        if inside timeout 3 busybox tftp -g -r kernel -l nothing 10.77.0.1 2>/dev/null; then echo "answers on port 69"; fi
        """#

    private static var isPossible: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0
    }

    @Test func `a certificate or key that does not serve is refused before anything is built or bound`() async throws {
        try await withTemporaryFolder { folder in
            let made = try await execute([
                "bash", "-c",
                """
                cd "$0" && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 9 -subj /CN=x &&
                    openssl genrsa -out other 2048
                """, folder.string,
            ])
            try #require(made.succeeded, "\(made.messages)")
            for (key, complaint) in [
                ("other", "site.yaml:3:12: `https-key`: `\(folder)/other`: key values mismatch"),
                (
                    "certificate",
                    "site.yaml:3:12: `https-key`: `\(folder)/certificate`: expected a private key in PEM, found none"
                ),
                ("none", "site.yaml:3:12: `https-key`: `\(folder)/none`: No such file or directory"),
                (".", "site.yaml:3:12: `https-key`: `\(folder)`: is a directory, expected a regular file"),
            ] {
                let site = folder.appending("site.yaml")
                try "version: 1\nhttps-certificate: certificate\nhttps-key: \(key)\nnetworks: {none0: {}}\n"
                    .write(toFile: site.string, atomically: false, encoding: .utf8)
                let outcome = try await BootferryProgram.shared.run("serve", site.string)
                #expect(outcome.status == .exited(2) && outcome.messages.contains(complaint), "\(outcome.messages)")
            }
            let quick = try await BootferryProgram.shared.run("serve", "minimal", "--interface", "lo", "--https")
            #expect(quick.messages.contains("there is no HTTPS without --https-certificate"), "\(quick.messages)")
        }
    }

    @Test(.enabled(if: isPossible, "needs root, for network namespaces"))
    func `router, name servers, lease time and ports reach udhcpc, dhclient and curl`() async throws {
        let program = BootferryProgram.shared
        let report = try await program.build()
        try await withTemporaryFolder { folder in
            let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
            let outcome = try await execute(
                [
                    "bash", "-c", Self.script, "serve-options", BootferryProgram.path.string,
                    program.stateDirectory.string, BootferryProgram.minimal.string, tag,
                ], in: folder)
            let said = "\(outcome.output)\n\(outcome.messages)"
            #expect(outcome.output.contains("udhcpc: 10.77.0.254 / 10.77.0.53 10.77.0.54 / 1234\n"), "\(said)")
            for line in [
                "option routers 10.77.0.254;", "option domain-name-servers 10.77.0.53,10.77.0.54;",
                "option dhcp-lease-time 1234;",
            ] {
                #expect(outcome.output.contains(line), "\(said)")
            }
            #expect(!outcome.output.contains("answers on port 69"))
            for name in ["by-tftp", "by-http"] {
                let same = try await execute(["cmp", folder.appending(name).string, report.kernel])
                #expect(same.succeeded, "\(name): \(same.messages) \(said)")
            }
        }
    }
}
