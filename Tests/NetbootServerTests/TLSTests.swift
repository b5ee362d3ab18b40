import BootPolicy
import Foundation
import SystemModel
import Testing

@testable import NetbootServer

/// HTTPS, asked for by curl and OpenSSL's own client.
@Suite(
    .enabled(
        if: Laboratory.isPossible && Laboratory.finds(["openssl"]),
        "needs root, openssl and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct TLSTests {
    /// An authority, and in `server.pem` the server's certificate and key that it vouches for.
    static let certificates = """
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 9 -subj /CN=lab 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=boot 2>/dev/null
        echo subjectAltName=IP:10.77.0.1 >extensions
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile extensions \
            -out server.crt 2>/dev/null
        cat server.crt server.key >server.pem
        """
    static let base = "https://10.77.0.1:8443"

    /// A laboratory whose server serves HTTPS, and what that says.
    static func laboratory(_ options: [String] = []) throws -> (lab: Laboratory, said: () -> String) {
        let lab = try Laboratory()
        let made = try lab.client(certificates)
        try #require(made.status == 0, "\(made.output)")
        return (lab, try lab.serve(["--https", lab.file("server.pem").path] + options))
    }

    @Test func `curl that trusts the authority gets whole files, ranges and sizes, on one connection`() throws {
        let (lab, _) = try Self.laboratory()
        let curl = "curl -sf -m 50 --cacert ca.pem"
        // TLS 1.3; TLS 1.2; and what the firmware of Debian 12 can: no elliptic curves.
        for (number, how) in ["", "--tls-max 1.2", "--tls-max 1.2 --ciphers DHE-RSA-AES256-GCM-SHA384"].enumerated() {
            let got = try lab.client("\(curl) \(how) -o got\(number) \(Self.base)/kernel")
            #expect(got.status == 0, "\(how): \(got.output)")
            #expect(try Data(contentsOf: lab.file("got\(number)")) == Laboratory.kernel, "\(how)")
        }
        #expect(try lab.client("\(curl) -o initrd \(Self.base)/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("initrd")) == Laboratory.initramfs)
        let head = try lab.client("\(curl) -I \(Self.base)/kernel").output
        #expect(head.contains("Content-Length: 1500003\r\n") && head.contains("200 OK"), "\(head)")
        #expect(try lab.client("\(curl) -r 1000-70999 -o part \(Self.base)/kernel").status == 0)
        #expect(try Data(contentsOf: lab.file("part")) == Laboratory.kernel[1000...70999])
        // As UEFI does: HEAD, then GET on the same connection.
        let format = "'%{http_code} %{num_connects} %{size_download};'"
        let both = try lab.client(
            "\(curl) -I -o head -w \(format) \(Self.base)/kernel --next \(curl.dropFirst(5)) -o body -w \(format) "
                + "\(Self.base)/kernel")
        #expect(both.output == "200 1 0;200 0 1500003;", "\(both.output)")
        #expect(try lab.client("curl -s -m 20 \(Self.base)/kernel -o none").status == 60, "no authority, no trust")
        #expect(try lab.client("curl -sf -m 50 -o plain http://10.77.0.1:8080/kernel").status == 0)
    }

    private static let large = "store/abc-image/kernel"

    /// The same with a kernel of 200 MB, more than fits between a server and a slow client.
    static func largeLaboratory() throws -> (lab: Laboratory, said: () -> String) {
        let (lab, _) = try laboratory()
        try lab.killServers()
        let made = try lab.client(
            "openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 209715200 >\(large)")
        try #require(made.status == 0, "\(made.output)")
        var manifest = try JSONDecoder().decode(
            ImageManifest.self, from: Data(contentsOf: lab.file("manifest.json")))
        manifest.kernel.size = 209_715_200
        try JSONEncoder().encode(manifest).write(to: lab.file("manifest.json"))
        return (lab, try lab.serve(["--https", lab.file("server.pem").path]))
    }

    @Test func `200 MB arrive whole, slowly read or not`() throws {
        let (lab, _) = try Self.largeLaboratory()
        let sums = try lab.client(
            """
            for how in "" "--tls-max 1.2" "--limit-rate 100M"; do
                curl -sf -m 100 --cacert ca.pem $how \(Self.base)/kernel | sha256sum &
            done; wait; sha256sum <\(Self.large)
            """)
        let all = sums.output.split(separator: "\n")
        #expect(all.count == 4 && Set(all).count == 1, "\(sums.output)")
    }

    @Test func `a store's file that is cut short ends the connection, and the server goes on`() throws {
        let (lab, said) = try Self.largeLaboratory()
        let got = try lab.client(
            """
            : # where the folder is entered, before anything goes to the background
            curl -s -m 50 --limit-rate 1M --cacert ca.pem -o cut \(Self.base)/kernel & sleep 1
            truncate -s 4096 \(Self.large); wait $!
            """)
        // 18: less than was promised; 56: and no end of TLS, either.
        #expect([18, 56].contains(got.status), "\(got.status) \(got.output)")
        #expect(try lab.client("curl -sf -m 50 --cacert ca.pem -o whole \(Self.base)/initrd").status == 0)
        #expect(!said().contains("Fatal"), "\(said())")
    }

    @Test func `OpenSSL's client verifies the certificate by TLS 1.2 and 1.3, and gets nothing older`() throws {
        let (lab, _) = try Self.laboratory()
        func client(_ options: String, _ input: String = "") throws -> String {
            try lab.client(
                "printf '\(input)' | timeout 20 openssl s_client -connect 10.77.0.1:8443 -CAfile ca.pem "
                    + "-verify_ip 10.77.0.1 \(options) 2>&1"
            ).output
        }
        for version in ["-tls1_2", "-tls1_3"] {
            let said = try client(
                "\(version) -ign_eof", "GET /boot.ipxe HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
            #expect(said.contains("Verify return code: 0 (ok)"), "\(said)")
            #expect(said.contains("200 OK") && said.contains("#!ipxe"), "\(said)")
            // The end is told, so that a client can tell it from a cut.
            #expect(!said.contains("unexpected eof"), "\(said)")
        }
        // A request and the end of what is sent, in one go.
        #expect(
            try client("-tls1_2", "GET /boot.ipxe HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n").contains("Verify return code: 0"))
        #expect(try client("-tls1_1 -cipher DEFAULT:@SECLEVEL=0").contains("alert protocol version"))
        // A second handshake in a connection costs the server much and the client little.
        #expect(try client("-tls1_2 -no_ign_eof", "R\\n").contains("no renegotiation"))
    }

    /// Each kind of client that comes to no handshake; all stay connected as long as they may.
    static let hostile = #"""
        import os, socket, time
        held = []
        for number in range(120):
            connection = socket.create_connection(("10.77.0.1", 8443), source_address=("10.77.0.50", 0))
            kind = number % 4
            hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
            connection.settimeout(5)
            try:
                connection.send([b"GET / HTTP/1.1\r\n\r\n", os.urandom(3000), hello, b"\x16"][kind])
            except OSError:
                pass
            held.append(connection)
        print("begun", flush=True)
        time.sleep(60)
        """#

    @Test func `who sends garbage, half a hello or nothing at all is counted, and others are served`() throws {
        let (lab, said) = try Self.laboratory(["--page", Self.page()])
        _ = try lab.client("ip address add 10.77.0.51/24 dev veth1")
        try Self.hostile.write(to: lab.file("hostile.py"), atomically: true, encoding: .utf8)
        let (_, begun) = try lab.start(in: lab.clientSide, "python3", [lab.file("hostile.py").path])
        for _ in 0..<600 where !begun().contains("begun") { usleep(50_000) }
        #expect(begun().contains("begun"), "\(begun())")
        for number in 1...5 {
            let got = try lab.client(
                "curl -sf -m 50 --interface 10.77.0.51 --cacert ca.pem -o good\(number) \(Self.base)/kernel")
            #expect(got.status == 0, "\(got.output)")
            #expect(try Data(contentsOf: lab.file("good\(number)")) == Laboratory.kernel)
        }
        // Those that say nothing more are let go; by then every kind has been counted.
        var metrics = ""
        for _ in 0..<600 {
            metrics = try Laboratory.run(
                "ip", ["netns", "exec", lab.serverSide, "curl", "-sf", "http://127.0.0.1:8081/metrics"]
            ).output
            if metrics.contains("a TLS handshake that was not whole in time") { break }
            usleep(100_000)
        }
        for reason in ["TLS: http request", "TLS: wrong version number", "a TLS handshake that was not whole in time"] {
            #expect(metrics.contains(reason), "\(reason)\n\(metrics)")
        }
        #expect(!said().contains("Fatal"), "\(said())")
    }

    private static func page() -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("netboot/page").path
    }
}
