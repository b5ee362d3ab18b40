import Foundation
import TestSupport
import Testing

/// Real firmware, real kernels, Bootferry's own server: each boot ends at a login prompt and a phone-home,
/// or the verb fails and so does the test.
@Suite(.serialized)
struct FirmwareBootTests {
    static let minimal = "targets/systems/minimal/system.yaml"

    @Test(arguments: ["bios", "uefi", "uefi-http"])
    func `minimal boots over the network to the login prompt and phones home`(firmware: String) async throws {
        let boot = try await BootferryProgram.shared.run("boot", Self.minimal, "--firmware", firmware)
        #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
        #expect(boot.output.contains("minimal login:"))
        #expect(boot.messages.contains(/minimal on 52:54:00:12:34:56: booted in [0-9]+/))
    }

    @Test func `lab-node boots over the network to the login prompt and phones home`() async throws {
        let boot = try await BootferryProgram.shared.run("boot", "targets/systems/lab-node/system.yaml")
        #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
        #expect(boot.output.contains("lab-node login:"))
        #expect(boot.messages.contains(/lab-node on 52:54:00:12:34:56: booted in [0-9]+/))
    }
}
