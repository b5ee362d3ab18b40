import Foundation
import LocalStore
import Proofs
import StoreModel
import SystemModel
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// The bill of a system of recipes, whose build graph has sources, patches and a toolbox.
@Suite struct RecipeBillTests {
    /// A store with a recipe's output, the segment that carries it, and the image of both.
    private struct Sample {
        let image: BuiltImage
        let record: BuildRecord

        init(in folder: FilePath) throws {
            let store = try LocalStore(opening: StateDirectory(folder), now: { 1_700_000_000 })
            func add(_ name: String, _ files: [String: String]) throws -> StorePath {
                let tree = folder.appending("tree-\(name)")
                try FileManager.default.createDirectory(atPath: tree.string, withIntermediateDirectories: true)
                for (file, text) in files {
                    try Data(text.utf8).write(to: URL(filePath: tree.appending(file).string))
                }
                return try store.addSource(tree, name: name)
            }
            let output = try add("busybox-1.37", ["busybox": "program"])
            let kernel = try add("linux-6.12", ["zImage": "kernel"])
            let toolbox = try add("toolbox", [:])
            let segment = try add(
                "busybox-segment",
                ["contents": "nix/\nnix/store/\nnix/store/\(output.baseName)/\n", "segment.cpio.zst": "x"])
            let manifest = ImageManifest(
                system: "rescue", platform: "ppc64-elfv2", kernel: .init(path: "\(kernel)/zImage", size: 6),
                kernelRelease: "6.12", kernelParameters: [],
                segments: [
                    .init(
                        part: .init(path: "\(segment)/segment.cpio.zst", size: 1),
                        summary: .init(name: "busybox", size: 1, unpackedBytes: 4096, inodes: 3))
                ], loaders: [:], peakMemory: 0)
            let path = try add("rescue-image", ["manifest.json": try canonicalJSON(manifest)])
            let generation = try store.publish(path, as: "rescue", madeFrom: nil)
            image = try BuiltImage(path: path, generation: generation, store: store)
            func package(_ name: String, _ architecture: String, _ digit: Character) -> LockedPackage {
                LockedPackage(
                    name: name, version: "1:1.37.0-6", architecture: architecture,
                    poolPath: "pool/main/\(name.prefix(1))/\(name)/\(name)_1.37.0", archive: "debian", size: 1,
                    sha256: String(repeating: digit, count: 64))
            }
            let patch = BuildRecord.Patch(name: "any-powerpc64.patch", sha256: String(repeating: "c", count: 64))
            record = BuildRecord(
                system: "rescue",
                steps: [
                    .init(derivation: "a", builder: "builtin:fetch", package: package("clang", "amd64", "a")),
                    .init(derivation: "b", builder: "builtin:unpack", inputs: [0], output: toolbox.baseName),
                    .init(derivation: "c", builder: "builtin:fetch", package: package("busybox", "source", "b")),
                    .init(
                        derivation: "d", builder: "builtin:recipe", inputs: [1], output: nil,
                        recipe: .init(name: "musl", version: "1.2.5", licence: "MIT", source: nil, patches: [patch])),
                    .init(
                        derivation: "e", builder: "builtin:recipe", inputs: [1, 2, 3], output: output.baseName,
                        recipe: .init(
                            name: "busybox", version: "1:1.37.0-6", licence: "GPL-2.0-only", source: "busybox",
                            patches: [])),
                    .init(
                        derivation: "f", builder: "builtin:recipe", inputs: [1], output: kernel.baseName,
                        recipe: .init(
                            name: "linux", version: "6.12", licence: "GPL-2.0-only WITH Linux-syscall-note",
                            source: "linux", patches: [])),
                ])
        }
    }

    @Test func `what a recipe was made from is told from what runs`() throws {
        let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let sample = try Sample(in: folder)
        let bill = try BillOfImage(image: sample.image, record: sample.record).gather()
        #expect(bill.runtime.map(\.name) == ["busybox", "linux"])
        #expect(bill.components.filter { $0.use == .build }.map(\.name) == ["busybox", "clang", "musl"])
        let busybox = try #require(bill.runtime.first)
        let names = Set(bill.components.filter { busybox.madeFrom.contains($0.identifier) }.map(\.name))
        #expect(names == ["busybox", "clang", "musl"])
        #expect(busybox.unpackedBytes == 4096)
        #expect(bill.limited(to: .runtime).components.allSatisfy { $0.madeFrom.isEmpty })
    }

    @Test(
        .enabled(if: Validators.areThere, "the validators are missing: make test-deps"),
        arguments: BillOfMaterialsTests.formats)
    func `sources, patches and tools are accepted by a real validator`(name: String) async throws {
        try await withTemporaryFolder { folder in
            let sample = try Sample(in: folder.appending("state"))
            let bill = try BillOfImage(image: sample.image, record: sample.record).gather()
            let text = bill.text(try #require(Bill.Format(rawValue: name)))
            #expect(text.contains("any-powerpc64.patch"))
            let file = folder.appending("bill.json")
            try Data(text.utf8).write(to: URL(filePath: file.string))
            let (faults, messages) = try await Validators.faults(name, [file.string])
            #expect(faults == [0], "\(messages)")
        }
    }
}
