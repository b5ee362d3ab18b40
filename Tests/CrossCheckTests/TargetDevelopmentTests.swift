import Foundation
import SystemPackage
import TestSupport
import Testing

/// `bootferry shell` and `bootferry run`, with the real sandbox and qemu-user: what somebody does who writes programs for a board.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct TargetDevelopmentTests {
    private static let platform = ["--platform", "ppc64-elfv2"]
    private var program: BootferryProgram { .shared }

    private func shell(
        _ options: [String], _ command: [String], in folder: FilePath, prefix: [String] = []
    ) async throws -> BootferryProgram.Outcome {
        try await program.run(
            ["shell", "--quiet", "--state-dir", program.stateDirectory.string] + Self.platform + options + command,
            in: folder, prefix: prefix, withState: false)
    }

    private func run(_ line: String..., in folder: FilePath = BootferryProgram.checkout) async throws
        -> BootferryProgram.Outcome
    {
        try await program.run(["run"] + Self.platform + line, in: folder, withState: false)
    }

    private func output(of recipe: String) async throws -> String {
        let built = try await program.run(["recipe", "build", recipe] + Self.platform)
        try #require(built.succeeded, "\(built.messages)")
        return built.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// libc++ and its tools take two processors a minute and a half, where they are not in the store yet.
    @Test func `C++ with exceptions and threads runs on the platform, made by make, by CMake and by Meson`()
        async throws
    {
        let workbench = try await output(of: "workbench")
        for name in ["hello-by-make", "hello-by-cmake", "hello-by-meson"] {
            let hello = try await run("\(workbench)/bin/\(name)")
            #expect(hello.succeeded && hello.output == "hello big endian\n", "\(name): \(hello.messages)")
        }
        let report = try await run("\(try await output(of: "abi-report"))/bin/abi-report")
        #expect(
            report.output.split(separator: "\n").prefix(3) == [
                "abi-report file: elf64 big-endian, machine 21, flags 0x2",
                "abi-report memory: big-endian, pointers of 64 bits, long double of 53 digits, ELFv2",
                "abi-report c++: 8 exceptions of 8 threads caught in another",
            ], "\(report.output)\(report.messages)")
    }

    @Test func `a shell without a recipe works in the caller's folder, and what it made runs here`() async throws {
        try await withTemporaryFolder { folder in
            let source = """
                #include <cstdlib>
                #include <iostream>
                int main(int count, char **words) {
                    for (int i = 1; i < count; i++) std::cout << words[i] << '\\n';
                    std::cout << std::cin.rdbuf() << std::getenv("WORD") << '\\n';
                    return 7;
                }
                """
            try source.write(toFile: folder.appending("words.cc").string, atomically: false, encoding: .utf8)
            let commands = """
                pwd; id -u; ls; echo "$PLATFORM $CC ${CMAKE_TOOLCHAIN_FILE##*/}"; ls /home /work 2>&1 | grep -c 'No such'
                env | grep -c RECIPE_; cat /proc/net/dev | sed -n '3,$s/:.*//p' | tr -d ' '
                $CXX -O1 -o words words.cc && exit 5
                """
            let made = try await shell([], ["--", "sh", "-c", commands], in: folder)
            #expect(made.status == .exited(5), "\(made.messages)")
            #expect(
                made.output.split(separator: "\n") == [
                    "/here", "1000", "words.cc", "ppc64-elfv2 powerpc64-linux-musl-cc toolchain.cmake", "2", "0", "lo",
                ], "\(made.output)")
            let owner = try FileManager.default.attributesOfItem(atPath: folder.appending("words").string)[
                .ownerAccountID]
            #expect(owner as? UInt32 == geteuid())
            let ran = try await execute([
                "sh", "-c",
                "echo asked | WORD=told \"$0\" run --platform ppc64-elfv2 \(folder)/words --quiet -x 'two words'",
                BootferryProgram.path.string,
            ])
            #expect(
                ran.status == .exited(7) && ran.output == "--quiet\n-x\ntwo words\nasked\ntold\n", "\(ran.messages)")
        }
    }

    @Test func `a recipe's shell has its source, its inputs and its script`() async throws {
        try await withTemporaryFolder { folder in
            let commands = """
                pwd; ls; cd /build; sh -e $script >&2; ls "$out/bin"
                cp "$out/bin/lua" /here/
                """
            let made = try await shell(["lua"], ["--", "sh", "-ec", commands], in: folder)
            #expect(made.succeeded, "\(made.messages)")
            #expect(made.output == "/build/source\nsrc\nlua\nluac\n", "\(made.output)")
            let sum = try await run(
                "\(folder)/lua", "-e", "print(string.pack('>I4', 1) == string.pack('=I4', 1), 6 * 7)")
            #expect(sum.output == "true\t42\n", "\(sum.messages)")
            #expect(!FileManager.default.fileExists(atPath: folder.appending("source").string))
        }
    }

    @Test func `at a terminal the shell has one of its own, with job control`() async throws {
        try await withTemporaryFolder { folder in
            let line =
                ([BootferryProgram.path.string, "shell", "--quiet", "--state-dir", program.stateDirectory.string]
                + Self.platform).joined(separator: " ")
            let typed = """
                test -t 0 && echo at a $((1 + 0))st terminal; sleep 60 &
                jobs
                kill %1
                echo $((6 * 7)) >answer
                exit 3

                """
            let session = try await execute(
                [
                    "sh", "-c", "printf %s \"$1\" | TERM=vt100 script --quiet --return --command \"$0\" /dev/null",
                    line, typed,
                ],
                in: folder)
            #expect(session.status == .exited(3), "\(session.output)\(session.messages)")
            #expect(
                session.output.contains("[ppc64-elfv2 /here] ") && session.output.contains("at a 1st terminal"),
                "\(session.output)")
            #expect(
                session.output.contains("Running") && !session.output.contains("no job control"), "\(session.output)")
            #expect(try String(contentsOfFile: folder.appending("answer").string, encoding: .utf8) == "42\n")
        }
    }

    @Test func `what is no program of the platform, and what is no platform, is said so`() async throws {
        let host = try await run("/bin/sh")
        #expect(host.status == .exited(2))
        for part in [
            "/bin/sh: is no program of 'ppc64-elfv2'", "is for machine 62, expected 21",
            "is little-endian, expected big-endian",
        ] { #expect(host.messages.contains(part), "\(part)\n\(host.messages)") }
        let script = try await run("scripts/run-tests")
        #expect(script.status == .exited(2) && script.messages.contains("scripts/run-tests: is no ELF file"))
        let none = try await run("no/such/program")
        #expect(none.status == .exited(2) && none.messages.contains("no/such/program: cannot be read"))
        let other = try await program.run("shell", "--platform", "x86_64")
        #expect(other.status == .exited(2) && other.messages.contains("x86_64: has no 'target'"), "\(other.messages)")
        let unknown = try await program.run("run", "--platform", "ppc64-elf", "x", withState: false)
        #expect(unknown.status == .exited(2) && unknown.messages.contains("did you mean 'ppc64-elfv2'?"))
    }
}
