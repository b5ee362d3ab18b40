import BootProtocols
import Diagnostics
import FileFormats
import OpenSSL
import StoreModel
import SystemModel
import Testing

@testable import BootPolicy

@Suite struct NodeSegmentTests {
    static let secret = SiteSecret([UInt8](0..<32))!
    static let key: [UInt8] = [0, 1, 2, 10, 255]

    /// `by-mac` has a file of its own, a link and a secret; the image has an SSH server.
    static func policy(secret: SiteSecret = Self.secret) throws -> BootPolicy {
        var site = Sample.site()
        func file(_ path: String, _ source: SystemFile.Source, mode: Int = 0o644) -> SystemFile {
            SystemFile(path: path, source: source, mode: mode, owner: "root", group: "mail")
        }
        site.nodes[0].settings.files = [
            NodeFile(file: file("/etc/key", .file("/server/key"), mode: 0o600), isSecret: true),
            NodeFile(file: file("/etc/link", .link(target: "motd")), isSecret: false),
            NodeFile(file: file("/etc/motd", .text("mine\n")), isSecret: false),
        ]
        let contents = try NodeFileContents(of: site) { $0 == "/server/key" ? .bytes(key) : .missing }
        var manifest = Sample.manifest()
        manifest.segments[1].summary.name = "openssh-server"
        var policy = try Sample.policy(site)
        policy.systems["lab-node"] = try ServedSystem(
            manifest: manifest, boots: Sample.boots(), stubHead: Sample.stubHead)
        policy.provisions = NodeProvisions(secret: secret, contents: contents)
        return policy
    }

    static func begun(_ policy: BootPolicy, _ attempt: String = "a1") throws -> BootAttempts {
        var attempts = BootAttempts(keepsRecords: true)
        let request = BootRequest(mac: Sample.node, client: .iPXE, architecture: .bios)
        let system = try #require(policy.system(for: request.machine))
        _ = attempts.begin(request, system: system, now: .seconds(100)) { attempt }
        return attempts
    }

    /// What a segment unpacks to: the frame is a stored one of a single block.
    static func entries(_ segment: [UInt8]) throws -> [String: [UInt8]] {
        var reader = CPIO.Reader(Array(segment.dropFirst(12).dropLast(4)))
        var found: [String: [UInt8]] = [:]
        while let (entry, contents) = try reader.next() {
            #expect(entry.permissions == (entry.type == .directory ? 0o700 : 0o600) && entry.owner == 0)
            found[entry.path] = Array(contents)
        }
        return found
    }

