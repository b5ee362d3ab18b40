import FileFormats
import Foundation
import StoreModel
import SystemPackage
import Testing

@testable import Containers

/// An image layout of small segments: the same bytes each time, a layer for what changes, and nothing of a folder that is another's.
@Suite struct ContainerExportTests {
    private let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-containers-\(UUID().uuidString)")

    private func segment(
        _ name: String, size: Int = 1000, _ files: [(path: String, inode: UInt32, links: UInt32, text: String)]
    ) throws -> ContainerExport.Segment {
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        var archive: [UInt8] = []
        for file in files {
            archive += try CPIO.header(
                .init(
                    path: file.path, type: .file, permissions: 0o644, inode: file.inode, links: file.links,
                    size: file.text.utf8.count))
            archive += Array(file.text.utf8) + CPIO.padding(after: file.text.utf8.count)
        }
        let path = folder.appending("\(name).cpio.zst")
        try Data(Zstandard.storedFrame(archive + CPIO.end)).write(to: URL(filePath: path.string))
        return .init(name: name, file: path, size: size)
    }

    private func export(_ segments: [ContainerExport.Segment]) throws -> ContainerExport {
        let description = try #require(
            ContainerDescription(
                system: "lab-node", generation: 3, image: "/nix/store/x", created: "2026-11-23T00:00:00Z",
                processor: "amd64"))
        return ContainerExport(
            description, segments: segments, capabilities: ["bin/ping": [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0]])
    }

    private func system() throws -> [ContainerExport.Segment] {
        [
            try segment("base", [("bin/ping", 1, 2, "ping"), ("bin/ping4", 1, 2, ""), ("etc/motd", 2, 1, "old")]),
            try segment("large", size: 40 << 20, [("large", 1, 1, "large")]),
            try segment("more", [("more", 1, 1, "more")]), try segment("configuration", [("etc/made", 1, 1, "")]),
            try segment(
                "settings", [("etc/motd", 1, 1, "new"), ("usr/lib/bootferry/removals", 2, 1, "etc/made\nlarge\n")]),
        ]
    }

    private func files(_ folder: FilePath) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.string) {
            let url = URL(filePath: folder.pushing(FilePath(name)).string)
            if let data = try? Data(contentsOf: url) { files[name] = data }
        }
        return files
    }

    /// The layers' archives, unpacked over one another as a container's tool does.
    private func unpack(_ image: FilePath, into root: FilePath) throws {
        let script = #"""
            import json, os, shutil, subprocess, sys
            image, root = sys.argv[1:]
            blob = lambda d: os.path.join(image, 'blobs', *d.split(':'))
            index = json.load(open(os.path.join(image, 'index.json')))
            manifest = json.load(open(blob(index['manifests'][0]['digest'])))
            os.mkdir(root)
            for layer in manifest['layers']:
                tar = subprocess.run(['zstd', '-dcq', blob(layer['digest'])], check=True, capture_output=True).stdout
                subprocess.run(['tar', '-C', root, '-x'], check=True, input=tar)
                for folder, _, names in os.walk(root):
                    for name in names:
                        if name.startswith('.wh.'):
                            os.unlink(os.path.join(folder, name)); os.unlink(os.path.join(folder, name[4:]))
            """#
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", script, image.string, root.string]
        try python.run()
        python.waitUntilExit()
        #expect(python.terminationStatus == 0)
    }

    @Test func `layers in their order make the root, with what is removed gone and names of one file still one`() throws
    {
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let export = try export(try system())
        #expect(
            export.groups().map { $0.map(\.name) } == [["base", "large"], ["more"], ["configuration"], ["settings"]])
        let image = folder.appending("image")
        let report = try export.write(to: image) { _, _ in }
        #expect(report.layers == 5)
        #expect(report.tag == "lab-node-3")
        let root = folder.appending("root")
        try unpack(image, into: root)
        #expect(
            Set(try files(root).keys)
                == ["bin/ping", "bin/ping4", "etc/motd", "more", "usr/lib/bootferry/removals"])
        #expect(try files(root)["etc/motd"] == Data("new".utf8))
        let number = { (name: String) in
            try FileManager.default.attributesOfItem(atPath: root.pushing(FilePath(name)).string)[.systemFileNumber]
                as? Int
        }
        #expect(try number("bin/ping") == number("bin/ping4"))
    }

    @Test func `the same generation has the same bytes, a second time and elsewhere, and every file its digest's name`()
        throws
    {
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        var export = try export(try system())
        let (one, other) = (folder.appending("one"), folder.appending("other"))
        let report = try export.write(to: one) { _, _ in }
        let first = try files(one)
        _ = try export.write(to: one) { _, _ in }
        #expect(try files(one) == first)
        export.segments.reverse()
        _ = try export.write(to: other) { _, _ in }
        export.segments.reverse()
        _ = try export.write(to: other) { _, _ in }
        #expect(try files(other) == first)
        #expect(report.bytes == first.filter { $0.key.hasPrefix("blobs") }.values.reduce(0) { $0 + $1.count })
        for (name, data) in first where name.hasPrefix("blobs/sha256/") {
            #expect(name == "blobs/sha256/\(Digest.sha256(of: Array(data)).hex)")
        }
    }

    @Test func `a folder of other things is not touched, and a damaged segment makes no image`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let segments = try system()
        let export = try export(segments)
        let error = #expect(throws: ContainerError.self) { try export.write(to: folder) { _, _ in } }
        #expect(error?.message.contains("so it is no image layout") ?? false)
        try Data("x".utf8).write(to: URL(filePath: segments[2].file.string))
        let image = folder.appending("image")
        #expect(throws: ContainerError.self) { try export.write(to: image) { _, _ in } }
        #expect(!FileManager.default.fileExists(atPath: image.appending("index.json").string))
    }

    @Test func `a processor that OCI has no word for has no description`() {
        #expect(
            ContainerDescription(system: "x", generation: 1, image: "", created: "", processor: "hppa") == nil)
        #expect(
            ContainerDescription(system: "x", generation: 1, image: "", created: "", processor: "armhf")?.variant
                == "v7")
    }
}
