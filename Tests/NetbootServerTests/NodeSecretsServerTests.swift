import Foundation
import Testing

/// A node's own segment and its secrets, fetched from a real server by curl.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct NodeSecretsServerTests {
    static let base = "http://10.77.0.1:8080"
    static let secret = Data((0...255).map(UInt8.init))

    /// A server of a site whose one node is the clients' card, with its boot `a1` begun.
    private func serve(_ lab: Laboratory) throws -> () -> String {
        let mac = try lab.client("cat /sys/class/net/veth1/address").output.trimmingCharacters(
            in: .whitespacesAndNewlines)
        let site = """
            version: 1
            networks: {veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110]}}
            systems: {lab-node: lab-node}
            nodes:
              bench-07:
                macs: [\(mac)]
                system: lab-node
                files:
                  /etc/motd: {text: "mine"}
                  /etc/key: {source: \(lab.file("key").path), secret: yes}

            """
        try Data(site.utf8).write(to: lab.file("site.yaml"))
        try Self.secret.write(to: lab.file("key"))
        return try start(lab)
    }

    private func start(_ lab: Laboratory) throws -> () -> String {
        try lab.serve([
            "--site", lab.file("site.yaml").path, "--site-secret", lab.file("site-secret").path, "--sightings",
            lab.file("seen.json").path, "--boots", lab.file("boots").path, "--skipped-seconds",
            lab.file("skipped").path,
        ])
    }

    /// The status and body of who asks with a token, from an address of the clients' card.
    private func ask(_ lab: Laboratory, _ token: String, from address: String = "10.77.0.50") throws -> (String, Data) {
        let asked = try lab.client(
            "curl -s --interface \(address) -o got -w '%{http_code}' --data-binary \(token) '\(Self.base)/secrets?boot=a1'"
        )
        return (asked.output, try Data(contentsOf: lab.file("got")))
    }

    private func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }

    @Test func `a node's segment comes with its initramfs, and its secrets once for the token in it`() throws {
        let lab = try Laboratory()
        let said = try serve(lab)
        _ = try lab.client(KilledServerTests.discover)
        _ = try lab.client("ip address add 10.77.0.66/24 dev veth1")

        // Whole, in two parts and again: the same bytes under the same tag.
        let fetched = try lab.client(
            """
            curl -sf -D h1 -o whole \(Self.base)/boot/a1/initrd && curl -sf -r 0-70000 -o first \(Self.base)/boot/a1/initrd &&
            curl -sf -D h2 -r 70001- -o second \(Self.base)/boot/a1/initrd && cat first second | cmp - whole && \
            [ "$(grep -i etag: h1)" = "$(grep -i etag: h2)" ] && curl -sfI -o h3 \(Self.base)/boot/a1/initrd && \
            grep -qi "content-length: $(stat -c %s whole)" h3
            """)
        try #require(fetched.status == 0, "\(fetched.output)\(said())")
        let whole = try Data(contentsOf: lab.file("whole"))
        // The image's first segment with its padding stays before, its last behind.
        #expect(whole.starts(with: Laboratory.segments[0]) && whole.count > Laboratory.initramfs.count)
        #expect(whole.suffix(Laboratory.segments[1].count) == Laboratory.segments[1])
        let latin = String(whole.map { Character(UnicodeScalar($0)) })
        let token = String(try #require(latin.firstMatch(of: /node\/token\u{0}+([0-9a-f]{32})\n/)?.1))
        #expect(latin.contains("\t/etc/motd\nmine") && !latin.contains("/etc/key"))
        #expect(whole.range(of: Self.secret) == nil)

        #expect(try ask(lab, String(repeating: "0", count: 32)).0 == "403")
        #expect(try lab.client("curl -s -o /dev/null -w '%{http_code}' '\(Self.base)/secrets?boot=a1'").output == "404")
        #expect(
            try lab.client("curl -s -d \(token) -o /dev/null -w '%{http_code}' '\(Self.base)/secrets'").output == "404")
        let (status, answer) = try ask(lab, token)
        #expect(status == "200" && answer == Data("256\tfile\t600\troot\troot\t/etc/key\n".utf8) + Self.secret)
        #expect(try ask(lab, token) == (status, answer))
        let elsewhere = try ask(lab, token, from: "10.77.0.66")
        #expect(elsewhere.0 == "403" && text(elsewhere.1) == "asked for twice, and 10.77.0.50 has them\n")
        try Data("61".utf8).write(to: lab.file("skipped"))
        #expect(try ask(lab, token).0 == "403")

        #expect(try lab.client("curl -sf -d up '\(Self.base)/phone-home?boot=a1'").status == 0)
        #expect(try text(ask(lab, token, from: "10.77.0.66").1) == "asked for after the system had phoned home\n")
        let lines = said()
        for line in [
            "secrets refused to 10.77.0.50: the token is wrong", "secrets given to 10.77.0.50: 1 file",
            "secrets refused to 10.77.0.66: asked for twice, and 10.77.0.50 has them",
            "secrets refused to 10.77.0.66: asked for after the system had phoned home",
        ] { #expect(lines.contains(line), "\(line)\n\(lines)") }
        // Neither what it says nor what it keeps tells the token or a secret.
        let kept = try lab.client("cat boots/* seen.json")
        #expect(!lines.contains(token) && !kept.output.contains(token) && kept.output.contains("secretsGiven"))
        let mode = try lab.client("stat -c %a site-secret")
        #expect(mode.output == "600\n")
    }

    @Test func `a server that takes over keeps a boot's segment and token, and who has its secrets`() throws {
        let lab = try Laboratory()
        _ = try serve(lab)
        _ = try lab.client(KilledServerTests.discover)
        _ = try lab.client("ip address add 10.77.0.66/24 dev veth1")
        func segment() throws -> (tag: String, token: String) {
            _ = try lab.client("curl -sf -D head -o whole \(Self.base)/boot/a1/initrd")
            let latin = String(try Data(contentsOf: lab.file("whole")).map { Character(UnicodeScalar($0)) })
            let head = try String(contentsOf: lab.file("head"), encoding: .utf8)
            return (
                String(head.firstMatch(of: /(?i)etag: (.*)/)?.1 ?? ""),
                String(try #require(latin.firstMatch(of: /node\/token\u{0}+([0-9a-f]{32})\n/)?.1))
            )
        }
        func isKept(_ text: String) throws -> Bool {
            for _ in 0..<100 {
                if try lab.client("cat boots/*").output.contains(text) { return true }
                usleep(50_000)
            }
            return false
        }
        let before = try segment()
        // Records are written beside the answers, so a kill at once might forget the boot itself.
        #expect(try isKept("transferFinished"))
        lab.killAll()
        _ = try start(lab)
        let after = try segment()
        #expect(before == after && !after.tag.isEmpty)
        #expect(try ask(lab, after.token).0 == "200")
        #expect(try isKept("secretsGiven"))
        lab.killAll()
        let said = try start(lab)
        #expect(try ask(lab, after.token, from: "10.77.0.66").0 == "403")
        #expect(try ask(lab, after.token).0 == "200")
        #expect(said().contains("secrets refused to 10.77.0.66: asked for twice"), "\(said())")
    }
}
