import Foundation
import SystemPackage
import TestSupport

/// A Linux that has BusyBox, the libraries of that where it is not static, and nothing else; without a network.
struct BareHost {
    /// What is the user's own; seen as `/home`.
    let home: FilePath
    /// Seen as `/medium`, where nothing can be written.
    let medium: FilePath

    static let applets = [
        "cat", "cmp", "cp", "ls", "mkdir", "mv", "readlink", "rm", "sh", "sha256sum", "sync", "tar", "uname",
    ]

    /// Runs a shell script to its end.
    func run(_ script: String) async throws -> BootferryProgram.Outcome {
        try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
        let busybox = try await execute(["sh", "-c", "command -v busybox"]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        // A static one has none, and ldd says so by failing.
        let libraries = try await execute(["sh", "-c", "ldd \"$0\" | grep -o '/[^ ]*'", busybox]).output
        var command = [
            "bwrap", "--unshare-net", "--unshare-pid", "--die-with-parent", "--clearenv", "--proc", "/proc", "--dev",
            "/dev",
            "--tmpfs", "/tmp", "--setenv", "PATH", "/bin", "--setenv", "HOME", "/home", "--chdir", "/home",
            "--bind", home.string, "/home", "--ro-bind", medium.string, "/medium", "--ro-bind", busybox, "/bin/busybox",
        ]
        for library in libraries.split(separator: "\n") { command += ["--ro-bind", String(library), String(library)] }
        for applet in Self.applets { command += ["--symlink", "busybox", "/bin/\(applet)"] }
        return try await execute(command + ["sh", "-ec", script])
    }
}
