import BootProtocols
import SystemModel
import Testing

@testable import BootPolicy

/// Firmware that reads PXELINUX's configuration itself, and takes each name in it as it stands.
@Suite struct WholeNamesTests {
    private func policy(_ parameters: [String] = ["quiet"]) throws -> BootPolicy {
        var manifest = Sample.manifest(parameters: parameters)
        manifest.platform = "s390x"
        manifest.loaders = [:]
        return BootPolicy(
            serverAddress: Sample.server, httpPort: 8080,
            everyone: try ServedSystem(manifest: manifest, boots: Sample.boots("s390x"), stubHead: nil),
            templates: try Sample.templates())
    }

    @Test func `s390x's ROM is told a folder alone, and finds its configuration there by its card`() throws {
        let request = try #require(BootRequest(Sample.message(.request, architecture: 31)))
        #expect(request.client == .s390)
        let policy = try policy()
        let offer = policy.offer(to: request, attempt: "a1")
        #expect(offer.answer == .boot("boot/a1/") && offer.options.isEmpty && offer.vendorClass == nil)
        var attempts = BootAttempts()
        let system = try #require(policy.systems.values.first)
        _ = attempts.begin(request, system: system, now: .seconds(1)) { "a1" }
        let found = try #require(policy.bootFile(named: "boot/a1/pxelinux.cfg/01-52-54-00-12-34-56", for: attempts))
        guard case .literal(let bytes)? = found.file.extents.first else {
            throw BootPolicyError(subject: "", message: "")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("  KERNEL boot/a1/kernel\n  INITRD boot/a1/initrd\n  APPEND quiet bootferry.server="))
        #expect(policy.bootFile(named: "boot/a1/kernel", for: attempts) != nil)
    }

    @Test func `a configuration that its reader would cut off is not given out`() throws {
        let policy = try policy([String(repeating: "a", count: 2000)])
        #expect(policy.bootFile(named: "pxelinux.cfg", for: BootAttempts()) != nil)
        #expect(
            try policy.wholeNames(for: "a1", of: #require(policy.systems.values.first), nil) == nil)
    }
}
