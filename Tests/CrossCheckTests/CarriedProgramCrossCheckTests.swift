import Foundation
import SystemPackage
import TestSupport
import Testing

/// Bootferry itself from a medium, at a site that has nothing.
@Suite struct CarriedProgramCrossCheckTests {
    @Test
    func `a site that has only a shell checks, takes and passes on what came, with the program that came with it`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let generation = try home.publish("lab-node", objects: 3, bytes: 50_000)
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            let report = try await home.run("export", "lab-node", "--to", home.medium.string, "--json")
            let digest = try await execute(["sha256sum", home.medium.appending("bootferry").string])
            #expect(report.contains("\"starter\" : \"\(digest.output.prefix(64))\""), "\(report)")
            let site = BareHost(home: folder.appending("site"), medium: home.medium)
            let outcome = try await site.run(
                """
                bootferry() { sh /medium/bootferry "$@"; }
                bootferry key trust '\(key)'
                bootferry verify /medium
                bootferry import /medium
                bootferry verify
                bootferry generations
                bootferry schema >schema
                # What goes on from here is the same program, byte for byte, though it runs by another loader.
                bootferry key generate site-1
                bootferry export lab-node --to next
                cmp /medium/bootferry.tar next/bootferry.tar
                cmp /medium/bootferry next/bootferry
                cat .cache/bootferry/*/share/bootferry/netboot/ipxe/boot.ipxe
                """)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(outcome.output.contains(generation.image), "\(outcome.output)")
            #expect(outcome.output.contains("#!ipxe"))
        }
    }

    @Test func `it travels in one file too, and a byte of it that changed is found by verify, and by the starter`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            _ = try home.publish("lab-node", objects: 1, bytes: 1000)
            try await home.run("key", "generate", "home-1")
            let archive = folder.appending("lab.tar")
            try await home.run("export", "lab-node", "--to", archive.string)
            try await home.run("verify", archive.string)
            let unpacked = folder.appending("unpacked")
            let tar = try await execute(
                ["sh", "-c", "mkdir \"$1\" && tar -C \"$1\" -xf \"$0\"", archive.string, unpacked.string])
            #expect(tar.succeeded, "\(tar.messages)")
            let started = try await BareHost(home: folder.appending("site"), medium: unpacked).run(
                "sh /medium/bootferry --version")
            #expect(started.succeeded, "\(started.messages)")
            // One byte of the program, in the archive that the unpacked folder has too.
            let whole = try FileHandle(forUpdating: URL(filePath: unpacked.appending("bootferry.tar").string))
            try whole.seek(toOffset: 30_000_000)
            try whole.write(contentsOf: Data([0xA5, 0x5A]))
            try whole.close()
            let verified = try await home.program.run("verify", unpacked.string)
            #expect(verified.status == .exited(3))
            #expect(verified.output.contains("'bootferry.tar': is damaged"), "\(verified.output)")
            let refused = try await BareHost(home: folder.appending("other"), medium: unpacked).run(
                "sh /medium/bootferry --version")
            #expect(refused.status == .exited(3))
            #expect(refused.messages.contains("'/medium/bootferry.tar': is damaged"), "\(refused.messages)")
        }
    }
}
