import Foundation
import LinuxCalls
import SystemPackage
import Testing

@Suite struct ReplaceFileTests {
    let folder: FilePath
    var path: FilePath { folder.appending("file") }

    init() throws {
        folder = FilePath(NSTemporaryDirectory()).appending("bootferry-replace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.string) }

    @Test func `of many writers at once one wins whole, and nothing is left beside`() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        await #expect(throws: Never.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 1...16 {
                    group.addTask { [path] in
                        let bytes = [UInt8](repeating: UInt8(writer), count: writer * 10_000)
                        for _ in 1...5 { try replaceFile(at: path, with: bytes) }
                    }
                }
                try await group.waitForAll()
            }
        }
        let bytes = try Data(contentsOf: URL(filePath: path.string))
        let writer = try #require(bytes.first)
        #expect(bytes == Data(repeating: writer, count: Int(writer) * 10_000))
        #expect(try names() == ["file"])
        let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
        let mode = try #require(attributes[.posixPermissions] as? Int)
        #expect(mode & 0o600 == 0o600 && mode & ~0o644 == 0)
    }

    @Test func `a writer that fails leaves the old file and nothing else`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        try replaceFile(at: path, with: [1])
        #expect(throws: CocoaError.self) {
            try replaceFile(at: path) { file in
                try file.writeAll([2, 3])
                throw CocoaError(.fileWriteUnknown)
            }
        }
        #expect(try Data(contentsOf: URL(filePath: path.string)) == Data([1]))
        #expect(try names() == ["file"])
    }
}
