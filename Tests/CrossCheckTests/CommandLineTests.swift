import Foundation
import SystemPackage
import TestSupport
import Testing

/// The program as a person meets it: what it says, and the status it ends with.
@Suite struct CommandLineTests {
    private let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-cli-\(UUID().uuidString)")
    private var program: BootferryProgram { BootferryProgram(stateDirectory: folder.appending("state")) }

    private func write(_ text: String, _ name: String) throws {
        let path = folder.appending(name)
        try FileManager.default.createDirectory(
            atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
        try text.write(toFile: path.string, atomically: false, encoding: .utf8)
    }

    private func cleanUp() { try? FileManager.default.removeItem(atPath: folder.string) }

    @Test(arguments: [
        "lock", "fetch", "build", "plan", "show", "why", "schema", "recipe", "boot", "serve", "node", "boots",
        "publish",
        "rollback",
        "generations", "gc", "verify", "doctor",
        "export", "import", "checkout", "sbom", "licenses", "sources", "diff", "provenance", "verify-provenance",
    ])
    func `every verb explains itself`(verb: String) async throws {
        let help = try await program.run("help", verb, withState: false)
        #expect(help.succeeded)
        #expect(help.output.contains("USAGE: bootferry \(verb)"))
    }

    @Test func `what is wrong with a command line is said, with status 2`() async throws {
        defer { cleanUp() }
        for arguments in [["frob"], ["build"], ["serve", "minimal"], ["boot", "minimal", "--firmware", "coreboot"]] {
            let outcome = try await program.run(arguments, withState: false)
            #expect(outcome.status == .exited(2), "\(arguments): \(outcome.messages)")
            #expect(outcome.output.isEmpty)
            #expect(outcome.messages.contains("Usage: bootferry"))
        }
    }

    @Test func `a system of recipes is read, and one recipe of it is not locked without the others`() async throws {
        defer { cleanUp() }
        try write("version: 1\nplatform: ppc64-elfv2\nrecipes: [busybox]\n", "board/system.yaml")
        let path = folder.appending("board").string
        #expect(try await program.run("show", "system", path).succeeded)
        let outcome = try await program.run("lock", path, "--update", "busybox")
        #expect(outcome.status == .exited(2))
        #expect(outcome.messages.contains("bootferry recipe lock --update"), "\(outcome.messages)")
    }

    @Test func `every problem of a configuration is reported at once, by place`() async throws {
        defer { cleanUp() }
        try write(
            """
            version: 1
            pakages: [less]
            imports: [missing.yaml]
            hostname: "not a name"
            memory: lots

            """, "lab/system.yaml")
        let outcome = try await program.run("show", "config", "lab", in: folder)
        #expect(outcome.status == .exited(2))
        let lines = outcome.messages.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(
            lines.map { $0.prefix { $0 != " " } } == [
                "lab/system.yaml:2:1:", "lab/system.yaml:3:11:", "lab/system.yaml:4:11:", "lab/system.yaml:5:9:",
            ])
        #expect(outcome.messages.contains("did you mean `packages`?"))
    }

    @Test func `a system that is not there is refused with the nearest name`() async throws {
        let outcome = try await program.run("build", "minmal")
        #expect(outcome.status == .exited(2))
        #expect(outcome.messages.contains("did you mean 'minimal'?"))
    }

    @Test func `nothing is served on an interface that does not exist`() async throws {
        defer { cleanUp() }
        let outcome = try await program.run("serve", "minimal", "--interface", "nosuch0")
        #expect(outcome.status == .exited(5))
        #expect(outcome.messages.contains("nosuch0"))
        // Refused before anything was locked, fetched or built.
        #expect(!FileManager.default.fileExists(atPath: folder.appending("state/store").string))
    }

    @Test func `what is written survives being shown and read again`() async throws {
        defer { cleanUp() }
        let shown = try await program.run("show", "system", "minimal", withState: false)
        #expect(shown.succeeded, "\(shown.messages)")
        try write(shown.output, "again/system.yaml")
        let again = try await program.run("show", "system", folder.appending("again").string, withState: false)
        #expect(again.output == shown.output)
    }

    @Test func `an empty store has no generations, no faults and nothing to collect`() async throws {
        defer { cleanUp() }
        let generations = try await program.run("generations", "--json")
        #expect(try JSONSerialization.jsonObject(with: Data(generations.output.utf8)) as? [String] == [])
        #expect(try await program.run("verify").succeeded)
        #expect(try await program.run("gc").output.hasPrefix("deleted 0 objects"))
    }
}
