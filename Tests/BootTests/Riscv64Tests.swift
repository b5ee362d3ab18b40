import Foundation
import SystemPackage
import TestSupport
import Testing

/// Debian for 64-bit RISC-V: configured by emulation, and booted by U-Boot, which plays the UEFI that a server's machine has.
///
/// Not in every run: some minutes of emulation, beside those of arm64 that are.
@Suite(
    .serialized, .enabled(if: ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1"),
    .timeLimit(.minutes(40)))
struct Riscv64Tests {
    @Test func `minimal for riscv64 is configured, boots by U-Boot to the login prompt and phones home`() async throws {
        try await withTemporaryFolder { folder in
            let system = try await lockedSystem("minimal-riscv64", in: folder)
            let report = try await BootferryProgram.shared.build(system)
            let status = try #require(try await report.contents(of: "var/lib/dpkg/status"))
            let states = status.split(separator: "\n").filter { $0.hasPrefix("Status: ") }
            #expect(states.count > 70 && Set(states) == ["Status: install ok installed"])
            let boot = try await BootferryProgram.shared.run("boot", system.string, "--timeout", "1800")
            #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
            #expect(boot.output.contains("minimal-riscv64 login:"))
            #expect(boot.messages.contains(/minimal-riscv64 on 52:54:00:12:34:56: booted in [0-9]+/))
        }
    }
}
