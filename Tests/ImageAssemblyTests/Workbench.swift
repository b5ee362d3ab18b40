import Building
import Foundation
import Logging
import StoreModel
import SystemPackage
import Testing

@testable import ImageAssembly

/// A temporary store with handmade packages, and the host's own programs in the toolbox's place.
final class Workbench {
    let root: FilePath
    var store: FilePath { root.appending("store") }
    private var scratchCount = 0

    init() throws {
        root = FilePath(NSTemporaryDirectory()).appending("bootferry-image-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: store.string, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: store.appending("toolbox").string, withDestinationPath: "/")
    }

    deinit { try? FileManager.default.removeItem(atPath: root.string) }

    /// Runs a builder on an environment; the output's name in the store is `name`.
    @discardableResult
    func build(_ builder: String, _ name: String, _ environment: [String: String]) async throws -> FilePath {
        scratchCount += 1
        let scratch = root.appending("scratch-\(scratchCount)")
        try FileManager.default.createDirectory(atPath: scratch.string, withIntermediateDirectories: true)
        let derivation = Derivation(
            name: name, builder: builder,
            environment: environment.merging(["toolbox": "/nix/store/toolbox", "keep": "", "name": name]) { a, _ in a })
        let output = store.appending(name)
        try await #require(imageBuilders[builder]).build(
            BuildRequest(
                derivation: derivation, output: output, scratch: scratch, storeDirectory: store,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
        return output
    }

    /// A package from files (path -> text; a path that ends in `/` is a directory) and maintainer scripts.
    @discardableResult
    func package(
        _ name: String, fields: String = "", control: [String: String] = [:], _ files: [String: String] = [:],
        after fill: (FilePath) throws -> Void = { _ in }
    ) throws -> String {
        let tree = root.appending("tree-\(name)")
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            let place = tree.appending(path)
            let folder = path.hasSuffix("/") ? place : place.removingLastComponent()
            try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
            if !path.hasSuffix("/") { try Data(text.utf8).write(to: URL(filePath: place.string)) }
        }
        let folder = tree.appending("DEBIAN")
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        let stanza = """
            Package: \(name)
            Version: 1.0
            Architecture: amd64
            Maintainer: Nobody <nobody@example.org>
            \(fields.isEmpty ? "" : fields + "\n")Description: made by a test

            """
        for (file, text) in control.merging(["control": stanza], uniquingKeysWith: { $1 }) {
            let place = folder.appending(file)
            try Data(text.utf8).write(to: URL(filePath: place.string))
            try FileManager.default.setAttributes(
                [.posixPermissions: text.hasPrefix("#!") ? 0o755 : 0o644], ofItemAtPath: place.string)
        }
        try fill(tree)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.string)
        _ = try run("dpkg-deb", "--root-owner-group", "-b", tree.string, store.appending("\(name).deb").string)
        return "/nix/store/\(name).deb"
    }

    /// Standard output of a program; a failure throws.
    func run(_ arguments: String..., input: String? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        if let input { process.standardInput = FileHandle(forReadingAtPath: input) }
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments.joined(separator: " ")) failed")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A segment's listing by the real cpio: modes, owners as numbers, paths.
    func listing(_ segment: FilePath) throws -> [String] {
        try run(
            "sh", "-c", "zstd -dc \"$1\" | cpio -itvn --quiet", "sh", segment.appending("segment.cpio.zst").string
        ).split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).enumerated()
                // Neither link counts nor dates.
                .filter { ![1, 5, 6, 7].contains($0.offset) }.map { String($0.element) }.joined(separator: " ")
        }
    }

    /// One file of a segment.
    func file(_ path: String, of segment: FilePath) throws -> String {
        try run(
            "sh", "-c", "zstd -dc \"$1\" | cpio -i --to-stdout --quiet \"$2\"", "sh",
            segment.appending("segment.cpio.zst").string, path)
    }
}

/// Whether a program is here; in CI a missing one is a failure, not a reason to skip.
func has(_ programs: String...) -> Bool {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    return programs.allSatisfy { program in
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }
}
