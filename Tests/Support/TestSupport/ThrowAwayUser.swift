import Foundation
import SystemPackage

/// An ordinary user with subordinate ids, made by root for one test and removed after it.
public struct ThrowAwayUser: Sendable {
    public let name: String

    /// What runs a command as this user.
    public var prefix: [String] { ["runuser", "-u", name, "--"] }

    /// Makes a user, gives it `folder` with all that is in it, and removes it when `body` is done.
    public static func with<Value>(
        owning folder: FilePath, _ body: (ThrowAwayUser) async throws -> Value
    ) async throws -> Value {
        let user = ThrowAwayUser(name: "bootferry-\(String(UInt32.random(in: 0 ... .max), radix: 36))")
        let made = try await execute([
            "sh", "-c",
            """
            useradd --system --no-create-home --home-dir /nonexistent "$0" &&
                usermod --add-subuids 1879048192-1879113727 --add-subgids 1879048192-1879113727 "$0" &&
                chown -R "$0" "$1" && chmod 0755 "$1"
            """, user.name, folder.string,
        ])
        guard made.succeeded else { throw UnexpectedOutcome(description: "useradd: \(made.messages)") }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(user))
        } catch {
            result = .failure(error)
        }
        try await execute(["sh", "-c", "chown -R 0 \"$1\"; userdel \"$0\"", user.name, folder.string])
        return try result.get()
    }

    /// Copies the program with its libraries and its data into `folder`: another user may not reach the checkout, or
    /// the toolchain's libraries. To be run with `LD_LIBRARY_PATH` at `folder/libraries`.
    public static func copyProgram(to folder: FilePath) async throws {
        let copy = """
            set -e
            mkdir -p "$0/libraries" "$0/home" "$0/data"
            cp "$1" "$0/bootferry"
            cp -R "$2/netboot" "$2/targets" "$0/data/"
            ldd "$1" | sed -n 's/.* => \\([^ ]*\\) .*/\\1/p' | grep -v -e ^/lib -e ^/usr/lib | xargs -r cp -t "$0/libraries"
            """
        let copied = try await execute([
            "sh", "-c", copy, folder.string, BootferryProgram.path.string, BootferryProgram.checkout.string,
        ])
        guard copied.succeeded else { throw UnexpectedOutcome(description: copied.messages) }
    }
}