    @Test func `HMAC-SHA-256 gives what RFC 4231's second case says`() {
        let code = SHA256.authenticationCode(of: "what do ya want for nothing?", key: Array("Jefe".utf8))
        #expect(Hexadecimal.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `a node's initramfs has its segment before the last, the same at every request of a boot`() throws {
        let policy = try Self.policy()
        let attempts = try Self.begun(policy)
        let file = try #require(policy.bootFile(named: "boot/a1/initrd", for: attempts)).file
        // 10 bytes and 2, 12, the node's and its padding, 7 and 1.
        guard case .literal(let segment) = file.extents[3] else { throw Unexpected() }
        #expect(file.extents[2] == .stored(path: "\(Sample.path)/a", offset: 0, length: 12))
        #expect(file.extents.dropFirst(4).contains(.stored(path: "\(Sample.path)/settings", offset: 0, length: 7)))
        #expect(file.size == 12 + 12 + (segment.count + 3) & ~3 + 8)
        #expect(policy.bootFile(named: "boot/a1/initrd", for: attempts)?.file == file)
        let entries = try Self.entries(segment)
        let folder = "usr/lib/bootferry/node"
        #expect(
            Set(entries.keys) == Set([folder] + ["files", "hostname", "machine-id", "token"].map { "\(folder)/\($0)" }))
        #expect(entries["\(folder)/hostname"] == Array("first\n".utf8))
        #expect(
            entries["\(folder)/files"]
                == Array("4\tlink\t644\troot\tmail\t/etc/link\nmotd5\tfile\t644\troot\tmail\t/etc/motd\nmine\n".utf8))
        // Nothing of a secret is in what anybody may fetch.
        let text = String(decoding: segment, as: UTF8.self)
        #expect(!text.contains("/etc/key") && !text.contains("PRIVATE"))
    }

    @Test func `a unified kernel carries the same segment`() throws {
        let policy = try Self.policy()
        let attempts = try Self.begun(policy)
        let own = try #require(policy.bootFile(named: "boot/a1/lab-node.efi", for: attempts)).file
        var plain = policy
        plain.provisions = nil
        let system = try #require(attempts.system(of: "a1"))
        let segment = try #require(policy.nodeSegment(for: "a1", of: system, Sample.node))
        #expect(own.extents.contains(.literal(segment.segment)))
        #expect(try #require(plain.bootFile(named: "boot/a1/lab-node.efi", for: attempts)).file.size < own.size)
        #expect(policy.bootFile(named: "boot/a1/lab-node.efi", for: attempts)?.file.entityTag == own.entityTag)
    }

    @Test func `identities stay from boot to boot, differ from node to node and site to site; tokens are a boot's`()
        throws
    {
        let policy = try Self.policy()
        let system = try #require(policy.systems["lab-node"])
        func segment(_ policy: BootPolicy, _ attempt: String) throws -> NodeSegment {
            try #require(policy.nodeSegment(for: attempt, of: system, Sample.node))
        }
        let (first, second) = (try segment(policy, "a1"), try segment(policy, "a2"))
        #expect(first.machineID == second.machineID)
        #expect(first.machineID.wholeMatch(of: /[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}/) != nil)
        #expect(first.token != second.token && first.token?.count == 32)
        let other = try segment(try Self.policy(secret: #require(SiteSecret([UInt8](1...32)))), "a1")
        #expect(other.machineID != first.machineID && other.token != first.token)
        #expect(Self.secret.machineID(of: "by-uuid") != first.machineID)
        #expect(Self.secret.hostKey(of: "by-uuid") != Self.secret.hostKey(of: "by-mac"))
        #expect("\(Self.secret)" == "a site's secret")
    }

    @Test func `a machine that is no node, a name of no boot, and a server without provisions have none`() throws {
        let policy = try Self.policy()
        let system = try #require(policy.systems["lab-node"])
        #expect(policy.nodeSegment(for: "a1", of: system, Sample.stranger) == nil)
        #expect(policy.nodeSegment(for: BootFileName.noAttempt, of: system, Sample.node) == nil)
        var plain = policy
        plain.provisions = nil
        #expect(plain.nodeSegment(for: "a1", of: system, Sample.node) == nil)
    }

    @Test func `a system without an SSH server and secrets has no token to wait for`() throws {
        var policy = try Self.policy()
        policy.site.nodes[0].settings.files.removeFirst()
        let segment = try #require(policy.nodeSegment(for: "a1", of: try Sample.system(), Sample.node))
        #expect(segment.token == nil)
        #expect(policy.nodeSecrets(for: try Sample.system(), Sample.node).isEmpty)
        #expect(try Self.entries(segment.segment)["usr/lib/bootferry/node/token"] == nil)
    }

    @Test func `what is shown of a segment names everything and holds nothing of it`() throws {
        let policy = try Self.policy()
        let system = try #require(policy.systems["lab-node"])
        let segment = try #require(policy.nodeSegment(for: "a1", of: system, Sample.node))
        let words = segment.words(policy.nodeSecrets(for: system, Sample.node)).joined(separator: "\n")
        #expect(words.contains("hostname first, a machine-id"))
        #expect(words.contains("  /etc/link, -> motd\n  /etc/motd, 5 bytes, 644 root:mail"))
        #expect(words.contains("    /etc/key, 5 bytes, 600 root:mail"))
        #expect(words.contains("/etc/ssh/ssh_host_ed25519_key, "))
        #expect(!words.contains("mine") && !words.contains("PRIVATE"))
        #expect(!words.contains(segment.machineID) && segment.token.map(words.contains) == false)
    }

    struct Unexpected: Error {}
}
