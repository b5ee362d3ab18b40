import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Two builds of one lock, with as much as can be different around the second.
@Suite(.serialized)
struct ReproducibilityTests {
    @Test(.timeLimit(.minutes(15)))
    func `another folder, user, clock, umask, locale, time zone and libzstd make the same bytes`() async throws {
        try await withTemporaryFolder { folder in
            let here = folder.appending("here")
            // fping's script gives it a file capability, which a user namespace stores in another form.
            let added = """
                cp -R "$0/targets/systems" "$1/systems" && mkdir "$1/systems/capable" &&
                    printf 'version: 1\\nimports: [../minimal/system.yaml]\\npackages: [fping, libcap2-bin]\\n' \
                        >"$1/systems/capable/system.yaml"
                """
            try await execute(["sh", "-c", added, BootferryProgram.checkout.string, folder.string])
            let first = try await BootferryProgram.shared.build(
                folder.appending("systems/capable"), "--output", here.string)
            #expect(try await first.contents(of: "usr/lib/bootferry/capabilities")?.contains("usr/bin/fping") == true)
            let elsewhere = try await Elsewhere(in: folder, zstd: Self.libzstd(of: first))
            let second =
                geteuid() == 0
                ? try await ThrowAwayUser.with(owning: elsewhere.folder) { try await elsewhere.build(as: $0.prefix) }
                : try await elsewhere.build(as: [])
            #expect(second.image == first.image)
            for name in ["vmlinuz", "initramfs.img", "boot.ipxe"] {
                let same = try await execute([
                    "cmp", here.appending(name).string, elsewhere.output.appending(name).string,
                ])
                #expect(same.succeeded, "\(name): \(same.output)\(same.messages)")
            }
        }
    }

    /// The libzstd of the locked compressor, which is seldom the host's.
    private static func libzstd(of report: BuildReport) throws -> FilePath? {
        let store = BootferryProgram.shared.stateDirectory.appending("store")
        let compressors = try FileManager.default.contentsOfDirectory(atPath: store.string).filter {
            $0.hasSuffix("-compressor")
        }
        return compressors.map { store.appending("\($0)/usr/lib/x86_64-linux-gnu/libzstd.so.1") }.first {
            access($0.string, R_OK) == 0
        }
    }
}

/// The place and the environment of the second build.
private struct Elsewhere {
    let folder: FilePath

    var output: FilePath { folder.appending("out") }

    /// Copies program, libraries, configuration and data.
    init(in parent: FilePath, zstd: FilePath?) async throws {
        folder = parent.appending("elsewhere")
        try await ThrowAwayUser.copyProgram(to: folder)
        let copy = """
            set -e
            chmod 0755 "$2"
            cp -R "$2/systems" "$0/systems"
            rm -f "$0"/data/targets/systems/*/system.lock
            [ -z "$1" ] || cp -L "$1" "$0/libraries/libzstd.so.1"
            """
        let copied = try await execute(["sh", "-c", copy, folder.string, zstd?.string ?? "", parent.string])
        try #require(copied.succeeded, "\(copied.messages)")
    }

    func build(as prefix: [String]) async throws -> BuildReport {
        let hasFakeTime = try await execute(["sh", "-c", "command -v faketime"]).succeeded
        try #require(
            hasFakeTime || ProcessInfo.processInfo.environment["CI"] != "true", "faketime is missing")
        let clock = hasFakeTime ? "faketime '2031-02-03 04:05:06'" : ""
        let script = """
            umask 077
            cd "$0"
            # bootferry loads libarchive when it unpacks, and libarchive this library.
            library=$(/sbin/ldconfig -p | sed -n 's/.*libarchive\\.so\\.13 .* => //p' | head -n 1)
            ldd "$library" | grep -q "$0/libraries/libzstd" || [ ! -e libraries/libzstd.so.1 ] || exit 77
            exec \(clock) ./bootferry build systems/capable --data-dir data --state-dir state --output out --json
            """
        let outcome = try await execute(
            prefix + ["sh", "-c", script, folder.string],
            environment: [
                "HOME": folder.appending("home").string, "TZ": "Pacific/Auckland", "LC_ALL": "tr_TR.UTF-8",
                "LD_LIBRARY_PATH": folder.appending("libraries").string,
            ])
        try #require(outcome.succeeded, "\(outcome.status)\n\(outcome.messages)")
        return try JSONDecoder().decode(BuildReport.self, from: Data(outcome.output.utf8))
    }
}
