import Foundation
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// A medium as one file or through a pipe: tar, the real nix, truncation, kills.
@Suite(.serialized) struct TarMediumTests {
    private struct Report: Decodable {
        var written: Int
        var kept: Int
    }

    private let objects = 7

    private func homeWithKey(
        in folder: FilePath, for nix: RealNix? = nil
    ) async throws -> (home: CarriedStore, key: String, archive: FilePath) {
        var home = try CarriedStore(in: folder, "home")
        if let nix { home = try await CarriedStore(in: folder, "home", for: nix) }
        _ = try home.publish("lab-node", objects: objects - 1, bytes: 150_000)
        let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
        return (home, key, folder.appending("lab.tar"))
    }

    private func site(_ name: String, trusting key: String, in folder: FilePath) async throws -> CarriedStore {
        let site = try CarriedStore(in: folder, name)
        try await site.run("key", "trust", key)
        return site
    }

    @Test(arguments: RealNix.Release.allCases)
    func `one file is a medium: tar lists it, nix takes it unpacked, a site takes it as it is`(release: RealNix.Release)
        async throws
    {
        try await withTemporaryFolder { folder in
            let nix = try await RealNix(release, in: folder)
            let (home, key, archive) = try await homeWithKey(in: folder, for: nix)
            try await home.run("export", "lab-node", "--to", archive.string)
            #expect(!FileManager.default.fileExists(atPath: archive.string + ".unfinished"))
            let list = try await execute(["tar", "tf", archive.string])
            #expect(list.succeeded, "\(list.messages)")
            let names = list.output.split(separator: "\n")
            #expect(names.last == "medium-manifest" && names.contains("nar/"))
            #expect(names.filter { $0.hasSuffix(".narinfo") }.count == objects)

            let unpacked = folder.appending("unpacked")
            let tar = try await execute([
                "sh", "-c", "mkdir \"$1\" && tar -C \"$1\" -xf \"$0\"", archive.string, unpacked.string,
            ])
            #expect(tar.succeeded, "\(tar.messages)")
            let image = try #require(try home.store.latestGeneration(of: "lab-node")).image
            let copied = try await nix.run(
                "copy", "--from", "file://\(unpacked)", "--to", nix.store("nix"), image,
                settings: "trusted-public-keys = \(key)")
            #expect(copied.succeeded, "\(copied.messages)")

            for (number, medium) in [archive, unpacked].enumerated() {
                let site = try await site("site-\(number)", trusting: key, in: folder)
                try await site.run("verify", medium.string)
                try await site.run("import", medium.string)
                #expect(try site.store.latestGeneration(of: "lab-node")?.image == image)
                #expect(try await site.program.faults() == [])
            }
        }
    }

