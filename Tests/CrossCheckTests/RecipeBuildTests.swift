import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Recipes built by the program as a person runs it; what they make is looked at by readelf and run by qemu-user.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct RecipeBuildTests {
    /// A data folder with this repository's recipes and those of a test.
    private struct Recipes {
        let folder: FilePath

        init(in parent: FilePath) async throws {
            folder = parent.appending("data")
            let copy = """
                set -e
                mkdir -p "$1/targets" && ln -s "$0/netboot" "$1/netboot"
                for name in kernels platforms systems; do ln -s "$0/targets/$name" "$1/targets/$name"; done
                cp -R "$0/targets/recipes" "$1/targets/recipes"
                """
            let done = try await execute(["sh", "-c", copy, BootferryProgram.checkout.string, folder.string])
            try #require(done.succeeded, "\(done.messages)")
        }

        func write(_ name: String, _ recipe: String, script: String) throws {
            let home = folder.appending("targets/recipes").appending(name)
            try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
            let head = "version: 1\nname: \(name)\nsummary: made by a test\nlicence: MIT\n"
            try Data((head + recipe + "\n").utf8).write(to: URL(filePath: home.appending("recipe.yaml").string))
            try Data(script.utf8).write(to: URL(filePath: home.appending("build.sh").string))
        }

        func build(_ name: String, _ options: String...) async throws -> BootferryProgram.Outcome {
            try await BootferryProgram.shared.run(
                ["recipe", "build", name, "--platform", "ppc64-elfv2", "--data-dir", folder.string] + options)
        }
    }

    private static let hello = """
        export PATH="$toolchain/bin:$PATH"
        mkdir -p "$out/bin"
        printf '#include <stdio.h>\\nint main(void) { union { int i; char c[4]; } u = {1}; return printf("%%s %%d\\\\n", GREETING, u.c[3]) < 0; }\\n' >hello.c
        "$TARGET-cc" -O1 -DGREETING="\\"hello\\"" -o "$out/bin/hello" hello.c
        """

    @Test func `what a recipe makes runs on the platform, and is built again only where its bytes could be others`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let recipes = try await Recipes(in: folder)
            // A store may have been told of this very recipe by an earlier run.
            let word = UInt32.random(in: 0 ... .max)
            let script = Self.hello.replacing("\"hello\\\"", with: "\"hello \(word)\\\"")
            try recipes.write("hello", "toolbox: [clang, lld, llvm]\ninputs: [toolchain]", script: script)
            let first = try await recipes.build("hello")
            try #require(first.succeeded, "\(first.messages)")
            let output = first.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(first.messages.contains("made hello"))
            let program = "\(output)/bin/hello"
            let run = try await execute(["qemu-ppc64", program])
            #expect(run.output == "hello \(word) 1\n", "\(run.messages)")
            let header = try await execute(["readelf", "--file-header", program]).output
            #expect(header.contains("2's complement, big endian") && header.contains("0x2, abiv2"), "\(header)")

            let second = try await recipes.build("hello")
            #expect(second.output == first.output && !second.messages.contains("to build"), "\(second.messages)")

            // Other text, the same bytes: the toolchain is made again, and what uses it is not.
            let toolchain = folder.appending("data/targets/recipes/toolchain/build.sh").string
            let changed = "# \(word)\n" + (try String(contentsOfFile: toolchain, encoding: .utf8))
            try changed.write(toFile: toolchain, atomically: false, encoding: .utf8)
            let third = try await recipes.build("hello")
            #expect(third.output == first.output)
            #expect(third.messages.contains("made toolchain") && !third.messages.contains("made hello"))
        }
    }

    @Test func `a mixture of ABIs fails, file by file`() async throws {
        try await withTemporaryFolder { folder in
            let recipes = try await Recipes(in: folder)
            try recipes.write(
                "mixture", "toolbox: [clang, lld, llvm]",
                script: """
                    mkdir -p "$out/lib"
                    cp /bin/sh "$out/host"
                    echo 'int f(int (*g)(void)) { return g() + 1; }' >f.c
                    clang --target=powerpc64-linux-musl -mabi=elfv1 -c -o one.o f.c
                    clang --target=powerpc64-linux-musl -mabi=elfv2 -c -o two.o f.c
                    clang --target=powerpc64le-linux-musl -c -o little.o f.c
                    clang --target=powerpc-linux-musl -c -o narrow.o f.c
                    llvm-ar rcD "$out/lib/libmixed.a" one.o two.o
                    cp two.o "$out/lib/right.o"
                    cp little.o narrow.o "$out/lib/"
                    """)
            let outcome = try await recipes.build("mixture")
            #expect(outcome.status == .exited(1))
            for line in [
                "mixture: made what cannot run on 'ppc64-elfv2': host: is for machine 62, expected 21",
                "host: is little-endian, expected big-endian",
                "lib/libmixed.a(one.o): has a section '.opd', which another ABI has",
                "lib/little.o: is little-endian, expected big-endian", "lib/narrow.o: is of 32 bits, expected 64",
            ] { #expect(outcome.messages.contains(line), "\(line)\n\(outcome.messages)") }
            #expect(!outcome.messages.contains("two.o") && !outcome.messages.contains("right.o"))
        }
    }

    @Test func `the sandbox is the same for everybody, and sees nothing of the host`() async throws {
        try await withTemporaryFolder { folder in
            let recipes = try await Recipes(in: folder)
            try recipes.write(
                "place", "inputs: []",
                script: """
                    mkdir "$out"
                    {
                        id -u; id -un; hostname 2>/dev/null || cat /proc/sys/kernel/hostname; umask; pwd; echo "$HOME $TZ $LC_ALL"
                        echo "$PLATFORM $TARGET $KERNEL_ARCH $ENDIAN $TARGET_CFLAGS $SOURCE_DATE_EPOCH"
                        sed -n '3,$s/:.*//p' /proc/net/dev | tr -d ' '
                        ls -A /home /root /work 2>/dev/null | head -1
                        for path in /usr/bin/x /etc/x "$recipe/x"; do touch "$path" 2>/dev/null && echo "wrote $path"; done
                        ls /nix/store | sed 's/^[^-]*-//' | sort
                        env | sed 's/=.*//' | sort | tr '\\n' ' '
                    } >"$out/report"
                    ln -s "$out/report" "$out/link"
                    """)
            let outcome = try await recipes.build("place")
            try #require(outcome.succeeded, "\(outcome.messages)")
            let output = outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let report = try String(contentsOfFile: "\(output)/report", encoding: .utf8)
            #expect(
                report == """
                    1000
                    builder
                    localhost
                    0022
                    /build
                    /build UTC C
                    ppc64-elfv2 powerpc64-linux-musl powerpc big -mabi=elfv2 -mlong-double-64 -mcpu=e5500 315532800
                    lo
                    place
                    place-recipe
                    ENDIAN HOME JOBS KERNEL_ARCH LC_ALL LOGNAME PATH PLATFORM PWD SOURCE_DATE_EPOCH TARGET TARGET_CFLAGS TERM TZ USER out recipe source \

                    """)
            // It named itself by a path that it has no more.
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: "\(output)/link")
            #expect(link.hasPrefix("/nix/store/") && link.hasSuffix(output.split(separator: "/").last! + "/report"))
        }
    }

    @Test func `a script that fails shows the end of its log, where the whole is, and keeps its place if asked`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let recipes = try await Recipes(in: folder)
            let word = "word-\(UInt32.random(in: 0 ... .max))"
            try recipes.write("broken", "", script: "seq 100\necho \(word) >left\necho 'no such \(word)' >&2\nexit 3\n")
            let outcome = try await recipes.build("broken", "--keep-failed")
            #expect(outcome.status == .exited(1))
            #expect(outcome.messages.contains("broken: its recipe's script failed"), "\(outcome.messages)")
            #expect(outcome.messages.contains("no such \(word)") && !outcome.messages.contains("\n80\n"))
            let log = try #require(outcome.messages.firstMatch(of: /the whole log: ([^)]+)/)).1
            #expect(try String(contentsOfFile: String(log), encoding: .utf8).contains("\n80\n"))
            let kept = try #require(outcome.messages.firstMatch(of: /look at '([^']+)'/)).1
            #expect(try String(contentsOfFile: "\(kept)/build/left", encoding: .utf8) == word + "\n")
            _ = try await execute(["rm", "-rf", String(kept)])

            try recipes.write("broken", "limits: {cpu-minutes: 1, memory: 64 MiB}", script: "tail /dev/zero")
            let bounded = try await recipes.build("broken")
            #expect(
                bounded.status == .exited(1) && bounded.messages.contains("memory exhausted"), "\(bounded.messages)")
        }
    }
}
