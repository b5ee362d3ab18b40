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
            let system = try await Self.lockedSystem(in: folder)
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

    /// `minimal-riscv64` as it is shipped; or, where a mirror's lists of this processor are not those that its Release signs,
    /// of Debian 14, by a clock of when its Release was signed.
    private static func lockedSystem(in folder: FilePath) async throws -> FilePath {
        let shipped = BootferryProgram.checkout.appending("targets/systems/minimal-riscv64/system.yaml")
        let lock = try await BootferryProgram.shared.run("lock", shipped.string)
        if lock.succeeded { return shipped }
        try #require(lock.messages.contains("could not be fetched"), "\(lock.messages)")
        let home = folder.appending("minimal-riscv64")
        try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
        let file = home.appending("system.yaml")
        let text = "version: 1\nimports: [\(shipped)]\nbase: {suite: !override forky}\n"
        try Data(text.utf8).write(to: URL(filePath: file.string))
        let signed = """
            root=$(apt-get update --print-uris | sed -n "s|^'\\(.*\\)dists/[^/]*-updates/InRelease'.*|\\1|p")
            date=$(curl -fsS "${root%%[[:space:]]*}dists/forky/Release" | sed -n 's/^Date: //p')
            date -u -d "$date + 1 day" '+%F %T'
            """
        let date = try await execute(["sh", "-euc", signed])
        try #require(date.succeeded, "\(date.messages)")
        let other = try await BootferryProgram.shared.run(
            "lock", file.string, prefix: ["faketime", date.output.trimmingCharacters(in: .newlines)])
        try #require(other.succeeded, "\(other.messages)")
        return file
    }
}
