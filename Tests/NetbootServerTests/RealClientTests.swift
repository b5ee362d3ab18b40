import Foundation
import Testing

/// Real programs against a real server, each in a network of its own.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct RealClientTests {
    @Test func `curl gets whole files, parts, and the same connection again`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        let base = "http://10.77.0.1:8080"
        #expect(try lab.client("curl -sf -o got \(base)/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("got")) == Laboratory.initramfs)
        let head = try lab.client("curl -sI \(base)/kernel").output
        #expect(head.contains("HTTP/1.1 200") && head.contains("Content-Length: 1500003"))
        #expect(!head.lowercased().contains("chunked"))
        #expect(try lab.client("curl -sf -r 999-1010 -o got \(base)/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("got")) == Laboratory.initramfs.subdata(in: 999..<1011))
        let codes = try lab.client(
            "curl -s -o /dev/null -r 9999999- -w '%{http_code} ' \(base)/kernel; "
                + "curl -s -o /dev/null -r 5-9 -w '%{http_code} ' \(base)/kernel; "
                + "curl -s -o /dev/null -H \"If-None-Match: $(curl -sI \(base)/kernel | sed -n 's/ETag: //p' | tr -d '\\r')\" -w '%{http_code} ' \(base)/kernel; "
                + "curl -s -o /dev/null --path-as-is -w '%{http_code} ' \(base)/../../etc/passwd; "
                + "curl -s -o /dev/null -X DELETE -w '%{http_code} ' \(base)/kernel; "
                + "head -c 9000 /dev/zero | curl -s -o /dev/null --data-binary @- -w '%{http_code}' \(base)/phone-home?boot=a1"
        )
        #expect(codes.output == "416 206 304 404 405 413")
        let twice = try lab.client("curl -sv -o /dev/null -o /dev/null -I \(base)/kernel \(base)/initrd 2>&1")
        #expect(twice.output.lowercased().contains("re-using existing"))
    }

    @Test(arguments: [
        "", "--option 'blksize 1468'", "--option 'blksize 1468' --option 'windowsize 16'", "--option 'blksize 65464'",
        "--option 'windowsize 64' --option 'blksize 512'", "--option 'blksize 8000' --option 'windowsize 3'",
    ])
    func `atftp gets the file whole at every block and window size`(options: String) throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        #expect(try lab.client("atftp \(options) --get -r kernel -l got 10.77.0.1 69").status == 0)
        #expect(try Data(contentsOf: lab.file("got")) == Laboratory.kernel)
    }

    @Test func `tftp-hpa and BusyBox get the file whole, and none gets what is not ours`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        _ = try lab.client("printf 'binary\\nget kernel got1\\n' | tftp 10.77.0.1")
        #expect(try Data(contentsOf: lab.file("got1")) == Laboratory.kernel)
        #expect(try lab.client("busybox tftp -g -b 1400 -r initrd -l got2 10.77.0.1").status == 0)
        #expect(try Data(contentsOf: lab.file("got2")) == Laboratory.initramfs)
        for name in ["../../../etc/passwd", "/etc/passwd", "boot/a1/../kernel"] {
            #expect(try lab.client("busybox tftp -g -r '\(name)' -l got3 10.77.0.1").status != 0)
        }
        #expect(try lab.client("busybox tftp -p -l manifest.json -r kernel 10.77.0.1").status != 0)
    }

    @Test func `a hundred clients at once all get the file whole`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        let done = try lab.client(
            "for i in $(seq 12); do busybox tftp -g -b 1400 -r kernel -l t$i 10.77.0.1 & done; "
                + "for i in $(seq 50); do curl -sf -o h$i http://10.77.0.1:8080/kernel & done; wait; "
                + "md5sum t* h* | cut -d' ' -f1 | sort | uniq -c | wc -l; ls t* h* | wc -l")
        #expect(done.output.split(whereSeparator: \.isWhitespace).suffix(2) == ["1", "62"])
        #expect(try Data(contentsOf: lab.file("h1")) == Laboratory.kernel)
    }

    @Test func `dhclient and udhcpc get the lease that a restart does not forget, and tshark finds no fault`() throws {
        let lab = try Laboratory()
        let options = ["--range", "10.77.0.100-10.77.0.110", "--leases", lab.file("leases.json").path]
        _ = try lab.serve(options + ["--authoritative"])
        let (capture, _) = try lab.start(
            in: lab.clientSide, "tshark", ["-q", "-i", "veth1", "-a", "duration:14", "-w", lab.file("c.pcap").path])
        sleep(2)
        let script = "printf '#!/bin/sh\\n[ $1 = bound ] && echo GOT $ip $subnet\\nexit 0\\n' > s; chmod +x s; "
        let first = try lab.client(script + "busybox udhcpc -i veth1 -n -q -f -s ./s")
        let address = try #require(first.output.firstMatch(of: /GOT (10\.77\.0\.1[01]\d) 255\.255\.255\.0/)?.1)
        let second = try lab.client(
            "touch l; dhclient -1 -d -sf /bin/true -lf l -pf p veth1 & D=$!; sleep 4; kill -9 $D; wait")
        #expect(second.output.contains("bound to \(address)"))
        capture.waitUntilExit()
        let faults = try Laboratory.run(
            "tshark",
            ["-r", lab.file("c.pcap").path, "-Y", "dhcp && (_ws.malformed || _ws.expert.severity >= 6291456)"])
        #expect(!faults.output.contains("DHCP "), "\(faults.output)")
        lab.killAll()
        #expect(try String(contentsOf: lab.file("leases.json"), encoding: .utf8).contains(String(address)))
        _ = try lab.serve(options + ["--authoritative"])
        #expect(try lab.client("busybox udhcpc -i veth1 -n -q -f -s ./s").output.contains("GOT \(address)"))
    }

    @Test func `a full server refuses to start beside dnsmasq and names it; a proxy starts`() throws {
        let lab = try Laboratory()
        try lab.start(
            in: lab.clientSide, "dnsmasq",
            [
                "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=veth1", "--bind-interfaces",
                "--user=root",
                "--dhcp-range=10.77.0.60,10.77.0.99", "--dhcp-leasefile=\(lab.file("dnsmasq").path)",
            ])
        sleep(1)
        let full = try lab.serve(["--range", "10.77.0.100-10.77.0.110"])
        #expect(full().contains("another DHCP server answers there: 10.77.0.50"))
        #expect(!full().contains("ready"))
        #expect(try lab.serve(["--proxy"])().contains("ready"))
    }

    @Test func `an address is not served to another interface's network`() throws {
        let lab = try Laboratory()
        for command in [
            "-n \(lab.serverSide) link add veth2 type veth peer name veth3 netns \(lab.clientSide)",
            "-n \(lab.serverSide) address add 10.78.0.1/24 dev veth2", "-n \(lab.serverSide) link set veth2 up",
            "-n \(lab.clientSide) address add 10.78.0.50/24 dev veth3", "-n \(lab.clientSide) link set veth3 up",
        ] {
            #expect(try Laboratory.run("ip", command.split(separator: " ").map(String.init)).status == 0)
        }
        _ = try lab.serve()
        #expect(try lab.client("curl -sf -m 5 -o got http://10.77.0.1:8080/kernel").status == 0)
        _ = try lab.client("ip route add 10.77.0.1/32 via 10.78.0.1 dev veth3 src 10.78.0.50")
        #expect(try lab.client("busybox ping -c 1 -W 2 10.77.0.1").status == 0, "the address itself is in reach")
        #expect(try lab.client("curl -sf -m 3 -o got http://10.77.0.1:8080/kernel").status != 0)
        #expect(try lab.client("timeout 3 busybox tftp -g -r kernel -l got2 10.77.0.1").status != 0)
    }

    @Test func `no address is given that a restart would forget`() throws {
        let lab = try Laboratory()
        let said = try lab.serve([
            "--range", "10.77.0.100-10.77.0.110", "--authoritative", "--leases", lab.file("none/leases.json").path,
        ])
        let script = "printf '#!/bin/sh\n[ $1 = bound ] && echo GOT $ip\nexit 0\n' > s; chmod +x s; "
        let asked = try lab.client(script + "busybox udhcpc -i veth1 -n -q -f -t 2 -T 1 -s ./s")
        #expect(!asked.output.contains("GOT"))
        #expect(said().contains("the lease database cannot be written"), "\(said())")
    }

    @Test func `without a named interface nothing is served`() throws {
        let lab = try Laboratory()
        let missing = try lab.start(
            in: lab.serverSide, Laboratory.harness,
            ["--manifest", lab.file("manifest.json").path, "--ipxe-template", lab.file("boot.ipxe").path])
        missing.0.waitUntilExit()
        #expect(missing.0.terminationStatus != 0)
        #expect(missing.1().contains("no network interface was named"))
    }

    @Test func `a booted node's word ends its timeline`() throws {
        let lab = try Laboratory()
        let said = try lab.serve(["--range", "10.77.0.100-10.77.0.110", "--authoritative"])
        let script = "printf '#!/bin/sh\\nexit 0\\n' > s; chmod +x s; "
        // udhcpc made to speak as a PXE ROM does.
        _ = try lab.client(
            script + "busybox udhcpc -i veth1 -n -q -f -s ./s -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000")
        #expect(said().contains("lab-node on ") && said().contains("boot/a1/undionly.kpxe"), "\(said())")
        #expect(try lab.client("busybox tftp -g -r boot/a1/undionly.kpxe -l got 10.77.0.1").status == 0)
        let word =
            "exec 3<>/dev/tcp/10.77.0.1/8080; printf 'POST /phone-home?boot=a1 HTTP/1.0\\r\\nContent-Length: 5\\r\\n\\r\\nhello' >&3; cat <&3"
        let answer = try lab.client("bash -c \"\(word.replacingOccurrences(of: "\"", with: "\\\""))\"")
        #expect(answer.output.contains("200 OK"))
        #expect(said().contains(": booted in ") && said().contains("s: hello"))
        #expect(
            try lab.client("curl -s -o /dev/null -w '%{http_code}' http://10.77.0.1:8080/phone-home?boot=zzz").output
                == "404")
    }

    @Test func `a store object that shrank closes the connection instead of giving a short file`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        try Data([1, 2, 3]).write(to: lab.file("store/abc-image/segment1"))
        #expect(try lab.client("curl -sf -o got http://10.77.0.1:8080/initrd").status != 0)
        #expect(try lab.client("busybox tftp -g -r initrd -l got2 10.77.0.1").status != 0)
        #expect(try lab.client("curl -sf -o got http://10.77.0.1:8080/kernel").status == 0)
    }
}
