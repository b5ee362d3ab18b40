import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// A root of which something is missing never gets as far as its system, and the console says why.
///
/// The kernel and the initramfs go straight into QEMU, as a careless or unlucky boot loader would hand them over.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct TruncatedRootTests {
    enum Damage: String, CaseIterable {
        case middleOfMiddleSegment, endOfMiddleSegment, middleOfLastSegment, lastSegmentMissing, tooLittleMemory
    }

    @Test(arguments: Damage.allCases)
    func `a root that is not whole is not started`(_ damage: Damage) async throws {
        try await withTemporaryFolder { folder in
            let report = try await BootferryProgram.shared.build(BootferryProgram.minimal, "--output", folder.string)
            let initramfs = folder.appending("initramfs.img")
            let length = Self.length(damage, of: report)
            #expect(truncate(initramfs.string, length) == 0)
            let console = try await boot(folder, megabytes: damage == .tooLittleMemory ? 224 : 1024)
            #expect(console.contains("Linux version"), "the kernel did not start")
            for sign in Self.signsOfStart {
                #expect(!console.contains(sign), "\(damage): it got as far as '\(sign)'\n\(console.suffix(3000))")
            }
            let isSaid = Self.reasons.contains { console.contains($0) }
            #expect(isSaid, "\(damage): no reason on the console\n\(console.suffix(3000))")
        }
    }

    /// init's own words, and the kernel's where so much is missing that not even init can run.
    private static let reasons = ["bootferry: this node was not started: its root is not whole", "Kernel panic"]

    private static let signsOfStart = ["login:", "Welcome to", "systemd["]

    private static func length(_ damage: Damage, of report: BuildReport) -> Int {
        func padded(_ segment: BuildReport.Segment) -> Int { (segment.compressedBytes + 3) & ~3 }
        let middle = report.segments.count / 2
        let before = report.segments[..<middle].reduce(0) { $0 + padded($1) }
        let last = report.segments.last.map(padded) ?? 0
        return switch damage {
        case .middleOfMiddleSegment: before + padded(report.segments[middle]) / 2
        case .endOfMiddleSegment: before
        case .middleOfLastSegment: report.initramfsBytes - last / 2
        case .lastSegmentMissing: report.initramfsBytes - last
        case .tooLittleMemory: report.initramfsBytes
        }
    }

    /// Runs the machine until it has said why it goes no further, or has gone too far, or time is up.
    private func boot(_ folder: FilePath, megabytes: Int) async throws -> String {
        let machine = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max,-cx16", "-m", "\(megabytes)", "-nodefaults",
            "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", folder.appending("vmlinuz").string,
            "-initrd", folder.appending("initramfs.img").string, "-append", "console=ttyS0 init=/init panic=-1",
        ]
        let ends = Self.reasons + Self.signsOfStart
        let result = try await Subprocess.run(
            .name("timeout"), arguments: Arguments(["120"] + machine), input: .none, output: .sequence,
            error: .discarded
        ) { execution in
            var console = ""
            for try await buffer in execution.standardOutput {
                console += buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                if ends.contains(where: { console.contains($0) }) { break }
            }
            try? execution.send(signal: .terminate)
            return console
        }
        return result.closureResult
    }
}
