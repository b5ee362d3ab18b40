import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A locale other than C.UTF-8 is made at build time; the image's own programs then speak it.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct LocaleTests {
    @Test(.enabled(if: ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0, "needs root, for chroot"))
    func `the programs of an image speak the locale that it was given`() async throws {
        try await withTemporaryFolder { folder in
            let system = try TestSystem(in: folder, name: "german", "locale: de_DE.UTF-8\npackages: [locales]")
            let report = try await BootferryProgram.shared.build(system.file)
            let root = folder.appending("root")
            let unpacked = try await execute(
                [
                    "sh", "-ec",
                    """
                    mkdir "$0"; cd "$0"
                    for segment; do zstd -dcq "$segment" | cpio -idmu --quiet; done
                    """, root.string,
                ] + report.segments.map(\.segment))
            try #require(unpacked.succeeded, "\(unpacked.messages)")
            #expect(
                try String(contentsOfFile: root.appending("etc/locale.conf").string, encoding: .utf8)
                    == "LANG=de_DE.UTF-8\n")
            func inside(_ command: String...) async throws -> BootferryProgram.Outcome {
                try await execute(
                    ["chroot", root.string, "/usr/bin/env", "-i", "PATH=/usr/bin", "LC_ALL=de_DE.UTF-8"] + command)
            }
            let day = try await inside("date", "-u", "-d", "2026-11-22", "+%A, %d. %B")
            #expect(day.output == "Sonntag, 22. November\n", "\(day.messages)")
            #expect(try await inside("locale", "charmap").output == "UTF-8\n")
            #expect(try await inside("locale", "decimal_point").output == ",\n")
        }
    }
}
