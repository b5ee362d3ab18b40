import Foundation
import Testing

/// Sites served to real programs, each in a network of its own.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct SiteServerTests {
    static let script =
        "printf '#!/bin/sh\\n[ $1 = bound ] && echo GOT $ip $subnet $router $hostname\\nexit 0\\n' > s; "
        + "chmod +x s; "

    /// A second cable between the namespaces: 10.78.0.1/24 at the server, `veth3` at the clients.
    private func addCable(_ lab: Laboratory) throws {
        for command in [
            "-n \(lab.serverSide) link add veth2 type veth peer name veth3 netns \(lab.clientSide)",
            "-n \(lab.serverSide) address add 10.78.0.1/24 dev veth2", "-n \(lab.serverSide) link set veth2 up",
            "-n \(lab.clientSide) link set veth3 up",
        ] { try ip(command) }
    }

    private func ip(_ command: String) throws {
        let done = try Laboratory.run("ip", command.split(separator: " ").map(String.init))
        #expect(done.status == 0, "ip \(command): \(done.output)")
    }

    private func write(_ text: String, _ lab: Laboratory) throws -> [String] {
        try Data(text.utf8).write(to: lab.file("site.yaml"))
        return [
            "--site", lab.file("site.yaml").path, "--leases", lab.file("leases.json").path, "--sightings",
            lab.file("seen.json").path,
        ]
    }

    @Test func `two interfaces are served by one process, each with its own addresses and URLs, and no third`() throws {
        let lab = try Laboratory()
        try addCable(lab)
        try ip("-n \(lab.serverSide) link add veth4 type veth peer name veth5 netns \(lab.clientSide)")
        try ip("-n \(lab.serverSide) address add 10.79.0.1/24 dev veth4")
        try ip("-n \(lab.serverSide) link set veth4 up")
        try ip("-n \(lab.clientSide) link set veth5 up")
        let options = try write(
            """
            version: 1
            networks:
              veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110], router: 10.77.0.1}
              veth2: {dhcp: full, authoritative: yes, ranges: [10.78.0.100-10.78.0.110]}
            systems: {lab-node: lab-node}
            unknown: {answer: system, system: lab-node}

            """, lab)
        let said = try lab.serve(options)
        let ask = "busybox udhcpc -n -q -f -t 3 -T 1 -s ./s"
        let first = try lab.client(Self.script + "\(ask) -i veth1")
        #expect(first.output.contains(/GOT 10\.77\.0\.1[01]\d 255\.255\.255\.0 10\.77\.0\.1/), "\(first.output)")
        let second = try lab.client("\(ask) -i veth3 -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000")
        #expect(second.output.contains(/GOT 10\.78\.0\.1[01]\d/), "\(second.output)")
        #expect(said().contains("undionly.kpxe"), "\(said())")
        #expect(!(try lab.client("\(ask) -i veth5").output.contains("GOT")))
        // The boot on the second cable has URLs that are in reach there.
        let boot = try #require(said().firstMatch(of: /boot\/([0-9a-z]+)\//)?.1)
        try ip("-n \(lab.clientSide) address add 10.78.0.50/24 dev veth3")
        let got = try lab.client("curl -sf http://10.78.0.1:8080/boot/\(boot)/boot.ipxe")
        #expect(got.output.contains("kernel http://10.78.0.1:8080/boot/\(boot)/kernel"), "\(got.output)")
    }

    @Test func `a real relay's clients get addresses of their network, and tshark finds no fault`() throws {
        let lab = try Laboratory()
        let far = lab.clientSide + "r"
        try ip("netns add \(far)")
        defer { _ = try? Laboratory.run("ip", ["netns", "del", far]) }
        // The clients' side becomes the relay: 10.77.0.50 towards the server, 10.78.0.1 towards the client beyond.
        try ip("-n \(lab.clientSide) link add rel0 type veth peer name far0 netns \(far)")
        try ip("-n \(lab.clientSide) address add 10.78.0.1/24 dev rel0")
        try ip("-n \(lab.clientSide) link set rel0 up")
        try ip("-n \(far) link set far0 up")
        try ip("-n \(lab.serverSide) route add 10.78.0.0/24 via 10.77.0.50")
        _ = try lab.client("echo 1 > /proc/sys/net/ipv4/ip_forward")
        let options = try write(
            """
            version: 1
            networks:
              veth0:
                dhcp: full
                authoritative: yes
                domain: lab.example
                relayed:
                  10.78.0.0/24: {ranges: [10.78.0.100-10.78.0.110], router: 10.78.0.1}
            systems: {lab-node: lab-node}
            unknown: {answer: system, system: lab-node}

            """, lab)
        let said = try lab.serve(options)
        // All in one line: a program that outlives its starter would keep Foundation from seeing another's end.
        let got = try lab.client(
            "true; dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --dhcp-relay=10.78.0.1,10.77.0.1 "
                + ">relay.log 2>&1 & relay=$!; tshark -Q -i veth1 -a duration:12 -w c.pcap >tshark.log 2>&1 & capture=$!; "
                + "sleep 2; \(Self.script) ip netns exec \(far) busybox udhcpc -n -q -f -t 5 -T 1 -s ./s -i far0 "
                + "-V PXEClient:Arch:00000:UNDI:002001 -x 93:0000; wait $capture; kill -KILL $relay; cat relay.log")
        #expect(got.output.contains(/GOT 10\.78\.0\.1[01]\d 255\.255\.255\.0 10\.78\.0\.1/), "\(got.output)\n\(said())")
        let faults = try Laboratory.run(
            "tshark",
            ["-r", lab.file("c.pcap").path, "-Y", "dhcp && (_ws.malformed || _ws.expert.severity >= 6291456)"])
        #expect(!faults.output.contains("DHCP "), "\(faults.output)")
        let relayed = try Laboratory.run(
            "tshark",
            ["-r", lab.file("c.pcap").path, "-Y", "dhcp.type == 2 && ip.dst == 10.78.0.1 && udp.dstport == 67"])
        #expect(relayed.output.contains("DHCP"), "\(relayed.output)")
    }

    @Test func `a lent address that another machine uses is found out beside the boot, and not lent again`() throws {
        let lab = try Laboratory()
        // Another machine, with a card of its own, sits on the address that the client will be lent.
        try ip("-n \(lab.clientSide) link add other link veth1 type macvlan mode bridge")
        try ip("-n \(lab.clientSide) address add 10.77.0.100/24 dev veth1")
        try ip("-n \(lab.clientSide) link set other up")
        let said = try lab.serve(
            try write(
                """
                version: 1
                networks:
                  veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.101]}

                """, lab))
        let ask = "busybox udhcpc -n -q -f -t 3 -T 1 -s ./s -i other -r 10.77.0.100"
        _ = try lab.client(Self.script + ask)
        for _ in 0..<50 where !said().contains("in use by another machine") { usleep(100_000) }
        #expect(said().contains("in use by another machine"), "\(said())")
        #expect(try lab.client(ask).output.contains("GOT 10.77.0.101"))
        let seen = try String(contentsOf: lab.file("leases.json"), encoding: .utf8)
        #expect(seen.contains("declined"), "\(seen)")
    }

    @Test func `who asked is written down for the list of nodes, and survives a kill`() throws {
        let lab = try Laboratory()
        let options = try write(
            "version: 1\nnetworks: {veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.101]}}\n", lab)
        _ = try lab.serve(options)
        _ = try lab.client(Self.script + "busybox udhcpc -n -q -f -t 3 -T 1 -s ./s -i veth1")
        func seen() -> String { (try? String(contentsOf: lab.file("seen.json"), encoding: .utf8)) ?? "" }
        for _ in 0..<100 where !seen().contains("10.77.0.10") { usleep(100_000) }
        lab.killAll()
        let mac = try lab.client("cat /sys/class/net/veth1/address").output.trimmingCharacters(
            in: .whitespacesAndNewlines)
        #expect(seen().contains(mac) && seen().contains("10.77.0.10"), "\(seen())")
    }
}
