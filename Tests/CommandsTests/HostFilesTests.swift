import Foundation
import SystemPackage
import Testing

@testable import Commands

@Suite final class HostFilesTests {
    let folder: FilePath

    init() throws {
        let path = FilePath(NSTemporaryDirectory()).appending("bootferry-host-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            atPath: path.appending("netboot/init").string, withIntermediateDirectories: true)
        folder = try HostFilesTests.resolved(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.string) }

    private static func resolved(_ path: FilePath) throws -> FilePath {
        FilePath(URL(filePath: path.string).resolvingSymlinksInPath().path(percentEncoded: false)).lexicallyNormalized()
    }

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: folder.appending(name).string))
    }

    @Test func `a link stands for the file at its end`() throws {
        try write("content", "file")
        for (name, target) in [("link", "file"), ("far", "link")] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appending(name).string, withDestinationPath: target)
        }
        for name in ["file", "link", "far"] {
            #expect(try HostFiles.regularFile(folder.appending(name).string) == folder.appending("file"))
        }
    }

    @Test func `what is no regular file is refused by the name it was given`() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.appending("broken").string, withDestinationPath: "nothing")
        try FileManager.default.createSymbolicLink(
            atPath: folder.appending("device").string, withDestinationPath: "/dev/zero")
        for (name, words) in [
            ("netboot", "is a directory"), ("device", "is a device"), ("broken", "cannot be read"),
            ("nothing", "cannot be read"),
        ] {
            let path = folder.appending(name).string
            let error = #expect(throws: CommandError.self) { try HostFiles.regularFile(path) }
            #expect(error?.subject == path && error?.kind == .usage)
            #expect(error?.message.hasPrefix(words) == true, "\(name)")
        }
    }

    @Test func `what an editor left beside the init scripts is no part of an image`() throws {
        for name in ["init", "a.service", "init~", "init.orig", "init.rej", ".init.swp", "init.swp"] {
            try write(name, "netboot/init/\(name)")
        }
        let files = try ProjectData(named: folder.string).initFiles()
        #expect(files == ["init": "init", "a.service": "a.service"])
    }
}
