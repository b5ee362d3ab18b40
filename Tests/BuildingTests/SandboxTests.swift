import SystemPackage
import Testing

@testable import Building

@Suite struct SandboxTests {
    @Test func `a host without bubblewrap is told to ask the doctor`() async throws {
        var sandbox = Sandbox(toolbox: Toolbox(root: "/"), binds: [])
        sandbox.program = "bootferry-no-such-bwrap"
        let error = await #expect(throws: BuildError.self) {
            try await sandbox.run(["/usr/bin/true"], log: .standardError)
        }
        #expect(error?.kind == .host)
        #expect(error?.subject == "bootferry-no-such-bwrap")
        #expect(error?.remedy == "bootferry doctor")
    }
}
