import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `boot` needs no root, where /dev/net/tun is open to users, as Debian has it.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct OrdinaryUserTests {
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0,
            "run as an ordinary user, every other boot test shows it"))
    func `an ordinary user boots a system`() async throws {
        try await withTemporaryFolder { parent in
            _ = try await BootferryProgram.shared.build()
            let folder = parent.appending("user")
            try await ThrowAwayUser.copyProgram(to: folder)
            // No hard links: these files get another owner.
            let copied = try await execute([
                "sh", "-ec",
                "mkdir \"$1\"; cd \"$0\"; for name in *; do [ $name = tmp ] || [ $name = apt ] || [ $name = failed ] || cp -a $name \"$1\"; done; mkdir \"$1/tmp\"",
                BootferryProgram.shared.stateDirectory.string, folder.appending("state").string,
            ])
            try #require(copied.succeeded, "\(copied.messages)")
            try await execute(["chmod", "0755", parent.string])
            try await ThrowAwayUser.with(owning: folder) { user in
                // Some hosts keep the device to root: this mount namespace has a node of its own in its place.
                let script = """
                    mknod "$0/tun" c 10 200; chmod 0666 "$0/tun"; mount --bind "$0/tun" /dev/net/tun; cd "$0"
                    exec runuser -u "$1" -- ./bootferry boot minimal --data-dir data --state-dir state
                    """
                let boot = try await execute(
                    ["unshare", "--mount", "sh", "-ec", script, folder.string, user.name],
                    environment: [
                        "HOME": folder.appending("home").string,
                        "LD_LIBRARY_PATH": folder.appending("libraries").string,
                    ])
                #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
                #expect(boot.output.contains("minimal login:"))
                #expect(boot.messages.contains(/minimal on 52:54:00:12:34:56: booted in [0-9]+/))
                // Nothing was made anew: it is the image that root built.
                #expect(!boot.messages.contains("to build"), "\(boot.messages)")
            }
        }
    }
}
