import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// Sites and nodes as a person meets them.
@Suite struct SiteCommandTests {
    private let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-site-\(UUID().uuidString)")
    private var program: BootferryProgram { BootferryProgram(stateDirectory: folder.appending("state")) }

    private static let site = """
        # my own words
        version: 1
        networks:
          eth1: {address: 10.77.0.1, dhcp: full, ranges: [10.77.0.100-10.77.0.199]}
        systems: {minimal: minimal}
        unknown: {answer: menu, system: minimal}
        nodes:
          a: {macs: [52:54:00:12:34:56], system: minimal, address: 10.77.0.11}

        """

    private func write(_ text: String = site) throws {
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        try text.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
    }

    private func node(_ arguments: String...) async throws -> BootferryProgram.Outcome {
        try await program.run(["node"] + arguments + ["--site", "site.yaml"], in: folder)
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
    }

    private func cleanUp() { try? FileManager.default.removeItem(atPath: folder.string) }

    @Test func `a machine is adopted, changed and forgotten, and the site file is never written`() async throws {
        defer { cleanUp() }
        try write()
        let adopted = try await node("adopt", "52-54-00-00-00-09", "--name", "b", "--system", "minimal")
        #expect(adopted.succeeded, "\(adopted.messages)")
        #expect(text("nodes.yaml").contains(#"  "b": {"macs": ["52:54:00:00:00:09"], "system": "minimal"}"#))
        #expect(try await node("set", "b", "--address", "10.77.0.12", "--kernel-parameter", "x=\"a b\"").succeeded)
        let listed = try await node("list", "--json")
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        #expect(rows.map { $0["node"] as? String } == ["a", "b"])
        #expect(rows[1]["address"] as? String == "10.77.0.12")
        #expect(try await node("list").output.contains("b  52:54:00:00:00:09  minimal  10.77.0.12  never seen"))
        #expect(try await node("forget", "b").succeeded)
        #expect(text("nodes.yaml").hasSuffix("nodes: {}\n"))
        #expect(text("site.yaml") == Self.site)
    }

    @Test func `what would make two machines one, or name nothing, is refused and nothing is written`() async throws {
        defer { cleanUp() }
        try write()
        #expect(try await node("adopt", "52:54:00:00:00:09", "--name", "b").succeeded)
        let before = text("nodes.yaml")
        for (arguments, message) in [
            (["adopt", "52:54:00:12:34:56"], "is already that of node 'a', at site.yaml:8:3"),
            (["adopt", "52:54:00:00:00:09", "--name", "c"], "is already that of node 'b'"),
            (["adopt", "02:00:00:00:00:01", "--name", "a"], "is already a node"),
            (["adopt", "ff:ff:ff:ff:ff:ff"], "expected a card's MAC address"),
            (["set", "b", "--add-mac", "52:54:00:12:34:56"], "is also that of node `a`, at site.yaml:8:14"),
            (["set", "b", "--system", "minimla"], "did you mean `minimal`?"),
            (["set", "b", "--address", "10.77.0.11"], "10.77.0.11 is also that of node `a`"),
            (["set", "a", "--system", "minimal"], "is written in the site file, at site.yaml:8:3"),
            (["forget", "nobody"], "is no node of 'site.yaml'"),
        ] {
            let outcome = try await program.run(["node"] + arguments + ["--site", "site.yaml"], in: folder)
            #expect(outcome.status == .exited(2), "\(arguments): \(outcome.messages)")
            #expect(outcome.messages.contains(message), "\(arguments): \(outcome.messages)")
            #expect(text("nodes.yaml") == before)
        }
    }

