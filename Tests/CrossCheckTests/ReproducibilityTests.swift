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
            let second: BuildReport
            do {
                second = try await elsewhere.build()
                try await elsewhere.leave()
            } catch {
                try await elsewhere.leave()
                throw error
            }
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

/// The place, the user and the environment of the second build.
private struct Elsewhere {
    let folder: FilePath
    let user: String?
    let prefix: [String]

    var output: FilePath { folder.appending("out") }

    /// Copies program, libraries, configuration and data, and makes a user for them where this process may.
    init(in parent: FilePath, zstd: FilePath?) async throws {
        folder = parent.appending("elsewhere-\(String(UInt32.random(in: 0 ... .max), radix: 36))")
        let copy = """
            set -e
            mkdir -p "$0/libraries" "$0/home" "$0/data" "$0/systems"
            cp "$1" "$0/bootferry"
            cp -R "$2/netboot" "$2/targets" "$0/data/"
            cp -R "$4/systems/." "$0/systems/"
            rm -f "$0"/data/targets/systems/*/system.lock
            # The toolchain may lie where another user cannot look.
            ldd "$1" | sed -n 's/.* => \\([^ ]*\\) .*/\\1/p' | grep -v -e ^/lib -e ^/usr/lib | xargs -r cp -t "$0/libraries"
            [ -z "$3" ] || cp -L "$3" "$0/libraries/libzstd.so.1"
            """
        let copied = try await execute([
            "sh", "-c", copy, folder.string, BootferryProgram.path.string, BootferryProgram.checkout.string,
            zstd?.string ?? "", parent.string,
        ])
        try #require(copied.succeeded, "\(copied.messages)")
        guard geteuid() == 0 else {
            (user, prefix) = (nil, [])
            return
        }
        let name = "bootferry-test"
        let made = try await execute([
            "sh", "-c",
            """
            userdel "$0" 2>/dev/null
            useradd --system --no-create-home --home-dir /nonexistent "$0" &&
                usermod --add-subuids 1879048192-1879113727 --add-subgids 1879048192-1879113727 "$0" &&
                chown -R "$0" "$1" && chmod 0755 "$2" "$1"
            """, name, folder.string, parent.string,
        ])
        try #require(made.succeeded, "\(made.messages)")
        (user, prefix) = (name, ["runuser", "-u", name, "--"])
    }

    func build() async throws -> BuildReport {
        let hasFakeTime = try await execute(["sh", "-c", "command -v faketime"]).succeeded
        try #require(
            hasFakeTime || ProcessInfo.processInfo.environment["CI"] != "true", "faketime is missing")
        let clock = hasFakeTime ? "faketime '2031-02-03 04:05:06'" : ""
        let script = """
            umask 077
            cd "$0"
            ldd ./bootferry | grep -q "$0/libraries/libzstd" || [ ! -e libraries/libzstd.so.1 ] || exit 77
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

    /// Gives the files back and removes the user.
    func leave() async throws {
        guard let user else { return }
        try await execute(["sh", "-c", "chown -R 0 \"$1\"; userdel \"$0\"", user, folder.string])
    }
}
