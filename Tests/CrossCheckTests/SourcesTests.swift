import Foundation
import Proofs
import SystemPackage
import TestSupport
import Testing

/// `bootferry sources`, looked at by sha256sum, tar and dpkg-source.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct SourcesTests {
    private func index(in folder: FilePath) throws -> SourceIndex {
        try JSONDecoder().decode(
            SourceIndex.self, from: Data(contentsOf: URL(filePath: folder.appending("index.json").string)))
    }

    private func shell(_ script: String, _ folder: FilePath) async throws -> String {
        let outcome = try await execute(["sh", "-ec", script], in: folder)
        guard outcome.succeeded else { throw VerbFailed(description: "\(script): \(outcome.messages)") }
        return outcome.output
    }

    @Test func `the sources of what recipes made are whole, and the same bytes each time`() async throws {
        _ = try await BootferryProgram.shared.build(BootferryProgram.checkout.appending("targets/systems/rescue"))
        try await withTemporaryFolder { folder in
            for target in ["a.tar", "b.tar", "plain"] {
                let made = try await BootferryProgram.shared.run(
                    "sources", "rescue", "--to", folder.appending(target).string)
                try #require(made.succeeded, "\(made.output)\(made.messages)")
            }
            _ = try await shell(
                "cmp a.tar b.tar && rm b.tar && mkdir a && tar -C a -xf a.tar && diff -r a plain", folder)
            let plain = folder.appending("plain")
            _ = try await shell("sha256sum --check --strict --quiet SHA256SUMS", plain)
            let listed = try await shell("sed 's/^[^ ]*  //' SHA256SUMS | sort", plain)
            #expect(try await shell("find . -type f ! -name SHA256SUMS | cut -c 3- | sort", plain) == listed)

            let index = try index(in: plain)
            #expect(index.system == "rescue" && index.missing.isEmpty)
            let components = Dictionary(uniqueKeysWithValues: index.components.map { ($0.name, $0) })
            let busybox = try #require(components["busybox"])
            #expect(busybox.licence == "GPL-2.0-only" && busybox.use == "runtime" && busybox.kind == "recipe")
            for ending in [".dsc", ".orig.tar.bz2", ".debian.tar.xz", "/build.sh", "/busybox.config"] {
                #expect(busybox.files.contains { $0.hasSuffix(ending) }, "\(ending): \(busybox.files)")
            }
            // Linked into both programs, so its source and patch are there too.
            #expect(components["musl"]?.files.contains("recipes/musl/any-powerpc64.patch") == true)
            #expect(components["linux"]?.files.contains("data/kernels/ppc64-elfv2.config") == true)
            let description = try #require(components["dropbear"]?.files.first { $0.hasSuffix(".dsc") })
            _ = try await shell(
                "dpkg-source --no-check -x plain/\(description) unpacked && test -e unpacked/LICENSE", folder)

            let again = try await BootferryProgram.shared.run("sources", "rescue", "--to", plain.string)
            #expect(again.status == .exited(2) && again.messages.contains("is there already"), "\(again.messages)")
        }
    }

    @Test func `what could not be had of Debian's packages is named, package by package`() async throws {
        let built = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            let target = folder.appending("minimal")
            let outcome = try await BootferryProgram.shared.run(
                "sources", "minimal", "--offline", "--to", target.string)
            #expect(outcome.status == .exited(1))
            let index = try index(in: target)
            #expect(index.files.isEmpty && index.image == built.image)
            let packages = built.segments.map(\.name).filter { !["init", "configuration", "settings"].contains($0) }
            #expect(Set(packages).isSubset(of: index.components.map(\.name)))
            let missing = Dictionary(uniqueKeysWithValues: index.missing.map { ($0.source, $0) })
            for component in index.components {
                #expect(!component.sources.isEmpty, "\(component)")
                for source in component.sources {
                    #expect(missing[source]?.neededBy.contains(component.name) == true, "\(source)")
                    #expect(outcome.output.contains("missing: \(source), for "), "\(source)")
                }
            }
            // The kernel was signed: its own source package is another than what it was built from.
            let kernel = try #require(index.components.first { $0.name.hasPrefix("linux-image-6") })
            #expect(kernel.sources.contains { $0.hasPrefix("linux ") }, "\(kernel.sources)")
            #expect(kernel.sources.contains { $0.hasPrefix("linux-signed-amd64 ") }, "\(kernel.sources)")
            #expect(index.components.contains { $0.name == "bash" && $0.licence?.contains("GPL-3.0-or-later") == true })
        }
    }

    /// Some hundred megabytes: what the mirror has.
    @Test(.enabled(if: RebuildTests.isFull))
    func `Debian's source packages come from the mirror, and dpkg-source takes them`() async throws {
        _ = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            let target = folder.appending("minimal")
            let outcome = try await BootferryProgram.shared.run("sources", "minimal", "--to", target.string)
            let index = try index(in: target)
            #expect(outcome.status == .exited(index.missing.isEmpty ? 0 : 1), "\(outcome.messages)")
            _ = try await shell("sha256sum --check --strict --quiet SHA256SUMS", target)
            let missing = Set(index.missing.map(\.source))
            let whole = index.components.filter { missing.isDisjoint(with: $0.sources) }
            #expect(!whole.isEmpty)
            for description in Set(whole.flatMap(\.files)).filter({ $0.hasSuffix(".dsc") }) {
                _ = try await shell(
                    "rm -rf ../unpacked && dpkg-source --no-check -x \(description) ../unpacked", target)
            }
        }
    }
}
