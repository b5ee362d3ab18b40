import Foundation
import Glibc
import SeededRandomness
import SystemPackage
import TestSupport
import Testing

/// An export to several media, as people give the commands.
@Suite struct VolumeCrossCheckTests {
    @Test(arguments: RealNix.Release.allCases)
    func `small sticks are filled one after another, and a real nix takes what was on them from one folder`(
        release: RealNix.Release
    )
        async throws
    {
        try await withTemporaryFolder { folder in
            let nix = try await RealNix(release, in: folder)
            let home = try await CarriedStore(in: folder, "home", for: nix)
            let generation = try home.publish("lab-node", objects: 10, bytes: 500_000)
            let site = try CarriedStore(in: folder, "site")
            let other = try CarriedStore(in: folder, "other")
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            for store in [site, other] { try await store.run("key", "trust", key) }
            // Four sticks, of which the last is not needed.
            let script = """
                program=$(readlink -f "$1")
                export BOOTFERRY_STATE_DIR="$2/home"
                cd "$2"
                for stick in a b c d; do mkdir $stick && mount -t tmpfs -o size=2500k tmpfs $stick; done
                if "$program" export lab-node --without-bootferry --to a --to b 2>full; then exit 9; fi
                cat full
                "$program" export lab-node --without-bootferry --to a --to b --to c --to d
                ls d
                "$program" verify c a b
                "$program" verify b
                mkdir merged && for stick in c b a; do cp -r $stick/. merged; done
                "$program" verify merged
                "$program" import b a --state-dir site
                if "$program" import c b --state-dir other; then exit 9; fi
                "$program" import c --state-dir site
                """
            let outcome = try await execute([
                "unshare", "--map-root-user", "--mount", "sh", "-ec", script, "sh", BootferryProgram.path.string,
                folder.string,
            ])
            #expect(outcome.output.contains("--to: the volumes are full: "), "\(outcome.output)\(outcome.messages)")
            #expect(outcome.output.contains("volume 3 of 3  "), "\(outcome.output)")
            #expect(outcome.messages.contains("not looked at: volumes 1, 3 of 3"), "\(outcome.messages)")
            #expect(outcome.messages.contains("to come: volume 3 of 3"), "\(outcome.messages)")
            #expect(outcome.output.contains("volume 1, 'medium-manifest-1': is missing, with "), "\(outcome.output)")
            #expect(outcome.succeeded, "\(outcome.messages)")
            #expect(try site.store.latestGeneration(of: "lab-node")?.image == generation.image)
            #expect(try await site.program.faults() == [])
            let copied = try await nix.run(
                "copy", "--from", "file://\(folder.appending("merged"))", "--to", nix.store("nix"), generation.image,
                settings: "trusted-public-keys = \(key)")
            #expect(copied.succeeded, "\(copied.messages)")
        }
    }

    @Test func `an export to volumes that is killed at any moment is finished by the same command`() async throws {
        try await withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 52)
            let home = try CarriedStore(in: folder, "home")
            let generation = try home.publish("lab-node", objects: 30, bytes: 1_000_000)
            let site = try CarriedStore(in: folder, "site")
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await site.run("key", "trust", key)
            let export = ["export", "lab-node", "--without-bootferry", "--volume-size", "8M", "--to"]
            let clock = ContinuousClock()
            let whole = try await clock.measure {
                try await home.run(
                    export[0], export[1], export[2], export[3], export[4], export[5], folder.appending("once").string)
            }
            let volumes = folder.appending("volumes")
            var kills = 0
            for _ in 0..<5 {
                let delay = whole * Double.random(in: 0.05..<0.8, using: &random)
                let status = try await home.program.runAndKill(
                    export[0], export[1], export[2], export[3], export[4], export[5], volumes.string
                ) { try await Task.sleep(for: delay) }
                if status == .signaled(SIGKILL) { kills += 1 }
            }
            #expect(kills > 0, "everything was quicker than its kill")
            #expect(try await home.program.run(export + [volumes.string]).succeeded)
            let names = try FileManager.default.contentsOfDirectory(atPath: volumes.string).sorted()
            #expect(names == ["volume-1", "volume-2", "volume-3", "volume-4", "volume-5"])
            let folders = names.shuffled(using: &random).map { volumes.appending($0).string }
            #expect(try await site.program.run(["verify"] + folders).succeeded)
            #expect(try await site.program.run(["import"] + folders).succeeded)
            #expect(try site.store.latestGeneration(of: "lab-node")?.image == generation.image)
            #expect(try await site.program.faults() == [])
        }
    }

    @Test func `folders of a size are made for discs, with the program on the first`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            _ = try home.publish("lab-node", objects: 3, bytes: 2_000_000)
            try await home.run("key", "generate", "home-1")
            let discs = folder.appending("discs")
            try await home.run("export", "lab-node", "--to", discs.string, "--volume-size", "90M")
            let only = try FileManager.default.contentsOfDirectory(atPath: discs.string)
            #expect(only == ["volume-1"])
            #expect(FileManager.default.fileExists(atPath: discs.appending("volume-1/bootferry.tar").string))
            let small = try await home.program.run(
                "export", "lab-node", "--to", discs.string + "-small", "--volume-size", "5M")
            #expect(small.status == .exited(5))
            #expect(small.messages.contains("has no room for Bootferry itself"), "\(small.messages)")
            for wrong in [["--to", "x.tar"], ["--to", "-"], ["--to", "x", "--to", "y.tar"]] {
                let outcome = try await home.program.run(["export", "lab-node", "--volume-size", "4G"] + wrong)
                #expect(outcome.status == .exited(2))
                #expect(outcome.messages.contains("volumes are folders"), "\(outcome.messages)")
            }
            let size = try await home.program.run("export", "lab-node", "--to", "x", "--volume-size", "4X")
            #expect(size.messages.contains("--volume-size takes a size of at least 1M"), "\(size.messages)")
        }
    }
}
