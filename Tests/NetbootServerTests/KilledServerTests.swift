import BootPolicy
import Foundation
import SystemPackage
import Testing

@testable import NetbootServer

/// A server that is killed while nodes boot, and its successor.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct KilledServerTests {
    static let options = ["--range", "10.77.0.100-10.77.0.110", "--authoritative", "--boots"]
    /// udhcpc made to speak as a PXE ROM does.
    static let discover =
        "printf '#!/bin/sh\\nexit 0\\n' > s; chmod +x s; "
        + "busybox udhcpc -i veth1 -n -q -f -s ./s -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000"

    /// What the log tells, once it tells it: records are written beside the answers, not before them.
    static func timeline(_ log: BootLogFiles, until text: String) throws -> [String] {
        var timeline: [String] = []
        for _ in 0..<100 {
            var attempts = BootAttempts()
            for record in try log.records().records { _ = attempts.replay(record) { _, _ in nil } }
            timeline = attempts.all.flatMap { [$0.identifier] + $0.timeline }
            if timeline.contains(where: { $0.contains(text) }) { break }
            usleep(50_000)
        }
        return timeline
    }

    @Test func `a boot goes on with the next server, in one record`() throws {
        let lab = try Laboratory()
        let log = BootLogFiles(FilePath(lab.file("boots").path))
        _ = try lab.serve(Self.options + [log.directory.string])
        _ = try lab.client(Self.discover)
        let base = "http://10.77.0.1:8080"
        #expect(try lab.client("curl -sf -o got \(base)/boot/a1/kernel").status == 0)
        _ = try Self.timeline(log, until: "kernel by HTTP")
        lab.killAll()
        let said = try lab.serve(Self.options + [log.directory.string])
        #expect(said().contains("1 boots were under way when the last server ended, and go on"), "\(said())")
        #expect(try lab.client("curl -sf -o got \(base)/boot/a1/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("got")) == Laboratory.initramfs)
        #expect(try lab.client("curl -sf -d up '\(base)/phone-home?boot=a1'").status == 0)
        let timeline = try Self.timeline(log, until: "booted in")
        #expect(timeline.first == "a1" && timeline.count { !$0.contains(" s  ") } == 1, "\(timeline)")
        for part in ["PXE (x86 BIOS) asks", "offered 10.77.0.1", "kernel by HTTP: 1.4 MiB", "initrd by HTTP: 69.3 KiB"]
        {
            #expect(timeline.contains { $0.contains(part) }, "\(part): \(timeline)")
        }
        // What is over is over for a third server, too.
        lab.killAll()
        #expect(try !lab.serve(Self.options + [log.directory.string])().contains("were under way"))
    }
}
