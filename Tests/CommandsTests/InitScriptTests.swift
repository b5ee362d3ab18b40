import Foundation
import Testing

@Suite struct InitScriptTests {
    /// In a sandbox, for the script owns the root it runs in.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CI"] == "true"
                || FileManager.default.isExecutableFile(atPath: "/usr/bin/bwrap")))
    func `a root that is not whole ends process 1, after a minute, so that the kernel restarts the node`() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "netboot/init/init").path(percentEncoded: false)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/bwrap")
        process.arguments =
            ["--unshare-all", "--die-with-parent", "--new-session"]
            + ["usr", "bin", "lib", "lib64"].flatMap { ["--ro-bind-try", "/\($0)", "/\($0)"] }
            + ["--ro-bind", script, "/init", "/bin/sh", "-c", "sleep() { echo slept $1; }; . /init"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(text.contains("this node was not started: its root is not whole"), "\(text)")
        #expect(text.hasSuffix("slept 60\n"), "\(text)")
    }
}
