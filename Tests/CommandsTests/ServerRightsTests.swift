import Foundation
import LocalStore
import SystemPackage
import Testing

@testable import Commands

@Suite struct ServerRightsTests {
    @Test func `a system that was imported and never published asks for no file that is not there`() throws {
        let folder = FilePath(FileManager.default.temporaryDirectory.path).appending("bootferry-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let directory = StateDirectory(folder)
        for system in ["imported", "published"] {
            try FileManager.default.createDirectory(
                atPath: directory.generations.appending(system).string, withIntermediateDirectories: true)
        }
        let rollout = directory.generations.appending("published").appending("rollout")
        try Data().write(to: URL(filePath: rollout.string))
        let rights = try ServerProcessOptions.parse([]).rights(
            directory, systems: ["imported", "published", "nowhere"], actsOnPage: false)
        let systems = ["imported", "published"].map { directory.generations.appending($0) }
        #expect(rights.reads == [directory.store, directory.generations] + systems + [rollout])
    }
}
