import BootPolicy
import Foundation
import Testing

@testable import NetbootServer

/// The page as programs and browsers see it, beside a server that boots something.
@Suite(
    .enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized,
    .timeLimit(.minutes(5)))
struct PageTests {
    static let pageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("netboot/page").path
    static let page = "http://127.0.0.1:8081"

    /// A server with its page, and a node that has fetched its kernel and phoned home.
    static func booted(_ options: [String] = []) throws -> Laboratory {
        let lab = try Laboratory()
        _ = try lab.serve(["--range", "10.77.0.100-10.77.0.110", "--authoritative", "--page", pageFolder] + options)
        _ = try lab.client(KilledServerTests.discover)
        #expect(try lab.client("curl -sf -o got http://10.77.0.1:8080/boot/a1/kernel").status == 0)
        return lab
    }

    /// Runs a line beside the server, where the page is.
    static func beside(_ lab: Laboratory, _ line: String) throws -> Finished {
        try Laboratory.run(
            "ip", ["netns", "exec", lab.serverSide, "bash", "-c", "cd \(lab.directory.path); \(line)"])
    }

    static let browse = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Support/browse.py").path

    @Test func `prometheus' own parser reads the metrics`() throws {
        let lab = try Self.booted()
        let parse = """
            import sys
            from prometheus_client.parser import text_string_to_metric_families
            families = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}
            print(len(families), families["bootferry_boots_begun"].samples, families["bootferry_boot_seconds"].type)
            """
        let found = try Self.beside(lab, "curl -sf \(Self.page)/metrics | /usr/bin/python3 -c '\(parse)'")
        #expect(found.output.contains("histogram") && found.output.contains("lab-node"), "\(found.output)")
        let type = try Self.beside(lab, "curl -sI \(Self.page)/metrics")
        #expect(type.output.contains("text/plain; version=0.0.4"))
    }

    @Test func `the interface tells nodes and boots, and what is not there`() throws {
        let lab = try Self.booted()
        let report = try JSONDecoder().decode(
            SiteReport.self, from: Data(try Self.beside(lab, "curl -sf \(Self.page)/api/state").output.utf8))
        let node = try #require(report.nodes.first)
        #expect(report.nodeCount == 1 && node.boots.first?.outcome == .running)
        let boots = try Self.beside(lab, "curl -sf \(Self.page)/api/nodes/\(node.node)").output
        #expect(boots.contains("\"timeline\":[") && boots.contains("kernel by HTTP: 1.4 MiB"))
        let codes = try Self.beside(
            lab,
            "for path in / /page.css /page.js /api/nodes/zz /../../etc/passwd /api/nodes; do "
                + "curl -s --path-as-is -o /dev/null -w '%{http_code} ' \(Self.page)$path; done; "
                + "curl -s -o /dev/null -w '%{http_code} ' -X PUT \(Self.page)/; "
                + "head -c 9000 /dev/zero | curl -s -o /dev/null -w '%{http_code} ' --data-binary @- \(Self.page)/api/publish; "
                + "curl -s -o /dev/null -w '%{http_code}' -d '{}' -H 'Authorization: Bearer x' \(Self.page)/api/rollback"
        )
        #expect(codes.output == "200 200 200 404 404 404 405 413 403")
        // The page is on its own address alone.
        #expect(try lab.client("curl -s -m 3 http://10.77.0.1:8081/").status != 0)
    }

    @Test func `events tell what happens as it happens`() throws {
        let lab = try Self.booted()
        let seen = try Self.beside(
            lab,
            "(curl -m 6 -sN \(Self.page)/api/events > events; true) & sleep 2; "
                + "curl -sf -d up 'http://10.77.0.1:8080/phone-home?boot=a1'; wait; cat events")
        let events = seen.output.split(separator: "\n").filter { $0.hasPrefix("event: ") }
        #expect(events.first == "event: state" && events.contains("event: nodes"), "\(seen.output)")
        #expect(seen.output.contains("booted in"))
    }

    @Test(arguments: [(390, 844), (1280, 800)])
    func `a real browser shows a boot as it goes, without a reload and without an error`(width: Int, height: Int) throws
    {
        let lab = try Self.booted()
        let home = "curl -sf -d up http://10.77.0.1:8080/phone-home?boot=a1"
        let steps = [
            "wait:document.querySelector('.node .badge')?.textContent === 'booting'", "do:window.kept = true",
            "run:\(home)",
            "wait:document.querySelector('.node .badge').textContent === 'booted'",
            "do:document.querySelector('.node').open = true", "wait:document.querySelector('.boot pre') !== null",
            "wait:window.kept",
        ]
        let words = ["\(Self.page)/", "\(width)", "\(height)", "page.png"] + steps
        let shown = try Self.beside(
            lab, "\(Self.browse) " + words.map { "\"\($0)\"" }.joined(separator: " "))
        #expect(shown.status == 0, "\(shown.output)")
        #expect(shown.output.contains("1 node: 0 booting, 1 booted, 0 stopped"), "\(shown.output)")
        #expect(shown.output.contains("kernel by HTTP: 1.4 MiB"), "\(shown.output)")
        let picture = try Data(contentsOf: lab.file("page.png"))
        #expect(picture.starts(with: [0x89, 0x50, 0x4e, 0x47]) && picture.count > 8000)
        if let folder = ProcessInfo.processInfo.environment["BOOTFERRY_SCREENSHOTS"] {
            try picture.write(to: URL(fileURLWithPath: "\(folder)/page-\(width).png"))
        }
    }

    @Test func `a token is compared whole`() {
        #expect(PageHandler.isSame("Bearer abc", "Bearer abc"))
        for other in ["", "Bearer ab", "Bearer abcd", "Bearer abd", "bearer abc"] {
            #expect(!PageHandler.isSame(other, "Bearer abc"))
        }
    }
}
