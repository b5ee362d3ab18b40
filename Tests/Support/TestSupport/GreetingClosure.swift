import Foundation
import SystemPackage

/// A small closure that the real nix built: a static program, and a note that it refers to and says.
public struct GreetingClosure {
    /// `/nix/store/HASH-greet-1.0`, with `bin/greet`.
    public let path: String
    /// A folder that is a binary cache with all of it.
    public let cache: FilePath
    /// What `bin/greet` says.
    public static let note = "hello from a closure"

    /// Compiles the program, has nix build the closure in the store `nix`, and copies it to a cache.
    ///
    /// - Parameters:
    ///   - contentAddressed: whether its path follows from its content, so that nobody need sign it.
    ///   - keyFile: what signs the cache; nil for nobody.
    public init(by nix: RealNix, contentAddressed: Bool, keyFile: FilePath? = nil) async throws {
        let folder = nix.folder
        cache = folder.appending("greet-cache")
        let source = folder.appending("greet.c")
        try Data(Self.program.utf8).write(to: URL(filePath: source.string))
        func checked(_ outcome: BootferryProgram.Outcome) throws -> String {
            guard outcome.succeeded else { throw UnexpectedOutcome(description: outcome.messages) }
            return outcome.output
        }
        let compiler = ["cc", "-Os", "-static", "-o", folder.appending("greet").string, source.string]
        _ = try checked(await execute(compiler))
        let content =
            "__contentAddressed = true; outputHashMode = \"recursive\"; outputHashAlgo = \"sha256\";"
        let expression = """
            let note = builtins.toFile "note" "\(Self.note)\\n"; in derivation {
              name = "greet-1.0"; system = "x86_64-linux"; builder = ./greet; inherit note;
              \(contentAddressed ? content : "") }
            """
        let file = folder.appending("greet.nix")
        try Data(expression.utf8).write(to: URL(filePath: file.string))
        _ = try checked(await nix.run("build", "--store", nix.store("nix"), "--no-link", "--file", file.string))
        let known = try checked(
            await nix.run("path-info", "--store", nix.store("nix"), "--file", file.string))
        path = known.trimmingCharacters(in: .whitespacesAndNewlines)
        let signing = keyFile.map { "?secret-key=\($0)" } ?? ""
        _ = try checked(
            await nix.run("copy", "--from", nix.store("nix"), "--to", "file://\(cache)\(signing)", path))
    }

    /// Builds when it is given `out`, as nix does, and greets otherwise.
    private static let program = #"""
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/sendfile.h>
        #include <sys/stat.h>
        #include <unistd.h>

        int main(void) {
            char path[4096];
            const char *out = getenv("out");
            if (out) {
                snprintf(path, sizeof path, "%s/bin", out);
                if (mkdir(out, 0755) || mkdir(path, 0755)) return 1;
                snprintf(path, sizeof path, "%s/note", out);
                if (symlink(getenv("note"), path)) return 2;
                snprintf(path, sizeof path, "%s/bin/greet", out);
                int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_CREAT | O_WRONLY, 0755);
                while (sendfile(to, from, 0, 1 << 20) > 0) continue;
                return 0;
            }
            ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
            if (n < 0) return 3;
            path[n] = 0;
            strcpy(strstr(path, "/bin/greet"), "/note");
            int note = open(path, O_RDONLY);
            return note < 0 || (n = read(note, path, sizeof path)) < 0 || write(1, path, n) != n;
        }
        """#
}
