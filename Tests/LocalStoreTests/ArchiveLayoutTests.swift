import Foundation
import LocalStore
import StoreModel
import SystemPackage
import Testing

/// An archive laid out as pieces has the bytes of the archive.
@Suite struct ArchiveLayoutTests {
    @Test func `pieces joined are the archive, for trees, single files and empty ones`() throws {
        let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-layout-\(UUID().uuidString)")
        defer {
            let removal = Process()
            removal.executableURL = URL(filePath: "/bin/sh")
            removal.arguments = ["-c", "chmod -R u+w \"$0\"; rm -rf \"$0\"", folder.string]
            try? removal.run()
            removal.waitUntilExit()
        }
        let store = try LocalStore(opening: StateDirectory(folder), now: { 1 })
        func add(_ name: String, _ make: (URL) throws -> Void) throws -> StorePath {
            let scratch = try store.makeScratch()
            defer { withExtendedLifetime(scratch) {} }
            let tree = scratch.path.appending("tree")
            try make(URL(filePath: tree.string))
            return try store.addContentAddressed(tree, name: name)
        }
        let files = FileManager.default
        let tree = try add("tree") { url in
            try files.createDirectory(at: url.appending(path: "a/b"), withIntermediateDirectories: true)
            try Data((0..<100_001).map { UInt8(truncatingIfNeeded: $0) }).write(to: url.appending(path: "a/large"))
            try Data([1]).write(to: url.appending(path: "a/b/small"))
            try Data().write(to: url.appending(path: "a/empty"))
            try Data(repeating: 7, count: 8).write(to: url.appending(path: "été"))
            try files.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: url.appending(path: "a/large").path(percentEncoded: false))
            try files.createSymbolicLink(atPath: url.appending(path: "link").path, withDestinationPath: "a/b/small")
        }
        let file = try add("file") { try Data("hello".utf8).write(to: $0) }
        let empty = try add("empty") { try Data().write(to: $0) }
        for path in [tree, file, empty] {
            var archive: [UInt8] = []
            try store.writeArchive(of: path) { archive += $0 }
            let layout = try store.archiveLayout(of: path)
            var joined: [UInt8] = []
            for piece in layout.pieces {
                switch piece {
                case .bytes(let bytes): joined += bytes
                case .file(let logical, let size):
                    let content = try Data(contentsOf: URL(filePath: store.physicalPath(ofLogical: logical).string))
                    #expect(content.count == size)
                    joined += content
                }
            }
            #expect(joined == archive)
            #expect(layout.size == archive.count)
            #expect(layout.size == (try store.registration(of: path)?.narSize))
            #expect(try store.registration(ofHashPart: path.hashPart)?.path == path)
        }
        #expect(try store.archiveLayout(of: tree).pieces.count == 7)
        #expect(try store.registration(ofHashPart: String(repeating: "0", count: 32)) == nil)
    }
}
