import Foundation
import LocalStore
import SeededRandomness
import StoreModel
import SystemPackage
import Testing

/// The store against the real nix, whose logical store is /nix/store too and whose physical one is a directory of the test.
@Suite(.enabled(if: nixIsThere, "nix is missing")) struct NixCrossCheckTests {
    private let directory: URL
    private let cleanup: Cleanup
    private let store: LocalStore
    private var nixStore: String { "local?root=\(directory.path)/nix" }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "bootferry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        cleanup = Cleanup(directory: directory)
        store = try LocalStore(
            opening: StateDirectory(FilePath(directory.appending(path: "state").path)), now: { 1 })
    }

    @Test func `trees of every shape have nix's archive, digest and path`() throws {
        var generator = SeededGenerator(seed: 8)
        for round in 0..<10 {
            let tree = directory.appending(path: "tree-\(round).0")
            try makeTree(tree, depth: 0, &generator)
            let path = try store.addSource(FilePath(tree.path), name: tree.lastPathComponent)
            var archive = Data()
            try store.writeArchive(of: path) { archive.append(contentsOf: $0) }
            #expect(try runProgram("nix-store", ["--dump", tree.path]).output == archive)
            #expect(
                try nix(["hash", "path", "--base32", "--type", "sha256", tree.path])
                    == store.registration(of: path)?.narHash.nix32)
            #expect(
                try text("nix-store", ["--store", nixStore, "--add-fixed", "--recursive", "sha256", tree.path])
                    == path.description)
            // What is in the store is canonical by nix's lights too: its archive is the same.
            #expect(try runProgram("nix-store", ["--dump", store.physicalPath(of: path).string]).output == archive)
        }
    }

    @Test func `flat objects of every algorithm have nix's path`() throws {
        let file = directory.appending(path: "hello.txt")
        try Data("hello\n".utf8).write(to: file)
        for algorithm in [Digest.Algorithm.md5, .sha1, .sha256, .sha512] {
            let scratch = try store.makeScratch()
            let copy = scratch.path.appending("download")
            try FileManager.default.copyItem(atPath: file.path, toPath: copy.string)
            let digest = try LocalStore.digest(ofFile: copy, algorithm)
            #expect(
                try text("nix-store", ["--store", nixStore, "--add-fixed", algorithm.rawValue, file.path])
                    == store.addFlat(copy, name: "hello.txt", digest: digest).description)
        }
    }

    @Test func `derivations, floating, fixed and with inputs, have nix's paths`() throws {
        let expression = """
            let a = derivation { name = "a-1.0"; system = "x"; builder = "b"; args = ["é\\n\\t\\"\\\\"]; q = ''$out''; \
            __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
            f = derivation { name = "f"; system = "x"; builder = "b"; outputHashMode = "flat"; outputHashAlgo = "sha256"; \
            outputHash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"; };
            c = derivation { name = "c"; system = "x"; builder = "b"; inherit a f; src = builtins.toFile "note" "hello\\n"; \
            __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
            in builtins.concatStringsSep " " (map builtins.unsafeDiscardStringContext [a.drvPath f.drvPath c.drvPath])
            """
        let paths = try nix(["eval", "--store", nixStore, "--impure", "--raw", "--expr", expression]).split(
            separator: " "
        )
        .map { try StorePath(parsing: $0) }
        let floating = ["builder": "b", "outputHashAlgo": "sha256", "outputHashMode": "recursive", "system": "x"]
        var a = Derivation(name: "a-1.0", system: "x", builder: "b", arguments: ["é\n\t\"\\"], environment: floating)
        a.environment.merge(["name": "a-1.0", "out": Derivation.ownPlaceholder, "q": "$out"]) { $1 }
        var f = Derivation(
            name: "f", system: "x", builder: "b",
            outputHash: .init(method: .flat, digest: Digest.sha256(of: "hello\n")))
        let fixed = try #require(try f.outputPath())
        f.environment = floating.merging(
            ["name": "f", "out": "\(fixed)", "outputHashMode": "flat", "outputHash": Digest.sha256(of: "hello\n").hex]
        ) { $1 }
        let note = try StorePath.text(name: "note", digest: Digest.sha256(of: "hello\n"))
        var c = Derivation(
            name: "c", system: "x", builder: "b", environment: floating,
            inputDerivations: [try a.path(), try f.path()],
            inputSources: [note])
        c.environment.merge([
            "name": "c", "out": Derivation.ownPlaceholder, "a": Derivation.placeholder(for: try a.path()),
            "f": "\(fixed)",
            "src": "\(note)",
        ]) { $1 }
        #expect(try [a.path(), f.path(), c.path()] == paths)
    }

    @Test func `nix imports objects with references, to themselves and others, from a cache and finds them sound`()
        throws
    {
        let low = try add("low-1.0", "plain", candidates: [])
        let high = try add("high-1.0", "\(low) and \(String(repeating: "3", count: 32))-x", candidates: [low])
        #expect(try store.registration(of: high)?.references == [low, high])
        let cache = directory.appending(path: "cache")
        try FileManager.default.createDirectory(at: cache.appending(path: "nar"), withIntermediateDirectories: true)
        try Data("StoreDir: /nix/store\n".utf8).write(to: cache.appending(path: "nix-cache-info"))
        for path in [low, high] {
            var archive = Data()
            try store.writeArchive(of: path) { archive.append(contentsOf: $0) }
            let registration = try #require(try store.registration(of: path))
            let url = "nar/\(registration.narHash.nix32).nar"
            try archive.write(to: cache.appending(path: url))
            let info = NARInfo(
                registration: registration, url: url, compression: "none", fileHash: registration.narHash,
                fileSize: archive.count)
            try Data(info.text.utf8).write(to: cache.appending(path: "\(path.hashPart).narinfo"))
        }
        // No signature: nix trusts these because their paths follow from their content.
        _ = try nix(["copy", "--from", "file://\(cache.path)", "--to", nixStore, high.description])
        _ = try nix(["store", "verify", "--store", nixStore, "--all", "--no-trust"])
        let known = try nix(["path-info", "--store", nixStore, "--recursive", high.description])
        #expect(Set(known.split(separator: "\n").map(String.init)) == ["\(low)", "\(high)"])
    }

    private func add(_ name: String, _ content: String, candidates: Set<StorePath>) throws -> StorePath {
        let scratch = try store.makeScratch()
        let file = scratch.path.appending("file")
        try Data(content.utf8).write(to: URL(fileURLWithPath: file.string))
        return try store.addContentAddressed(
            file, name: name, candidates: candidates, selfHashPart: String(repeating: "3", count: 32))
    }

    private func makeTree(_ url: URL, depth: Int, _ generator: inout SeededGenerator) throws {
        let files = FileManager.default
        switch depth == 0 ? 0 : Int.random(in: 0..<4, using: &generator) {
        case 0 where depth < 4:
            try files.createDirectory(at: url, withIntermediateDirectories: true)
            for name in ["a", "a-b", "a.b", "B", "été", " ", "\u{1}", "z~"] where Bool.random(using: &generator) {
                try makeTree(url.appending(path: name), depth: depth + 1, &generator)
            }
        case 1: try files.createSymbolicLink(atPath: url.path, withDestinationPath: "../x \(depth)")
        case 2:
            try Data("#!/bin/sh\n".utf8).write(to: url)
            try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
        default:
            let count = Int.random(in: 0..<200_000, using: &generator)
            try Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }).write(to: url)
        }
    }

    private func nix(_ arguments: [String]) throws -> String { try text("nix", arguments) }

    private func text(_ program: String, _ arguments: [String]) throws -> String {
        let answer = try runProgram(program, arguments)
        let text = String(decoding: answer.output, as: UTF8.self)
        #expect(answer.status == 0, "\(program) \(arguments): \(text)\(answer.errors)")
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    /// Removes the directory with the last copy of the suite; the stores in it are read-only trees.
    private final class Cleanup: Sendable {
        let directory: URL
        init(directory: URL) { self.directory = directory }
        deinit {
            _ = try? runProgram("chmod", ["-R", "u+w", directory.path])
            try? FileManager.default.removeItem(at: directory)
        }
    }
}

private let nixIsThere =
    (try? runProgram("nix", ["--version"]))?.status == 0
    || ProcessInfo.processInfo.environment["CI"] == "true"

private func runProgram(
    _ program: String, _ arguments: [String]
) throws -> (status: Int32, output: Data, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let home = FileManager.default.temporaryDirectory.appending(path: "bootferry-nix-home").path
    process.environment = ProcessInfo.processInfo.environment.merging([
        "NIX_CONFIG": "experimental-features = nix-command ca-derivations\nbuild-users-group =\nsubstitute = false",
        "HOME": home, "XDG_CACHE_HOME": home,
    ]) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, bytes, text)
}
