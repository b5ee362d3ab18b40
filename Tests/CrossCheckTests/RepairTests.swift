import Foundation
import SystemPackage
import TestSupport
import Testing

/// `verify --repair` after real damage to a real store.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct RepairTests {
    private struct Repair: Decodable {
        var faults: [String]
        var mended: [String]
        var unmended: [String]
    }

    private func repair(_ program: BootferryProgram, _ systems: String...) async throws -> Repair {
        let outcome = try await program.run(["verify", "--repair", "--json"] + systems)
        let report = try JSONDecoder().decode(Repair.self, from: Data(outcome.output.utf8))
        #expect(outcome.status == .exited(report.unmended.isEmpty ? 0 : 3), "\(outcome.messages)")
        return report
    }

    /// Replaces a file by one of other bytes: those of the copied store are links to the shared one's.
    private func alter(_ file: String, in folder: FilePath) async throws {
        let alter = """
            chmod u+w "$(dirname "$0")" && cp "$0" "$1" && chmod u+w "$1" &&
                printf X | dd of="$1" bs=1 seek=1 conv=notrunc status=none && mv -f "$1" "$0"
            """
        let altered = try await execute(["sh", "-c", alter, file, folder.appending("new").string])
        try #require(altered.succeeded, "\(altered.messages)")
    }

    @Test func `what a plan makes is made again, byte for byte, and modes are set again`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let before = try await program.build()
            func segment(_ name: String) throws -> String {
                try #require(before.segments.first { $0.name == name }).segment
            }
            try await alter(segment("bash"), in: folder)
            let gone = FilePath(try segment("settings")).removingLastComponent()
            try await execute(["rm", "-rf", gone.string])
            let moded = FilePath(try segment("dash")).removingLastComponent()
            try await execute(["chmod", "0700", moded.string])
            let report = try await repair(program)
            for name in ["bash-segment", "dash-segment", "settings"] {
                #expect(report.faults.contains { $0.contains("-\(name)'") }, "\(report.faults)")
            }
            #expect(report.mended.count == 3 && report.unmended == [], "\(report)")
            #expect(report.mended.contains { $0.contains("-bash-segment': made again") })
            #expect(report.mended.contains { $0.contains("-dash-segment': modes") })
            #expect(try await program.faults() == [])
            let after = try await program.build()
            #expect(after.image == before.image && after.generation == before.generation)
        }
    }

    @Test func `what no plan makes is unregistered and named, and the next build makes it again`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let system = try TestSystem(in: folder, name: "lost", "files: {/etc/motd: {text: lost}}")
            let before = try await program.build(system.file)
            let settings = try #require(before.segments.last).segment
            try await alter(settings, in: folder)
            // `lost` is no shipped system, and is not named.
            let report = try await repair(program)
            #expect(report.mended == [])
            #expect(
                report.unmended.contains { $0.contains("-settings': no system's plan makes it; unregistered") },
                "\(report)")
            #expect(report.unmended.contains { $0.hasPrefix("lost generation 1: ") }, "\(report)")
            let after = try await program.build(system.file)
            #expect(after.image == before.image)
            #expect(try await program.faults() == [])
            try await alter(settings, in: folder)
            let named = try await repair(program, system.file.string)
            #expect(named.mended.count == 1 && named.unmended == [], "\(named)")
        }
    }
}
