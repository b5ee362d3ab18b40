import FileFormats
import Foundation
import Testing

/// Nodes of every kind, as tar(1) sees them.
@Suite struct TarNodeTests {
    private func list(_ nodes: [(Tar.Node, [UInt8])]) throws -> [String] {
        var archive: [UInt8] = []
        for (node, content) in nodes {
            archive += try Tar.header(of: node) + content
            archive += [UInt8](repeating: 0, count: Tar.padding(after: content.count))
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "bootferry-\(UUID().uuidString).tar")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(archive + Tar.end).write(to: file)
        let tar = Process()
        tar.executableURL = URL(filePath: "/usr/bin/env")
        tar.arguments = [
            "TZ=UTC", "LC_ALL=C", "tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-tvvf", file.path,
        ]
        let output = Pipe()
        tar.standardOutput = output
        try tar.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: " ").joined(separator: " ")
        }
    }

    @Test func `tar lists every kind of node with all that it has`() throws {
        let long = String(repeating: "d/", count: 90) + "file"
        var capable = Tar.Node(path: "bin/ping", kind: .file(size: 2), permissions: 0o755)
        capable.attributes["security.capability"] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0]
        let lines = try list([
            (.init(path: "bin", kind: .directory, permissions: 0o755, owner: 7, group: 1_000_000), []),
            (.init(path: "bin/su", kind: .file(size: 600), permissions: 0o4755), [UInt8](repeating: 1, count: 600)),
            (.init(path: "bin/other", kind: .hardLink(to: "bin/su"), permissions: 0o4755), []),
            (.init(path: "sh", kind: .symbolicLink(target: Array("bin/su".utf8)), permissions: 0o777), []),
            (.init(path: "null", kind: .characterDevice(major: 1, minor: 3), permissions: 0o666), []),
            (.init(path: "sda", kind: .blockDevice(major: 8, minor: 0), permissions: 0o660), []),
            (.init(path: "pipe", kind: .fifo, permissions: 0o600), []),
            (.init(path: long, kind: .file(size: 1), permissions: 0o644, modified: 86_400), [65]),
            (.init(path: "link", kind: .symbolicLink(target: Array(long.utf8)), permissions: 0o777), []),
            (capable, [1, 2]),
        ])
        #expect(
            lines.filter { !$0.hasPrefix("x:") } == [
                "drwxr-xr-x 7/1000000 0 1970-01-01 00:00 bin/", "-rwsr-xr-x 0/0 600 1970-01-01 00:00 bin/su",
                "hrwsr-xr-x 0/0 0 1970-01-01 00:00 bin/other link to bin/su",
                "lrwxrwxrwx 0/0 0 1970-01-01 00:00 sh -> bin/su", "crw-rw-rw- 0/0 1,3 1970-01-01 00:00 null",
                "brw-rw---- 0/0 8,0 1970-01-01 00:00 sda", "prw------- 0/0 0 1970-01-01 00:00 pipe",
                "-rw-r--r-- 0/0 1 1970-01-02 00:00 \(long)", "lrwxrwxrwx 0/0 0 1970-01-01 00:00 link -> \(long)",
                "-rwxr-xr-x* 0/0 2 1970-01-01 00:00 bin/ping",
            ], "\(lines)")
        #expect(lines.contains("x: 12 security.capability"))
    }

    @Test func `what no archive holds is refused`() {
        for node in [
            Tar.Node(path: "", kind: .fifo, permissions: 0), .init(path: "a\0b", kind: .fifo, permissions: 0),
            .init(path: "x", kind: .fifo, permissions: 0, owner: 1 << 21),
            .init(path: "x", kind: .file(size: Tar.largestFile + 1), permissions: 0),
        ] {
            #expect(throws: Tar.Malformed.self) { try Tar.header(of: node) }
        }
    }
}
