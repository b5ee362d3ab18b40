import Foundation
import SystemPackage
import TestSupport
import Testing

/// Provenance: made, signed, and checked by us and by another implementation.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ProvenanceTests {
    private struct Envelope: Codable {
        struct Signature: Codable {
            var keyid: String
            var sig: String
        }
        var payloadType: String
        var payload: String
        var signatures: [Signature]
    }

    @Test(.enabled(if: Validators.areThere, "the validators are missing: make test-deps"))
    func `a provenance is accepted by another implementation, and every spoiled one refused by both`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            func run(_ arguments: String...) async throws -> String {
                let outcome = try await program.run(arguments)
                guard outcome.succeeded else { throw VerbFailed(description: "\(arguments): \(outcome.messages)") }
                return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let plain = folder.appending("out")
            _ = try await program.build(BootferryProgram.minimal, "--output", plain.string)
            let key = try await run("key", "generate", "site-1")
            let file = folder.appending("minimal.dsse.json")
            _ = try await run("provenance", "minimal", "--output", file.string)
            let files = ["vmlinuz", "initramfs.img"].map { plain.appending($0).string }
            #expect(try await run("verify-provenance", file.string).contains("initramfs.img: as 'site-1' says"))
            _ = try await run("verify-provenance", file.string, files[0], files[1])

            let whole = try Data(contentsOf: URL(filePath: file.string))
            let envelope = try JSONDecoder().decode(Envelope.self, from: whole)
            let statement = String(decoding: try #require(Data(base64Encoded: envelope.payload)), as: UTF8.self)
            let lock = try String(
                contentsOfFile: BootferryProgram.minimal.removingLastComponent().appending("system.lock").string,
                encoding: .utf8)
            struct Lock: Decodable {
                struct Package: Decodable { var sha256: String }
                var sets: [String: [Package]]
            }
            let sets = try JSONDecoder().decode(Lock.self, from: Data(lock.utf8)).sets
            #expect(sets.values.joined().allSatisfy { statement.contains($0.sha256) })
            func write(_ name: String, _ change: (inout Envelope) -> Void) throws -> String {
                var changed = envelope
                change(&changed)
                let path = folder.appending(name).string
                try JSONEncoder().encode(changed).write(to: URL(filePath: path))
                return path
            }
            let other = statement.replacingOccurrences(of: "\"minimal\"", with: "\"maximal\"")
            let spoiled = [
                try write("payload") { $0.payload = Data(other.utf8).base64EncodedString() },
                try write("signature") {
                    let signature = $0.signatures[0].sig
                    $0.signatures[0].sig = (signature.hasPrefix("A") ? "B" : "A") + signature.dropFirst()
                },
            ]
            let encoded = String(key.split(separator: ":")[1])
            let (faults, messages) = try await Validators.faults(
                "dsse", ([file.string] + spoiled).map { "\($0) \(encoded)" })
            #expect(faults == [0, 1, 1], "\(messages)")
            let refused =
                spoiled + [
                    try write("type") { $0.payloadType = "text/plain" }, try write("bare") { $0.signatures = [] },
                ]
            for path in refused {
                let outcome = try await program.run("verify-provenance", path)
                #expect(outcome.status == .exited(3), "\(path): \(outcome.output)\(outcome.messages)")
            }
            // Right for its signature, wrong for what is there.
            let wrong = try await program.run("verify-provenance", file.string, files[0], file.string)
            #expect(wrong.status == .exited(3))
            #expect(wrong.messages.contains("is of nothing that the provenance vouches for"), "\(wrong.messages)")

            let site = BootferryProgram(stateDirectory: folder.appending("site"))
            let untrusted = try await site.run("verify-provenance", file.string, files[0])
            #expect(untrusted.status == .exited(3))
            #expect(untrusted.messages.contains("not trusted here"), "\(untrusted.messages)")
            #expect(try await site.run("key", "trust", key).succeeded)
            #expect(try await site.run("verify-provenance", file.string, files[0]).succeeded)
            let absent = try await site.run("verify-provenance", file.string)
            #expect(absent.status == .exited(2), "\(absent.messages)")
        }
    }
}
