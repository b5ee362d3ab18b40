import Foundation
import Testing

/// Real clients of both families on a network that has an IPv6 prefix.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct IPv6ClientTests {
    private static func laboratory() throws -> (lab: Laboratory, said: () -> String) {
        let lab = try Laboratory()
        for command in [
            "-n \(lab.serverSide) address add fd00:77::1/64 dev veth0 nodad",
            "-n \(lab.clientSide) address add fd00:77::50/64 dev veth1 nodad",
        ] {
            let done = try Laboratory.run("ip", command.split(separator: " ").map(String.init))
            try #require(done.status == 0, "ip \(command): \(done.output)")
        }
        let site = """
            version: 1
            networks: {veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110], ipv6-prefix: "fd00:77::/64"}}
            systems: {lab-node: lab-node}
            unknown: {answer: system, system: lab-node}

            """
        try Data(site.utf8).write(to: lab.file("site.yaml"))
        return (lab, try lab.serve(["--site", lab.file("site.yaml").path, "--leases", lab.file("leases.json").path]))
    }

    @Test func `TFTP over IPv6: curl, tftp-hpa and a link-local client get the file whole`() throws {
        let (lab, said) = try Self.laboratory()
        for (name, line) in [
            "curl": "curl -sf -o curl tftp://[fd00:77::1]/kernel",
            "large blocks": "curl -sf --tftp-blksize 8000 -o 'large blocks' tftp://[fd00:77::1]/kernel",
            "hpa": "printf 'binary\\nget kernel hpa\\n' | tftp -6 fd00:77::1",
            "local": "ip address del fd00:77::50/64 dev veth1; ip -6 route add fd00:77::1 dev veth1; "
                + "curl -sf -o local tftp://[fd00:77::1]/kernel",
        ].sorted(by: { $0.key < $1.key }) {
            let done = try lab.client("\(line) && test -s '\(name)'")
            #expect(done.status == 0, "\(name): \(done.output) \(said())")
            #expect((try? Data(contentsOf: lab.file(name))) == Laboratory.kernel, "\(name)")
        }
        #expect(try lab.client("ip address add fd00:77::50/64 dev veth1 nodad").status == 0)
        #expect(try lab.client("curl -sf -o none tftp://[fd00:77::1]/nothing").status != 0)
        #expect(try lab.client("curl -sf -o got http://[fd00:77::1]:8080/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("got")) == Laboratory.initramfs)
    }

    @Test func `systemd-networkd takes its addresses from here, over IPv4 and IPv6`() throws {
        let (lab, said) = try Self.laboratory()
        let network = """
            [Match]
            Name=veth1
            [Network]
            DHCP=yes
            IPv6AcceptRA=yes
            [DHCPv4]
            ClientIdentifier=mac

            """
        try Data(network.utf8).write(to: lab.file("lab.network"))
        // It runs without systemd and udev where /sys is read-only, as in a container, and keeps what it knows in /run.
        let script = """
            mount -t tmpfs tmpfs /run
            mount -o remount,ro /sys
            mkdir -p /run/systemd/network /run/systemd/netif
            chown systemd-network /run/systemd/netif
            cp '\(lab.file("lab.network").path)' /run/systemd/network/
            exec /lib/systemd/systemd-networkd
            """
        #expect(try lab.client("ip address flush dev veth1 scope global").status == 0)
        let (_, log) = try lab.start(
            in: lab.clientSide, "unshare", ["--mount", "--propagation", "private", "bash", "-ec", script])
        var addresses = ""
        for _ in 0..<60 where !(addresses.contains("inet 10.77.0.1") && addresses.contains("inet6 fd00:77::")) {
            usleep(250_000)
            addresses = try lab.client("ip -o address show dev veth1 dynamic").output
        }
        let card = try lab.client("cat /sys/class/net/veth1/address").output.split(separator: ":").map {
            Int($0.filter(\.isHexDigit), radix: 16) ?? 0
        }
        let host = [(card[0] ^ 2) << 8 | card[1], card[2] << 8 | 0xff, 0xfe00 | card[3], card[4] << 8 | card[5]]
            .map { String($0, radix: 16) }.joined(separator: ":")
        #expect(addresses.contains(/inet 10\.77\.0\.1(0\d|10)\/24/), "\(addresses)\n\(log())\n\(said())")
        #expect(addresses.contains("inet6 fd00:77::\(host)/128"), "\(addresses)\n\(log())\n\(said())")
    }
}
