import Foundation
import SystemPackage
import TestSupport
import Testing

/// Debian for processors that few have on their desk: configured by emulation, and booted by the firmware that QEMU plays.
@Suite(.serialized, .timeLimit(.minutes(40)))
struct OtherProcessorTests {
    /// s390x's ROM gets a configuration of PXELINUX's by TFTP, and what that names; SLOF one program of 150 MiB; U-Boot on
    /// riscv64 a script, which loads one for UEFI. On a busy machine of two processors each build took two to three minutes where
    /// nothing of it was there yet, each boot one to two. riscv64 is of full runs, since a run is long enough without.
    private static let platforms =
        ["s390x", "ppc64le"] + (ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1" ? ["riscv64"] : [])

    @Test(arguments: platforms)
    func `minimal is configured, boots by the machine's own firmware to the login prompt and phones home`(
        platform: String
    ) async throws {
        let name = "minimal-\(platform)"
        try await withTemporaryFolder { folder in
            let system = try await lockedSystem(name, in: folder)
            let report = try await BootferryProgram.shared.build(system)
            let status = try #require(try await report.contents(of: "var/lib/dpkg/status"))
            let states = status.split(separator: "\n").filter { $0.hasPrefix("Status: ") }
            #expect(states.count > 70 && Set(states) == ["Status: install ok installed"])
            let boot = try await BootferryProgram.shared.run("boot", system.string, "--timeout", "1800")
            #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
            #expect(boot.output.contains("\(name) login:"))
            #expect(boot.messages.contains("\(name) on 52:54:00:12:34:56: booted in "))
        }
    }
}
