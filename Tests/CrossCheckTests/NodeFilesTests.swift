import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BootPolicy

/// What a node gets of its own, seen by the real tools that read it.
@Suite struct NodeFilesTests {
    @Test func `ssh-keygen reads a node's host key, finds the public key in it, and both sign and verify`() async throws
    {
        try await withTemporaryFolder { folder in
            let secret = try #require(SiteSecret((0..<32).map { UInt8($0 * 7) }))
            // Names of every length of padding.
            for name in ["a", "bench-07", "bench-07.lab.example", "ab", "abc", "abcd", "abcde", "abcdef"] {
                let key = secret.hostKey(of: name)
                let file = folder.appending(name)
                try Data(key.privateFile(comment: name).utf8).write(to: URL(filePath: file.string))
                try await execute(["chmod", "600", file.string])
                let shown = try await execute(["ssh-keygen", "-y", "-f", file.string])
                #expect(shown.output == "\(key.publicText) \(name)\n", "\(shown.messages)")
                let listed = try await execute(["ssh-keygen", "-l", "-f", file.string])
                #expect(listed.output.contains("256 SHA256:") && listed.output.contains("(ED25519)"))
                let signed = try await execute([
                    "sh", "-c",
                    """
                    echo "n $(ssh-keygen -y -f "$0")" >"$0.allowed" && echo text >"$0.text" &&
                        ssh-keygen -q -Y sign -n file -f "$0" "$0.text" &&
                        ssh-keygen -Y verify -n file -I n -f "$0.allowed" -s "$0.text.sig" <"$0.text"
                    """, file.string,
                ])
                #expect(signed.succeeded, "\(signed.output)\(signed.messages)")
            }
            let known = folder.appending("known_hosts")
            let line = secret.hostKey(of: "a").knownHostsLine(names: ["first", "10.77.0.11"])
            try Data("\(line)\n".utf8).write(to: URL(filePath: known.string))
            for name in ["first", "10.77.0.11"] {
                #expect(try await execute(["ssh-keygen", "-F", name, "-f", known.string]).output.contains(line))
            }
        }
    }

    @Test func `zstd and cpio unpack a node's segment`() async throws {
        try await withTemporaryFolder { folder in
            let segment = NodeSegment(
                hostname: "n", machineID: "00", files: [Self.file("/x", Array(repeating: 7, count: 300_000))],
                token: "11")
            let file = folder.appending("segment")
            try Data(segment.segment).write(to: URL(filePath: file.string))
            let list = try await execute(["sh", "-c", "zstd -dcq \"$0\" | cpio -itv --quiet", file.string])
            #expect(list.output.contains(/drwx------ .* usr\/lib\/bootferry\/node\n/), "\(list.output)\(list.messages)")
            for name in ["files", "hostname", "machine-id", "token"] {
                #expect(list.output.contains("usr/lib/bootferry/node/\(name)\n"))
            }
            let sum = try await execute([
                "sh", "-c", "zstd -dcq \"$0\" | cpio -i --quiet --to-stdout '*/files' | wc -c", file.string,
            ])
            #expect(sum.output.contains("\(LaidFile.stream(segment.files).count)"))
        }
    }

    private static func file(
        _ path: String, _ content: [UInt8], _ kind: LaidFile.Kind = .file, mode: Int = 0o640, owner: String = "root"
    ) -> LaidFile {
        LaidFile(path: path, kind: kind, mode: mode, owner: owner, group: owner, content: content)
    }

    /// Runs the node's own script, with its spool in the test's folder.
    private func lay(_ stream: [UInt8], in folder: FilePath) async throws -> BootferryProgram.Outcome {
        let input = folder.appending("stream")
        try Data(stream).write(to: URL(filePath: input.string))
        return try await execute([
            "sh", "-c",
            "sed \"s|^spool=.*|spool=$0/spool|\" \"$1\" >\"$0/lay-files\" && sh \"$0/lay-files\" <\"$2\"",
            folder.string,
            BootferryProgram.checkout.appending("netboot/init/lay-files").string, input.string,
        ])
    }

    @Test(.enabled(if: getuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true", "needs root"))
    func `the node lays each file whole, with its owner and mode, whatever is in it`() async throws {
        try await withTemporaryFolder { folder in
            let bytes = (0..<70_001).map { UInt8(truncatingIfNeeded: $0 &* 13) } + Array("\n9\tfile\t0\t".utf8)
            let root = folder.appending("root")
            try await execute(["sh", "-c", "mkdir \"$0\" && echo kept >\"$0/there\" && chmod 751 \"$0\"", root.string])
            func at(_ name: String) -> String { root.appending(name).string }
            let laid = try await lay(
                LaidFile.stream([
                    Self.file(at("new folder/deep/data"), bytes, mode: 0o600),
                    Self.file(at("empty"), [], mode: 0o4755),
                    Self.file(at("mail"), [10], owner: "mail"),
                    Self.file(at("link"), Array("to where \\n ".utf8), .link),
                    Self.file(at("there"), [1], .spare), Self.file(at("not-there"), [2], .spare),
                ]), in: folder)
            #expect(laid.succeeded && laid.output.isEmpty, "\(laid.output)\(laid.messages)")
            #expect(try Data(contentsOf: URL(filePath: at("new folder/deep/data"))) == Data(bytes))
            let facts = try await execute([
                "sh", "-c", "cd \"$0\" && stat -c '%n %U:%G %a %s' . */deep */deep/data empty mail there not-there",
                root.string,
            ])
            let lines = facts.output.split(separator: "\n").map {
                $0.split(separator: " ").suffix(3).joined(separator: " ")
            }
            #expect(lines[0].hasPrefix("root:root 751 ") && lines[1].hasPrefix("root:root 755 "))
            #expect(lines[2] == "root:root 600 \(bytes.count)")
            #expect(lines[3] == "root:root 4755 0" && lines[4] == "mail:mail 640 1")
            #expect(lines[5] == "root:root 644 5" && lines[6] == "root:root 640 1")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: at("link")) == "to where \\n ")
            #expect(!FileManager.default.fileExists(atPath: folder.appending("spool").string))
        }
    }

    @Test(.enabled(if: getuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true", "needs root"))
    func `a file that cannot be laid is named, and the others are laid`() async throws {
        try await withTemporaryFolder { folder in
            func at(_ name: String) -> String { folder.appending(name).string }
            let stream = LaidFile.stream([
                Self.file(at("nobody"), [1], mode: 0o600, owner: "no-such-account"),
                Self.file(at("nobody/below"), [2]), Self.file(at("good"), [3]), Self.file(at("short"), [4, 5, 6]),
            ])
            let laid = try await lay(Array(stream.dropLast()), in: folder)
            #expect(laid.status == .exited(1))
            #expect(laid.output.contains("\(at("nobody")) stays root's: no account 'no-such-account'"))
            #expect(laid.output.contains("\(at("nobody/below")) has no folder"))
            #expect(laid.output.contains("\(at("short")) is cut short"))
            #expect(try Data(contentsOf: URL(filePath: at("good"))) == Data([3]))
            #expect(!FileManager.default.fileExists(atPath: at("short")))
            let facts = try await execute(["stat", "-c", "%u %a", at("nobody")])
            #expect(facts.output == "0 600\n")
        }
    }
}
