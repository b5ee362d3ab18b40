import Foundation
import Glibc
import LocalStore
import SeededRandomness
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// Media against the real nix, a real FAT file system, and kills.
@Suite(.serialized) struct MediumCrossCheckTests {
    @Test(arguments: RealNix.Release.allCases)
    func `a real nix takes an exported closure from a medium that nobody can write, and wants its signature`(
        release: RealNix.Release
    )
        async throws
    {
        try await withTemporaryFolder { folder in
            let nix = try await RealNix(release, in: folder)
            let home = try await CarriedStore(in: folder, "home", for: nix)
            let made = try home.publish("lab-node", objects: 3, bytes: 200_000)
            let plain = try home.addInputAddressed("plain-1.0", like: StorePath(parsing: made.image))
            let generation = try home.store.publish(plain, as: "lab-node", madeFrom: nil)
            #expect(generation.number == 2)
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await home.run("export", "lab-node", "--to", home.medium.string)
            let copy = ["copy", "--from", "file://\(home.medium)", "--to", nix.store("nix"), plain.description]
            let refused = try await nix.run(copy[0], copy[1], copy[2], copy[3], copy[4], copy[5])
            #expect(!refused.succeeded)
            #expect(refused.messages.contains("signature"), "\(refused.messages)")
            if geteuid() == 0 {
                let readOnly = try await execute(
                    [
                        "unshare", "-m", "sh", "-c",
                        "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && shift && exec nix \"$@\"",
                        home.medium.string, "",
                    ] + copy,
                    environment: nix.environment(adding: "trusted-public-keys = \(key)"))
                #expect(readOnly.succeeded, "\(readOnly.messages)")
            } else {
                let taken = try await nix.run(
                    copy[0], copy[1], copy[2], copy[3], copy[4], copy[5], settings: "trusted-public-keys = \(key)")
                #expect(taken.succeeded, "\(taken.messages)")
            }
            let verified = try await nix.run(
                "store", "verify", "--store", nix.store("nix"), "--all", "--sigs-needed", "1",
                settings: "trusted-public-keys = \(key)")
            #expect(verified.succeeded, "\(verified.messages)")
            let known = try await nix.run("path-info", "--store", nix.store("nix"), "--recursive", plain.description)
            #expect(
                Set(known.output.split(separator: "\n").map(String.init))
                    == Set(try home.store.closure(of: [plain]).order.map(\.description)))
        }
    }

    @Test func `Debian 13's nix copies nothing that names itself: its digests say not where`() async throws {
        try await withTemporaryFolder { folder in
            let nix = try await RealNix(.trixie, in: folder)
            try #require(try await !nix.takesSelfReferences())
            let home = try CarriedStore(in: folder, "home")
            let image = try home.publish("lab-node", objects: 1, bytes: 1000).image
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await home.run("export", "lab-node", "--to", home.medium.string)
            let copied = try await nix.run(
                "copy", "--from", "file://\(home.medium)", "--to", nix.store("nix"), image,
                settings: "trusted-public-keys = \(key)")
            #expect(!copied.succeeded && copied.messages.contains("ca hash mismatch"), "\(copied.messages)")
        }
    }

    @Test(arguments: ["xz", "zstd", "none"], RealNix.Release.allCases)
    func `what nix copies to a folder is taken, more strictly than nix does`(
        compression: String, release: RealNix.Release
    ) async throws {
        try await withTemporaryFolder { folder in
            let site = try CarriedStore(in: folder, "site")
            let nix = try await RealNix(release, in: folder)
            let tree = folder.appending("tree")
            try FileManager.default.createDirectory(atPath: tree.string, withIntermediateDirectories: true)
            try Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }).write(
                to: URL(filePath: tree.appending("file").string))
            let added = try await nix.run("store", "add-path", "--store", nix.store("nix"), tree.string)
            let path = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let cache = folder.appending("cache")
            let copied = try await nix.run(
                "copy", "--from", nix.store("nix"), "--to", "file://\(cache)?compression=\(compression)", path)
            #expect(copied.succeeded, "\(copied.messages)")

            let refused = try await site.program.run("import", cache.string)
            #expect(refused.status == .exited(3))
            #expect(refused.output.contains("ask for it by --path \(path)"), "\(refused.output)")
            let name = try StorePath(parsing: path).hashPart + ".narinfo"
            let sound = try String(contentsOfFile: cache.appending(name).string, encoding: .utf8)
            let digest = String(repeating: "0", count: 52)
            let spoiled = sound.replacing(/FileHash: sha256:[0-9a-z]{52}/, with: "FileHash: sha256:\(digest)")
            try Data(spoiled.utf8).write(to: URL(filePath: cache.appending(name).string))
            let spoiledImport = try await site.program.run("import", cache.string, "--path", path)
            #expect(spoiledImport.status == .exited(3))
            #expect(spoiledImport.output.contains("FileHash"), "\(spoiledImport.output)")
            // nix itself sees nothing wrong.
            let careless = try await nix.run("copy", "--from", "file://\(cache)", "--to", nix.store("other"), path)
            #expect(careless.succeeded, "\(careless.messages)")

            try Data(sound.utf8).write(to: URL(filePath: cache.appending(name).string))
            try await site.run("import", cache.string, "--path", path)
            #expect(try await site.program.faults() == [])
            let hash = try await nix.run("path-info", "--store", nix.store("nix"), "--json", path)
            let narHash = try #require(try site.store.registration(of: StorePath(parsing: path))?.narHash)
            #expect(hash.output.contains(narHash.sri) || hash.output.contains(narHash.prefixedNix32), "\(hash.output)")
        }
    }

    @Test(arguments: RealNix.Release.allCases)
    func `what nix signed is taken whole once its key is trusted`(release: RealNix.Release) async throws {
        try await withTemporaryFolder { folder in
            let site = try CarriedStore(in: folder, "site")
            let nix = try await RealNix(release, in: folder)
            let file = folder.appending("hello")
            try Data("hello\n".utf8).write(to: URL(filePath: file.string))
            let secret = try await nix.run("key", "generate-secret", "--key-name", "nix-1")
            let keyFile = folder.appending("secret")
            try Data(secret.output.utf8).write(to: URL(filePath: keyFile.string))
            let publicKey = try await execute(
                ["sh", "-c", "nix key convert-secret-to-public <\"$0\"", keyFile.string], environment: nix.environment)
            let added = try await nix.run("store", "add-path", "--store", nix.store("nix"), file.string)
            let path = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let cache = folder.appending("cache")
            let copied = try await nix.run(
                "copy", "--from", nix.store("nix"), "--to", "file://\(cache)?secret-key=\(keyFile)", path)
            #expect(copied.succeeded, "\(copied.messages)")
            #expect(try await site.program.run("import", cache.string).status == .exited(3))
            try await site.run("key", "trust", publicKey.output.trimmingCharacters(in: .whitespacesAndNewlines))
            try await site.run("import", cache.string)
            #expect(try site.store.isValid(StorePath(parsing: path)))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a built system arrives at a site that has no configuration of it, and is what boots there`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(try await BootferryProgram.copyOfShared(in: folder), in: folder)
            let site = try CarriedStore(in: folder, "site")
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            let siteKey = try await site.run("key", "generate", "site-1").trimmingCharacters(
                in: .whitespacesAndNewlines)
            try await home.run("key", "trust", siteKey)
            try await site.run("key", "trust", key)
            try await home.run("export", "minimal", "--to", home.medium.string)
            try await site.run("verify", home.medium.string)
            try await site.run("import", home.medium.string)
            #expect(try await site.program.faults() == [])
            // A site file that names a configuration nobody has.
            let text = """
                version: 1
                networks:
                  eth1: {address: 10.77.0.1, dhcp: full, ranges: [10.77.0.100-10.77.0.199]}
                systems: {minimal: nowhere/system.yaml}
                unknown: {answer: system, system: minimal}
                """
            let file = folder.appending("site.yaml").string
            try Data(text.utf8).write(to: URL(filePath: file))
            let told = try await site.run(
                "serve", file, "--no-build", "--explain", "52:54:00:12:34:56", "--arch", "16")
            #expect(told.contains("minimal"), "\(told)")
            #expect(!told.contains("is not built"), "\(told)")
            // The same at a site that has not even Bootferry.
            let bare = BareHost(home: folder.appending("bare"), medium: home.medium)
            try FileManager.default.createDirectory(atPath: bare.home.string, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: bare.home.appending("site.yaml").string))
            let outcome = try await bare.run(
                """
                sh /medium/bootferry key trust '\(key)'
                sh /medium/bootferry import /medium
                sh /medium/bootferry serve site.yaml --no-build --explain 52:54:00:12:34:56 --arch 16 >told
                sh /medium/bootferry image minimal --format iso --output minimal.iso --no-build
                cat told
                """)
            #expect(outcome.succeeded, "\(outcome.messages)")
            #expect(outcome.output.contains(told), "\(outcome.output)")
            // And the way back: the next export has nothing to carry but what is new.
            try await site.run("inventory", "--to", folder.string)
            let next = folder.appending("next")
            try await home.run(
                "export", "minimal", "--to", next.string, "--since", folder.appending("inventory").string)
            #expect(try FileManager.default.contentsOfDirectory(atPath: next.appending("nar").string) == [])
            try await site.run("import", next.string)
            let expired = try await home.program.run(
                "export", "minimal", "--to", next.string, "--since", folder.appending("inventory").string,
                prefix: ["faketime", "2040-01-01"])
            #expect(expired.status == .exited(2) && expired.messages.contains("expired"), "\(expired.messages)")
        }
    }

    @Test func `a medium goes through a FAT32 file system and comes out whole`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let generation = try home.publish("lab-node", objects: 20, bytes: 100_000)
            let site = try CarriedStore(in: folder, "site")
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await home.run(
                "export", "lab-node", "--to", home.medium.string, "--largest-file", "64K", "--without-bootferry")
            let copied = try await execute([
                "sh", "-ec",
                """
                mformat -i "$1/stick" -C -F -T 262144 -h 64 -s 32 ::
                mcopy -s -i "$1/stick" "$0"/* ::
                mkdir "$1/back"
                mcopy -s -i "$1/stick" '::*' "$1/back"
                diff -r "$0" "$1/back"
                """, home.medium.string, folder.string,
            ])
            #expect(copied.succeeded, "\(copied.output)\(copied.messages)")
            try await site.run("key", "trust", key)
            try await site.run("verify", folder.appending("back").string)
            try await site.run("import", folder.appending("back").string)
            #expect(try site.store.generations() == [generation])
            #expect(try await site.program.faults() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `exports and imports killed at random moments are finished by the same commands`() async throws {
        try await withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 9)
            let home = try CarriedStore(in: folder, "home")
            let generation = try home.publish("lab-node", objects: 40, bytes: 2_000_000)
            let site = try CarriedStore(in: folder, "site")
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await site.run("key", "trust", key)
            // A moment is random in what a whole run takes here and now.
            let (once, other) = (folder.appending("once"), try CarriedStore(in: folder, "other"))
            try await other.run("key", "trust", key)
            let clock = ContinuousClock()
            let exporting = try await clock.measure {
                try await home.run("export", "lab-node", "--without-bootferry", "--to", once.string)
            }
            let importing = try await clock.measure { try await other.run("import", once.string) }
            var kills = 0
            let rounds = ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1" ? 40 : 6
            for _ in 0..<rounds {
                let delay = exporting * Double.random(in: 0.05..<0.9, using: &random)
                let status = try await home.program.runAndKill(
                    "export", "lab-node", "--without-bootferry", "--to", home.medium.string
                ) {
                    try await Task.sleep(for: delay)
                }
                if status == .signaled(SIGKILL) { kills += 1 }
                // What has no manifest is no medium yet, and before `nix-cache-info`, which is written just before, no cache of
                // signed objects either.
                if ["medium-manifest", "nix-cache-info"].allSatisfy({
                    !FileManager.default.fileExists(atPath: home.medium.appending($0).string)
                }) {
                    #expect(try await !site.program.run("import", home.medium.string).succeeded)
                }
            }
            try await home.run("export", "lab-node", "--without-bootferry", "--to", home.medium.string)
            try await home.run("verify", home.medium.string)
            for _ in 0..<rounds {
                let delay = importing * Double.random(in: 0.05..<0.9, using: &random)
                let status = try await site.program.runAndKill("import", home.medium.string) {
                    try await Task.sleep(for: delay)
                }
                if status == .signaled(SIGKILL) { kills += 1 }
                #expect(
                    try await site.program.faults().filter { !$0.hasSuffix("is in the store and not registered") }
                        == [],
                    "after \(delay)")
            }
            try await site.run("import", home.medium.string)
            #expect(try site.store.generations() == [generation])
            #expect(try await site.program.run("gc").succeeded)
            #expect(try await site.program.faults() == [])
            #expect(kills > 0, "everything was quicker than its kill")
        }
    }

    @Test func `the refusals name the medium, what is wrong and what to do`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            _ = try home.publish("lab-node", objects: 2, bytes: 1000)
            let site = try CarriedStore(in: folder, "site")
            func refusal(_ store: CarriedStore, _ arguments: String...) async throws -> String {
                let outcome = try await store.program.run(arguments)
                #expect(!outcome.succeeded)
                return outcome.messages
            }
            #expect(
                try await refusal(home, "export", "lab-node", "--to", home.medium.string).contains("key generate NAME"))
            try await home.run("key", "generate", "home-1")
            #expect(try await refusal(home, "export", "lab-nod", "--to", "x").contains("did you mean 'lab-node'?"))
            #expect(
                try await refusal(home, "export", "lab-node", "--generation", "7", "--to", "x").contains(
                    "has no generation 7"))
            #expect(try await refusal(site, "import", folder.appending("nowhere").string).contains("nowhere"))
            #expect(try await refusal(site, "import", folder.string).contains("is no medium"))
            try await home.run("export", "lab-node", "--to", home.medium.string)
            let stranger = try await refusal(site, "import", home.medium.string)
            #expect(
                stranger.contains("is signed by 'home-1', which is not trusted here; nothing was imported"),
                "\(stranger)")
            #expect(stranger.contains("remedy: if that is the key of who made it"))
            #expect(try await site.program.run("verify", home.medium.string).status == .exited(3))
            #expect(try await home.program.run("verify", home.medium.string).succeeded)
        }
    }
}
