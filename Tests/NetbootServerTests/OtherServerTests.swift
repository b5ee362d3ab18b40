import BootPolicy
import Foundation
import Testing

private let otherServers = ["dhcpd", "kea-dhcp4", "dnsmasq"]

/// DHCP servers of somebody else's take the lines that `serve --other-server` prints, and a client of theirs is then told
/// of this server's boot files. (MikroTik's lines are checked by nobody: RouterOS runs on its own machines.)
@Suite(
    .enabled(if: Laboratory.isPossible && Laboratory.finds(otherServers), "needs root, and \(otherServers)"),
    .serialized)
struct OtherServerTests {
    /// A configuration with the lines in it, how the server checks it, and how it runs on `veth0`.
    struct Setup {
        var configuration: String
        var check: [String]
        var run: [String]
    }

    static func setup(_ server: ForeignServer, _ lines: String, _ lab: Laboratory) throws -> Setup {
        let file = lab.file("server.conf").path
        switch server {
        case .dnsmasq:
            let own = """
                port=0
                interface=veth0
                bind-interfaces
                user=root
                dhcp-range=10.77.0.60,10.77.0.99
                dhcp-leasefile=\(lab.file("server.leases").path)
                """
            return Setup(
                configuration: "\(own)\n\(lines)\n", check: ["dnsmasq", "--test", "--conf-file=\(file)"],
                run: ["dnsmasq", "--no-daemon", "--conf-file=\(file)"])
        case .dhcpd:
            let own = "authoritative;\nsubnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.60 10.77.0.99; }\n"
            let leases = lab.file("server.leases").path
            try Data().write(to: lab.file("server.leases"))
            let files = ["-cf", file, "-lf", leases, "-pf", lab.file("server.pid").path]
            return Setup(
                configuration: "\(lines)\n\(own)", check: ["dhcpd", "-t"] + files,
                run: ["dhcpd", "-4", "-f", "-d"] + files + ["veth0"])
        case .kea:
            let own = """
                "interfaces-config": { "interfaces": ["veth0"] },
                "lease-database": { "type": "memfile", "persist": false },
                "subnet4": [ { "subnet": "10.77.0.0/24", "pools": [ { "pool": "10.77.0.60-10.77.0.99" } ] } ],
                """
            let places = ["KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR"].map { "\($0)=\(lab.directory.path)" }
            return Setup(
                configuration: "{ \"Dhcp4\": {\n\(own)\n\(lines)\n} }\n",
                check: ["env"] + places + ["kea-dhcp4", "-t", file],
                run: ["env"] + places + ["kea-dhcp4", "-c", file])
        case .mikrotik: throw CocoaError(.featureUnsupported)
        }
    }

    @Test(arguments: [ForeignServer.dnsmasq, .kea, .dhcpd])
    func `the real server accepts its lines, and tells its clients of our boot files`(server: ForeignServer) throws {
        let lab = try Laboratory()
        let lines = try Laboratory.run(
            Laboratory.harness,
            [
                "--other-server", server.rawValue, "--manifest", lab.file("manifest.json").path, "--ipxe-template",
                lab.file("boot.ipxe").path,
            ])
        try #require(lines.status == 0, "\(lines.output)")
        let setup = try Self.setup(server, lines.output, lab)
        try Data(setup.configuration.utf8).write(to: lab.file("server.conf"))
        let checked = try Laboratory.run("ip", ["netns", "exec", lab.serverSide] + setup.check)
        #expect(checked.status == 0, "\(setup.configuration)\n\(checked.output)")
        let script =
            "#!/bin/sh\n[ $1 = bound ] && echo GOT \"$siaddr\" \"file=$boot_file\" \"67=$bootfile\" $(env | grep -iE 'HTTPClient|48545450436c69656e74') end\nexit 0\n"
        try Data(script.utf8).write(to: lab.file("s"))
        let pxe = "-V PXEClient:Arch:00000:UNDI:002001"
        let cases = [
            (pxe + " -x 0x5d:0000", "undionly.kpxe"), (pxe + " -x 0x5d:0007", "lab-node.efi"),
            (pxe + " -x 0x5d:0009", "lab-node.efi"),
            ("-V HTTPClient:Arch:00016:UNDI:003001 -x 0x5d:0010", "http://10.77.0.1:8080/lab-node.efi"),
            // iPXE says which it is by its user class, and by an option of its own (175).
            (pxe + " -x 0x5d:0000 -x 0x4d:69505845 -x 0xaf:b1", "http://10.77.0.1:8080/boot.ipxe"),
        ]
        let asked = cases.map { options, _ in
            "for i in 1 2 3 4 5 6; do busybox udhcpc -i veth1 -n -q -f -t 2 -T 2 -s ./s \(options) -O bootfile -O 60 "
                + "2>/dev/null | grep GOT && break; done"
        }
        // All in one line: a program that outlives its starter would keep Foundation from seeing another's end.
        let said = try lab.client(
            "chmod +x s; ip netns exec \(lab.serverSide) \(setup.run.joined(separator: " ")) >log 2>&1 & server=$!; "
                + asked.joined(separator: "; ") + "; kill -KILL $server; wait; cat log"
        ).output
        let told = said.split(separator: "\n").filter { $0.hasPrefix("GOT") }
        try #require(told.count == cases.count, "\(said)")
        for ((options, file), answer) in zip(cases, told) {
            #expect(answer.contains("=\(file) "), "\(options): \(answer)")
            // The client of a TFTP file must know whose it is.
            #expect(file.contains("//") || answer.hasPrefix("GOT 10.77.0.1 "), "\(options): \(answer)")
            // What makes an offer one for HTTP Boot: "HTTPClient".
            if options.contains("HTTPClient") {
                #expect(answer.contains("HTTPClient") || answer.contains("48545450436c69656e74"), "\(answer)")
            }
        }
    }
}
