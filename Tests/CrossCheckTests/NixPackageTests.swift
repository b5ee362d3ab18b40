import Foundation
import LocalStore
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// Closures that the real nix built, as packages of a system.
@Suite(.serialized, .timeLimit(.minutes(10))) struct NixPackageTests {
    /// A system with closures among its packages, built or refused.
    private func build(
        _ program: BootferryProgram, in folder: FilePath, _ closures: [String], _ options: String...
    ) async throws -> BootferryProgram.Outcome {
        let packages = closures.map { "nix: \($0)" }.joined(separator: ", ")
        let system = try TestSystem(in: folder, name: "with-closure", "packages: [\(packages)]")
        return try await program.run(["build", system.file.string, "--json"] + options)
    }

    /// What nix makes of a folder, imported; its path follows from its content.
    private func added(
        _ folder: FilePath, by nix: RealNix, to program: BootferryProgram
    ) async throws -> String {
        let added = try await nix.run("store", "add-path", "--store", nix.store("nix"), folder.string)
        let path = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let cache = nix.folder.appending("cache").string
        let copied = try await nix.run("copy", "--from", nix.store("nix"), "--to", "file://\(cache)", path)
        try #require(copied.succeeded, "\(added.messages)\(copied.messages)")
        let imported = try await program.run("import", cache, "--path", path)
        try #require(imported.succeeded, "\(imported.messages)")
        return path
    }

    @Test func `a signed closure is had from its cache, and is in the image with all that it needs`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let nix = RealNix(folder: folder)
            let key = folder.appending("key")
            let secret = try await nix.run("key", "generate-secret", "--key-name", "nix-1").output
            try Data(secret.utf8).write(to: URL(filePath: key.string))
            let closure = try await GreetingClosure(by: nix, contentAddressed: false, keyFile: key)

            let absent = try await build(program, in: folder, [closure.path])
            #expect(absent.status == .exited(2) && absent.messages.contains(closure.path), "\(absent.messages)")
            #expect(absent.messages.contains("system.yaml:3:17), and not in the store"), "\(absent.messages)")
            let untrusted = try await build(
                program, in: folder, [closure.path], "--substituter", closure.cache.string)
            #expect(untrusted.status == .exited(2), "\(untrusted.messages)")
            #expect(untrusted.messages.contains("nix-1"), "\(untrusted.messages)")

            let shown = try await execute(
                ["sh", "-c", "nix key convert-secret-to-public <\(key)"],
                environment: nix.environment)
            let trusted = try await program.run(
                "key", "trust", shown.output.trimmingCharacters(in: .whitespacesAndNewlines))
            try #require(trusted.succeeded, "\(trusted.messages)")
            let built = try await build(program, in: folder, [closure.path], "--substituter", closure.cache.string)
            try #require(built.succeeded, "\(built.messages)")
            let report = try JSONDecoder().decode(BuildReport.self, from: Data(built.output.utf8))
            let segment = try #require(report.segments.first { $0.name == "greet-1.0" })

            // Run where nothing is but what the segment brings.
            let root = folder.appending("root")
            let greeted = try await execute([
                "sh", "-ec",
                """
                mkdir "$0" && cd "$0" && zstd -dcq "$1" | cpio -id --quiet && mkdir proc
                bwrap --ro-bind "$0" / --proc /proc /usr/local/bin/greet
                """, root.string, segment.segment,
            ])
            #expect(greeted.output == "\(GreetingClosure.note)\n", "\(greeted.messages)")
            let links = try FileManager.default.contentsOfDirectory(atPath: root.appending("usr/local/bin").string)
            #expect(links == ["greet"])

            // What the image needs is carried with it, and stays while it does.
            let store = try LocalStore(opening: StateDirectory(program.stateDirectory), now: { 1 })
            let objects = try store.closure(of: [StorePath(parsing: report.image)]).order.map(\.description)
            #expect(objects.contains(closure.path) && objects.contains { $0.hasSuffix("-note") })
            func rebuilt() async throws -> BuildReport {
                let again = try await build(program, in: folder, [closure.path])
                return try JSONDecoder().decode(BuildReport.self, from: Data(again.output.utf8))
            }
            let unchanged = try await rebuilt()
            #expect(unchanged.image == report.image && unchanged.generation == report.generation)
            // Damaged, it is made once more of the same bytes: the image's path follows from them.
            try FileManager.default.removeItem(atPath: segment.segment)
            let repair = try await program.run("verify", "--repair")
            #expect(repair.output.contains("greet-1.0-segment"), "\(repair.output)\(repair.messages)")
            #expect(try await rebuilt().image == report.image)
            #expect(try await program.faults().isEmpty)
            let sources = try await program.run(
                "sources", "with-closure", "--offline", "--to", folder.appending("sources").string)
            #expect(sources.output.contains("missing: greet-1.0, for greet-1.0"), "\(sources.messages)")
            let bill = try await program.run("sbom", "with-closure", "--format", "cyclonedx-1.6")
            #expect(bill.output.contains("a Nix closure, taken as it was built elsewhere"), "\(bill.messages)")
        }
    }

    @Test func `programs of another machine, and two of one name, are refused by name`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let nix = RealNix(folder: folder)
            let made = try await execute([
                "sh", "-ec",
                """
                cd "$0" && mkdir -p foreign/bin script/bin other/sbin other/bin
                echo 'int main(void) { return 0; }' >main.c && cc -o foreign/bin/tool main.c
                printf '\\267' | dd of=foreign/bin/tool bs=1 seek=18 conv=notrunc status=none
                printf '#!/bin/sh\\necho one\\n' >script/bin/tool && cp script/bin/tool other/bin/tool
                chmod +x */bin/tool && touch other/sbin/more
                """, folder.string,
            ])
            try #require(made.succeeded, "\(made.messages)")
            let foreign = try await added(folder.appending("foreign"), by: nix, to: program)
            let refused = try await build(program, in: folder, [foreign])
            #expect(!refused.succeeded)
            #expect(refused.messages.contains("\(foreign)/bin/tool"), "\(refused.messages)")
            #expect(
                refused.messages.contains(
                    "is for machine 183 (64 bits, little-endian), expected machine 62 (64 bits, little-endian)"),
                "\(refused.messages)")
            let script = try await added(folder.appending("script"), by: nix, to: program)
            let other = try await added(folder.appending("other"), by: nix, to: program)
            let both = try await build(program, in: folder, [script, other])
            #expect(!both.succeeded)
            #expect(both.messages.contains("both have 'bin/tool'"), "\(both.messages)")
            #expect(both.messages.contains(script) && both.messages.contains(other), "\(both.messages)")
        }
    }
}