    @Test func `through a pipe comes the same, and of one that breaks off nothing`() async throws {
        try await withTemporaryFolder { folder in
            let (home, key, archive) = try await homeWithKey(in: folder)
            let site = try await site("site", trusting: key, in: folder)
            try await home.run("export", "lab-node", "--to", archive.string)
            let broken = try await execute([
                "sh", "-c", #"head -c 400000 "$0" | "$1" import - --state-dir "$2""#, archive.string,
                BootferryProgram.path.string, site.program.stateDirectory.string,
            ])
            #expect(broken.status == .exited(3))
            #expect(broken.messages.contains("nothing was imported"), "\(broken.messages)")
            #expect(try site.store.latestGeneration(of: "lab-node") == nil)
            let piped = try await execute([
                "sh", "-c", #""$0" export lab-node --to - --state-dir "$1" | "$0" import - --state-dir "$2""#,
                BootferryProgram.path.string, home.program.stateDirectory.string,
                site.program.stateDirectory.string,
            ])
            #expect(piped.succeeded, "\(piped.messages)")
            #expect(
                try site.store.latestGeneration(of: "lab-node")?.image
                    == home.store.latestGeneration(of: "lab-node")?.image)
            #expect(try await site.program.faults() == [])
            let left = try FileManager.default.contentsOfDirectory(
                atPath: site.program.stateDirectory.appending("tmp").string)
            #expect(left == [], "\(left)")
        }
    }

    @Test func `an export that was cut off at any place goes on after its last whole object`() async throws {
        try await withTemporaryFolder { folder in
            let (home, key, archive) = try await homeWithKey(in: folder)
            let site = try await site("site", trusting: key, in: folder)
            try await home.run("export", "lab-node", "--without-bootferry", "--to", archive.string)
            let whole = try Data(contentsOf: URL(filePath: archive.string))
            let unfinished = URL(filePath: archive.string + ".unfinished")
            for share in [0.0, 0.001, 0.2, 0.5, 0.77, 0.999] {
                try FileManager.default.removeItem(atPath: archive.string)
                try whole.prefix(Int(Double(whole.count) * share)).write(to: unfinished)
                let report = try JSONDecoder().decode(
                    Report.self,
                    from: Data(
                        try await home.run(
                            "export", "lab-node", "--without-bootferry", "--to", archive.string, "--json"
                        ).utf8))
                #expect(report.written + report.kept == objects)
                #expect(share < 0.2 || report.kept > 0, "at \(share)")
                #expect(try await site.program.run("verify", archive.string).succeeded, "at \(share)")
            }
            // A flipped byte in what was there: all from that object on is written anew.
            var spoiled = whole.prefix(whole.count * 3 / 4)
            spoiled[whole.count / 2] ^= 1
            try spoiled.write(to: unfinished)
            try await home.run("export", "lab-node", "--without-bootferry", "--to", archive.string)
            try await site.run("verify", archive.string)
        }
    }

    @Test func `a killed export and a killed import go on`() async throws {
        try await withTemporaryFolder { folder in
            let (home, key, archive) = try await homeWithKey(in: folder)
            let site = try await site("site", trusting: key, in: folder)
            for milliseconds in [5, 20, 40, 60, 80] {
                _ = try await home.program.runAndKill(
                    "export", "lab-node", "--without-bootferry", "--to", archive.string
                ) {
                    try await Task.sleep(for: .milliseconds(milliseconds))
                }
            }
            try await home.run("export", "lab-node", "--without-bootferry", "--to", archive.string)
            for milliseconds in [5, 20, 40, 60, 80] {
                _ = try await site.program.runAndKill("import", archive.string) {
                    try await Task.sleep(for: .milliseconds(milliseconds))
                }
            }
            try await site.run("import", archive.string)
            #expect(try site.store.latestGeneration(of: "lab-node") != nil)
            #expect(try await site.program.faults() == [])
        }
    }

    @Test func `a file that is cut off or damaged is refused by what is wrong with it`() async throws {
        try await withTemporaryFolder { folder in
            let (home, key, archive) = try await homeWithKey(in: folder)
            let site = try await site("site", trusting: key, in: folder)
            try await home.run("export", "lab-node", "--without-bootferry", "--to", archive.string)
            let whole = try Data(contentsOf: URL(filePath: archive.string))
            let copy = folder.appending("copy.tar")
            for share in [0.1, 0.6, 0.95] {
                try whole.prefix(Int(Double(whole.count) * share)).write(to: URL(filePath: copy.string))
                let outcome = try await site.program.run("import", copy.string)
                #expect(outcome.status == .exited(3))
                #expect(outcome.messages.contains("is not whole: it ends"), "\(outcome.messages)")
            }
            var flipped = whole
            flipped[whole.count / 2] ^= 1
            try flipped.write(to: URL(filePath: copy.string))
            let outcome = try await site.program.run("import", copy.string)
            #expect(outcome.status == .exited(3))
            #expect(outcome.output.contains("'nar/"), "\(outcome.output)\(outcome.messages)")
            #expect(try site.store.latestGeneration(of: "lab-node") == nil)
            for (member, words) in [("link", "neither a file nor a directory"), ("../up", "cannot be the name")] {
                let script =
                    member == "link"
                    ? "ln -s /etc/passwd link && tar cf \"$1\" link"
                    : "touch up; mkdir in; cd in; tar -P -cf \"$1\" ../up"
                _ = try await execute(["sh", "-c", "cd \"$0\" && \(script)", folder.string, copy.string])
                let hostile = try await site.program.run("import", copy.string)
                #expect(hostile.status == .exited(3))
                #expect(hostile.messages.contains(words), "\(hostile.messages)")
            }
        }
    }
}
