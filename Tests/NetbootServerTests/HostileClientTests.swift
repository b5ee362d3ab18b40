import Foundation
import Testing

/// What one bad client may do, and what it may not.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct HostileClientTests {
    /// Takes every connection it can and sends each half a request; asks for files by TFTP and never acknowledges; sends
    /// what is no packet of any protocol.
    static let hostile = #"""
        import os, random, socket, time
        random.seed(1)
        server = "10.77.0.1"
        held = []
        for _ in range(300):
            connection = socket.socket()
            connection.bind(("10.77.0.50", 0))
            connection.settimeout(0.5)
            try:
                connection.connect((server, 8080))
                connection.send(b"GET /kernel HTTP/1.1\r\nX: ")
                held.append(connection)
            except OSError:
                connection.close()
        sockets = []
        for _ in range(200):
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.bind(("10.77.0.50", 0))
            datagrams.setblocking(False)
            sockets.append(datagrams)
        print("begun", flush=True)
        end = time.time() + 60
        while time.time() < end:
            for datagrams in sockets:
                datagrams.sendto(b"\0\1kernel\0octet\0windowsize\x0064\0", (server, 69))
                datagrams.sendto(os.urandom(random.randrange(600)), (server, 69))
                datagrams.sendto(os.urandom(random.randrange(600)), (server, 67))
            for connection in held:
                try:
                    connection.send(b"x")
                except OSError:
                    pass
            time.sleep(0.01)
        """#

    /// Asks 20,000 times without waiting, and counts the answers.
    static let ahead = #"""
        import socket, threading
        connection = socket.create_connection(("10.77.0.1", 8080))
        request = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        asked = 20000
        threading.Thread(target=lambda: connection.sendall(request * asked), daemon=True).start()
        connection.settimeout(60)
        count, rest = 0, b""
        while count < asked:
            data = connection.recv(65536)
            if not data:
                break
            parts = (rest + data).split(b"HTTP/1.1 404")
            count, rest = count + len(parts) - 1, parts[-1][-12:]
        print("answered", count)
        """#

    @Test func `who asks thousands of times ahead is answered each time, and others meanwhile`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        try Self.ahead.write(to: lab.file("ahead.py"), atomically: true, encoding: .utf8)
        let (_, said) = try lab.start(in: lab.clientSide, "python3", [lab.file("ahead.py").path])
        for number in 1...5 {
            #expect(try lab.client("curl -sf -m 50 -o good\(number) http://10.77.0.1:8080/kernel").status == 0)
            #expect(try Data(contentsOf: lab.file("good\(number)")) == Laboratory.kernel)
        }
        for _ in 0..<1200 where !said().contains("answered") { usleep(50_000) }
        #expect(said().contains("answered 20000"), "\(said())")
    }

    @Test func `one client that takes all it can leaves the others served`() throws {
        let lab = try Laboratory()
        let said = try lab.serve(["--range", "10.77.0.100-10.77.0.110", "--authoritative"])
        _ = try lab.client("ip address add 10.77.0.51/24 dev veth1")
        try Self.hostile.write(to: lab.file("hostile.py"), atomically: true, encoding: .utf8)
        let (_, begun) = try lab.start(in: lab.clientSide, "python3", [lab.file("hostile.py").path])
        for _ in 0..<600 where !begun().contains("begun") { usleep(50_000) }
        #expect(begun().contains("begun"), "\(begun())")
        let base = "10.77.0.1"
        #expect(
            try lab.client("curl -sf -m 50 --interface 10.77.0.51 -o good1 http://\(base):8080/kernel").status == 0)
        #expect(try Data(contentsOf: lab.file("good1")) == Laboratory.kernel)
        #expect(
            try lab.client("curl -sf -m 50 --interface 10.77.0.51 --tftp-blksize 1400 -o good2 tftp://\(base)/kernel")
                .status == 0)
        #expect(try Data(contentsOf: lab.file("good2")) == Laboratory.kernel)
        // The bad one has its share of connections and no more.
        #expect(try lab.client("curl -sf -m 3 --interface 10.77.0.50 -o bad http://\(base):8080/kernel").status != 0)
        #expect(!said().contains("Fatal"))
    }

    @Test func `names that try to climb or confuse get no file, and odd spellings of ours do`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        for name in ["kernel", "/kernel", "//kernel", "\\kernel", "boot//a1\\kernel"] where name.hasSuffix("kernel") {
            let isOurs = !name.hasPrefix("boot")
            #expect((try lab.client("busybox tftp -g -r '\(name)' -l got 10.77.0.1").status == 0) == isOurs, "\(name)")
        }
        for name in [
            "../kernel", "..\\\\..\\\\etc\\\\passwd", "boot/a1/../../kernel", "/nix/store/abc-image/kernel", ".",
        ] {
            #expect(try lab.client("busybox tftp -g -r '\(name)' -l got 10.77.0.1").status != 0, "\(name)")
        }
        // A NUL ends a name, as the protocol says.
        let script = """
            import socket
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
            s.sendto(b'\\0\\1boot.ipxe\\0octet\\0/etc/passwd\\0x\\0', ('10.77.0.1', 69))
            print(s.recvfrom(2000)[0][:10])
            s.sendto(b'\\0\\1\\0octet\\0', ('10.77.0.1', 69))
            print(s.recvfrom(2000)[0][:4])
            """
        let answer = try lab.client("python3 -c \"\(script)\"").output
        #expect(answer.contains("#!ipxe") && answer.contains("x05"), "\(answer)")
    }

    @Test func `a slow client and one that sends its head byte by byte are left at last`() throws {
        let lab = try Laboratory()
        _ = try lab.serve()
        let script = """
            import socket, time
            s = socket.create_connection(('10.77.0.1', 8080)); s.settimeout(40)
            begun = time.time()
            try:
                while time.time() - begun < 60:
                    s.send(b'G'); time.sleep(0.5)
                print('kept')
            except OSError:
                print('closed')
            """
        #expect(try lab.client("python3 -c \"\(script)\"").output.contains("closed"))
    }

    @Test(arguments: ["", "--option 'blksize 1468' --option 'windowsize 16'"])
    func `one port for all transfers serves many clients at once`(options: String) throws {
        let lab = try Laboratory()
        _ = try lab.serve(["--single-port"])
        let (capture, said) = try lab.start(
            in: lab.serverSide, "tshark",
            [
                "-Q", "-i", "veth0", "-a", "duration:8", "-Y", "udp && ip.src == 10.77.0.1", "-T", "fields", "-E",
                "quote=d", "-e", "udp.srcport",
            ])
        sleep(2)
        let got = try lab.client(
            "for i in 1 2 3 4 5; do atftp \(options) --get -r kernel -l got$i 10.77.0.1 69 & done; wait")
        #expect(got.status == 0)
        for number in 1...5 { #expect(try Data(contentsOf: lab.file("got\(number)")) == Laboratory.kernel) }
        // The server speaks from port 69 alone.
        capture.waitUntilExit()
        // In quotes, since tshark also says how many packets it has seen.
        let ports = Set(said().split(whereSeparator: \.isWhitespace).filter { $0.contains(/^"[0-9]+"$/) })
        #expect(ports == ["\"69\""], "\(said())")
    }
}
