import BootPolicy
import Foundation
import OpenSSL
import SystemPackage
import Testing

@testable import NetbootServer

/// Many virtual nodes against a real server, each pair in a network of its own.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct StormTests {
    struct Report: Decodable {
        var nodes: Int
        var booted: Int
        var wrongContents: Int
        var failures: [String: Int]
        var retries: [String: Int]
        var injected: [String: Int]
    }

    static let range = ["--range", "10.77.0.100-10.77.0.199", "--authoritative"]

    static func storm(_ lab: Laboratory, _ options: [String]) throws -> (Process, () -> String) {
        // By one neighbour: were the cable's end to answer for each node by ARP, it would be another machine with its address.
        for network in ["10.77.0.64/26", "10.77.0.128/25"] {
            _ = try Laboratory.run(
                "ip", ["-n", lab.serverSide, "route", "replace", network, "via", "10.77.0.50"])
        }
        return try lab.start(
            in: lab.clientSide, Laboratory.product("bootferry"), ["storm", "--interface", "veth1"] + options)
    }

    static func report(_ said: String) throws -> Report {
        let start = try #require(said.firstIndex(of: "{"), "\(said)")
        let end = try #require(said.lastIndex(of: "}"))
        return try JSONDecoder().decode(Report.self, from: Data(said[start...end].utf8))
    }

    static func digest(_ data: Data) -> String {
        MessageDigest.hash(Array(data), with: .sha256).map { String(format: "%02x", $0) }.joined()
    }

    @Test(arguments: [[], ["--windowsize", "8", "--blksize", "1024"]])
    func `nodes boot all at once while packets are lost, doubled and late`(tftp: [String]) throws {
        let lab = try Laboratory()
        let said = try lab.serve(Self.range, attempt: nil)
        let (process, told) = try Self.storm(
            lab,
            [
                "--nodes", "60", "--loss", "3", "--duplicate", "3", "--reorder", "3", "--reset", "20", "--json",
                "--expect", "kernel=\(Self.digest(Laboratory.kernel))",
            ] + tftp)
        process.waitUntilExit()
        let report = try Self.report(told())
        #expect(report.booted == 60 && report.wrongContents == 0, "\(told())\n\(said().suffix(2000))")
        #expect(report.injected["lost", default: 0] > 0 && report.injected["broken off", default: 0] > 0)
        #expect(process.terminationStatus == 0)
        #expect(said().contains("booted in"))
    }

    @Test func `a wrong byte is found`() throws {
        let lab = try Laboratory()
        _ = try lab.serve(Self.range, attempt: nil)
        let wrong = Self.digest(Data("something else".utf8))
        let (process, told) = try Self.storm(
            lab, ["--nodes", "2", "--restarts", "0", "--json", "--expect", "kernel=\(wrong)"])
        process.waitUntilExit()
        let report = try Self.report(told())
        #expect(report.booted == 0 && report.wrongContents == 1 && process.terminationStatus == 1, "\(told())")
    }

    @Test func `a server killed in the midst of fifty boots and started again boots them all`() throws {
        let lab = try Laboratory()
        let (leases, log) = (lab.file("leases.json"), BootLogFiles(FilePath(lab.file("boots").path)))
        let options = Self.range + ["--leases", leases.path, "--boots", log.directory.string]
        let first = try lab.serve(options, attempt: nil)
        let (process, told) = try Self.storm(
            lab,
            [
                "--nodes", "50", "--rate", "25", "--loss", "2", "--restarts", "20", "--blksize", "512", "--json",
                "--expect", "kernel=\(Self.digest(Laboratory.kernel))",
            ])
        // Not before nodes have begun, however slow the machine; at a time of no one's choice after that.
        for _ in 0..<600 where process.isRunning && !first().contains("booted in") { usleep(50_000) }
        usleep(UInt32.random(in: 100_000...1_500_000))
        try lab.killServers()
        let before = try Self.lent(leases)
        let second = try lab.serve(options, attempt: nil)
        process.waitUntilExit()
        let report = try Self.report(told())
        #expect(report.booted == 50 && report.wrongContents == 0, "\(told())\n\(second().suffix(2000))")
        // The leases of both lives are in one file: every node has one, no address twice, and none was moved.
        let after = try Self.lent(leases)
        #expect(after.count >= 50 && Set(after.values).count == after.count)
        #expect(!before.isEmpty)
        for (client, address) in before { #expect(after[client] == address, "\(client)") }
        // Each node's last boot is told whole.
        var attempts = BootAttempts()
        let (records, damage) = try log.records()
        for record in records { _ = attempts.replay(record) { _, _ in nil } }
        #expect(damage.isEmpty)
        let last = Dictionary(grouping: attempts.all, by: \.node).compactMapValues(\.last)
        #expect(last.count == 50 && last.values.allSatisfy { $0.outcome == .booted }, "\(last.mapValues(\.outcome))")
    }

    /// Addresses by client, of a lease database.
    private static func lent(_ file: URL) throws -> [String: String] {
        let remembered = try #require(try LeaseDatabase(path: FilePath(file.path)).load())
        let lent = remembered.leases.filter { $0.state == .bound }
        return Dictionary(uniqueKeysWithValues: lent.map { ("\($0.client)", "\($0.address)") })
    }

    @Test func `a storm needs a named interface, and one that is there`() throws {
        let lab = try Laboratory()
        let (nameless, said) = try lab.start(in: lab.clientSide, Laboratory.product("bootferry"), ["storm"])
        nameless.waitUntilExit()
        #expect(nameless.terminationStatus != 0 && said().contains("--interface"))
        let (missing, told) = try lab.start(
            in: lab.clientSide, Laboratory.product("bootferry"), ["storm", "--interface", "eth9"])
        missing.waitUntilExit()
        #expect(missing.terminationStatus != 0 && told().contains("eth9"))
    }
}