    @Test func `the nodes' host keys are printed for known_hosts, from a secret that is made once and kept private`()
        async throws
    {
        defer { cleanUp() }
        try write()
        let first = try await node("known-hosts")
        #expect(
            first.output.wholeMatch(of: /a,10\.77\.0\.11 ssh-ed25519 AAAA[A-Za-z0-9+\/]+=*\n/) != nil,
            "\(first.messages)")
        #expect(try await node("known-hosts").output == first.output)
        let secret = folder.appending("state/site-secret").string
        #expect(try await execute(["stat", "-c", "%a %s", secret]).output == "600 32\n")
        try await execute(["chmod", "640", secret])
        let open = try await node("known-hosts")
        #expect(open.status == .exited(5) && open.messages.contains("has the permission bits 0640, expected 0600"))
        try await execute(["sh", "-c", "chmod 600 \"$0\" && truncate -s 31 \"$0\"", secret])
        let short = try await node("known-hosts")
        #expect(short.status == .exited(3) && short.messages.contains("has 31 bytes, expected 32"), "\(short.messages)")
        // Another site's server has another.
        try await execute(["rm", secret])
        let other = try await node("known-hosts")
        #expect(other.succeeded && other.output != first.output)
    }

    @Test func `a secret that everybody on the server can read is told of, and one that cannot be read ends it`()
        async throws
    {
        defer { cleanUp() }
        let files = "files: {/etc/a: {source: key, secret: yes}, /etc/b: {text: x, secret: yes}, /etc/c: {source: key}}"
        try write(Self.site.replacingOccurrences(of: "address: 10.77.0.11}", with: "address: 10.77.0.11, \(files)}"))
        let missing = try await program.run("serve", "site.yaml", "--explain", "52:54:00:12:34:56", in: folder)
        #expect(missing.status == .exited(2), "\(missing.messages)")
        #expect(
            missing.messages.contains("`nodes.a.files./etc/a`: no such file: `\(folder)/key`"), "\(missing.messages)")
        try await execute(["sh", "-c", "echo k >\"$0/key\" && chmod 644 \"$0/key\" \"$0/site.yaml\"", folder.string])
        let path = folder.appending("site.yaml").string
        let lines = SiteSource.openSecrets(of: try SiteSource.read(path))
        #expect(
            lines.map { $0.split(separator: " ").last.map(String.init) } == ["\(folder)/key", path], "\(lines)")
        try await execute(["sh", "-c", "chmod 600 \"$0/key\" \"$0/site.yaml\"", folder.string])
        #expect(SiteSource.openSecrets(of: try SiteSource.read(path)).isEmpty)
        // Explaining makes nothing.
        #expect(try await program.run("serve", "site.yaml", "--explain", "52:54:00:12:34:56", in: folder).succeeded)
        #expect(!FileManager.default.fileExists(atPath: folder.appending("state/site-secret").string))
    }

    @Test func `a machine's answers are explained without a socket, and what is not built is said`() async throws {
        defer { cleanUp() }
        try write()
        let known = try await program.run(
            "serve", "site.yaml", "--explain", "52:54:00:12:34:56", "--arch", "7", in: folder)
        #expect(known.succeeded, "\(known.messages)")
        #expect(known.messages.contains("'minimal' is not built yet"))
        for line in [
            "node     a", "1  -> DHCP DISCOVER to port 67", "yiaddr 10.77.0.11", "because 10.77.0.11 is its own",
            "because node `a`, by its MAC address (site.yaml:8:3)", "system `minimal` is not built",
            "it gets an address and nothing to boot",
        ] { #expect(known.output.contains(line), "\(line)\n\(known.output)") }
        let proxy = try await program.run(
            "serve", "site.yaml", "--explain", "52:54:00:12:34:57", "--as", "proxy", "--json", in: folder)
        let value = try #require(
            try JSONSerialization.jsonObject(with: Data(proxy.output.utf8)) as? [String: Any], "\(proxy.messages)")
        #expect(value["boots"] as? Bool == false)
        let lines = try await program.run("serve", "site.yaml", "--other-server", "kea", in: folder)
        #expect(lines.output.contains("\"next-server\": \"10.77.0.1\""))
    }

    @Test func `a site says itself what options say of a system, and its mistakes have their places`() async throws {
        defer { cleanUp() }
        try write()
        let doubled = try await program.run("serve", "site.yaml", "--interface", "eth1", in: folder)
        #expect(doubled.status == .exited(2) && doubled.messages.contains("leave '--interface' out"))
        try write(Self.site.replacingOccurrences(of: "dhcp: full", with: "dhpc: full"))
        let wrong = try await program.run("serve", "site.yaml", in: folder)
        #expect(wrong.status == .exited(2), "\(wrong.messages)")
        #expect(wrong.messages.contains("site.yaml:4:30: `networks.eth1.dhpc`: unknown key; did you mean `dhcp`?"))
        try write(Self.site.replacingOccurrences(of: "{minimal: minimal}", with: "{minimal: lab-node}"))
        let misnamed = try await program.run("serve", "site.yaml", in: folder)
        #expect(misnamed.messages.contains("is a system that calls itself `lab-node`"), "\(misnamed.messages)")
    }
}
