import BootProtocols
import SystemModel
import Testing

@testable import BootPolicy

@Suite struct BootMetricsTests {
    /// Two boots of one system, one good after 41 s, one stopped; and one transfer of each kind.
    static func metrics() throws -> BootMetrics {
        var metrics = BootMetrics()
        var attempts = BootAttempts(keepsRecords: true)
        func taken() {
            for record in attempts.takeRecords() {
                switch record {
                case .began(let boot, _, _, _, _), .happened(let boot, _, _):
                    metrics.take(record, of: attempts.attempt(boot))
                default: break
                }
            }
        }
        for (number, phonesHome) in [true, false].enumerated() {
            let name = "b\(number)"
            let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
            let start = 1000 * (number + 1)
            _ = attempts.begin(request, system: try Sample.system(generation: 2), now: .seconds(start)) { name }
            func happen(_ event: BootAttempt.Event, _ seconds: Int) {
                _ = attempts.record(event, of: name, now: .seconds(start + seconds))
                taken()
            }
            happen(.refused(file: "x", transport: .http), 1)
            happen(.transferFinished(file: "kernel", transport: .http, bytes: 1000, seconds: 1), 2)
            happen(.transferStopped(file: "initrd", transport: .tftp, bytes: 5, size: 9, reason: "r"), 3)
            happen(phonesHome ? .phonedHome(message: "") : .stopped(reason: "r"), 41)
        }
        return metrics
    }

    static let gauges = BootMetrics.Gauges(
        underWay: 1, nodes: 2, recordsLost: 0, generations: ["lab-node": 2], started: 1000.5)

    @Test func `what happened is counted once, by system, outcome and transport`() throws {
        let lines = Set(try Self.metrics().text(Self.gauges).split(separator: "\n").map(String.init))
        for line in [
            "bootferry_boots_begun_total{system=\"lab-node\"} 2",
            "bootferry_boots_ended_total{system=\"lab-node\",outcome=\"booted\"} 1",
            "bootferry_boots_ended_total{system=\"lab-node\",outcome=\"stopped\"} 1",
            "bootferry_transfers_total{transport=\"HTTP\",result=\"complete\"} 2",
            "bootferry_transfer_bytes_total{transport=\"HTTP\"} 2000",
            "bootferry_transfer_bytes_total{transport=\"TFTP\"} 10",
            "bootferry_refused_files_total{transport=\"HTTP\"} 2",
            "bootferry_boot_seconds_bucket{system=\"lab-node\",le=\"30\"} 0",
            "bootferry_boot_seconds_bucket{system=\"lab-node\",le=\"45\"} 1",
            "bootferry_boot_seconds_bucket{system=\"lab-node\",le=\"+Inf\"} 1",
            "bootferry_boot_seconds_sum{system=\"lab-node\"} 41",
            "bootferry_generation{system=\"lab-node\"} 2", "process_start_time_seconds 1000.5",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test func `every family has its help and type before its values, once`() throws {
        let text = try Self.metrics().text(Self.gauges)
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count && types.count == 13)
        #expect(text.hasSuffix("\n"))
    }

    @Test func `a report tells each machine's newest boots, and the file on its way`() throws {
        var attempts = BootAttempts()
        let request = BootRequest(mac: Sample.node, client: .pxe, architecture: .bios)
        for number in 1...9 {
            _ = attempts.begin(request, system: try Sample.system(generation: 2), now: .seconds(1000 * number)) {
                "b\(number)"
            }
            _ = attempts.record(
                .transferStarted(file: "initrd", transport: .http, size: 900), of: "b\(number)",
                now: .seconds(1000 * number + 1))
            _ = attempts.record(
                .transferProgress(file: "initrd", transport: .http, bytes: 300), of: "b\(number)",
                now: .seconds(1000 * number + 2))
        }
        let report = try #require(attempts.report { _ in "bench-1" }.first)
        #expect(report.name == "bench-1")
        #expect(report.boots.map(\.identifier) == ["b9", "b8", "b7", "b6", "b5", "b4"])
        #expect(report.boots[0].progress == .init(file: "initrd", transport: .http, bytes: 300, size: 900))
        #expect(report.boots[1].outcome == .stopped && report.boots[1].progress == nil)
        #expect(attempts.report(of: []) { _ in nil }.isEmpty)
        #expect(attempts.report(of: [Sample.node]) { _ in "bench-1" } == [report])
    }
}
