import Foundation
import Glibc
import LocalStore
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// What `export --with-sources` carries, built again at a site that has no network interface but the loopback, and that one down.
@Suite(.serialized, .timeLimit(.minutes(30)))
struct RebuildTests {
    static let isFull = ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1"

    private struct Checkout: Decodable {
        var folder: String
        var configuration: String
        var build: [String]
    }

    /// A store that was never anywhere near a network, and trusts the home's key.
    private struct Site {
        let program: BootferryProgram
        let folder: FilePath

        init(_ name: String, in folder: FilePath, trusting key: String) async throws {
            program = BootferryProgram(stateDirectory: folder.appending(name))
            self.folder = folder
            try #require(try await program.run("key", "trust", key).succeeded)
        }

        /// Runs a verb in a network namespace of its own.
        @discardableResult
        func run(_ arguments: String...) async throws -> String { try await run(arguments) }

        @discardableResult
        func run(_ arguments: [String]) async throws -> String {
            let prefix = ["unshare", "--net"] + (geteuid() == 0 ? [] : ["--map-auto", "--map-root-user"])
            let outcome = try await program.run(arguments, prefix: prefix)
            guard outcome.succeeded else {
                throw VerbFailed(
                    description: "\(arguments): \(outcome.status)\n\(outcome.output)\(outcome.messages)")
            }
            return outcome.output
        }

        func checkOut(_ system: String) async throws -> Checkout {
            let answer = try await run("checkout", system, "--to", folder.appending("\(system).d").string, "--json")
            return try JSONDecoder().decode(Checkout.self, from: Data(answer.utf8))
        }

        /// Builds as `checkout` says.
        func build(_ checkout: Checkout, _ options: String...) async throws -> BuildReport {
            let words = try #require(checkout.build.first == "bootferry" ? Array(checkout.build.dropFirst()) : nil)
            return try JSONDecoder().decode(
                BuildReport.self, from: Data(try await run(words + ["--json"] + options).utf8))
        }

        func has(_ path: String) -> Bool {
            let object = program.stateDirectory.appending("store").appending(FilePath(path).lastComponent!)
            return FileManager.default.fileExists(atPath: object.string)
        }
    }

    private func expectSameFiles(_ names: [String], in first: FilePath, and second: FilePath) async throws {
        for name in names {
            let same = try await execute(["cmp", first.appending(name).string, second.appending(name).string])
            #expect(same.succeeded, "\(name): \(same.output)\(same.messages)")
        }
    }

    /// The kit that a medium has, by its manifest.
    private func kit(on medium: FilePath) throws -> String {
        let manifest = try String(contentsOfFile: medium.appending("medium-manifest").string, encoding: .utf8)
        return "/nix/store/\(try #require(manifest.firstMatch(of: /\nRoot: (\S+-rebuild-kit)\n/)).1)"
    }

    private func generateKey(_ home: BootferryProgram) async throws -> String {
        try await home.run("key", "generate", "home-1").output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func `minimal is built again without a network, byte for byte, and what its medium lacks is named`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try await BootferryProgram.copyOfShared(in: folder)
            let built = try await home.build(BootferryProgram.minimal, "--output", folder.appending("here").string)
            let key = try await generateKey(home)
            let medium = folder.appending("medium")
            let export = try await home.run(
                "export", "minimal", "--with-sources", "--without-bootferry", "--level", "1", "--to", medium.string)
            try #require(export.succeeded, "\(export.messages)")
            #expect(export.messages.contains(/minimal is rebuilt from \d+ files/), "\(export.messages)")

            // The kit alone: nothing that the build makes is here beforehand.
            let site = try await Site("site", in: folder, trusting: key)
            try await site.run("import", medium.string, "--path", try kit(on: medium))
            #expect(
                !site.has(built.image)
                    && built.segments.allSatisfy {
                        !site.has(String($0.segment.split(separator: "/").dropLast().last!))
                    })
            let checkout = try await site.checkOut("minimal")
            let again = try await site.build(checkout, "--output", folder.appending("there").string)
            #expect(again.image == built.image)
            try await expectSameFiles(
                ["vmlinuz", "initramfs.img"], in: folder.appending("here"), and: folder.appending("there"))

            // Who knows the configuration and trusts the key need not build: the medium says what made the image.
            let taker = try await Site("taker", in: folder, trusting: key)
            let taken = try await taker.run(
                "build", "minimal", "--offline", "--substituter", medium.string, "--json")
            #expect(taken.contains("\"\(built.image)\"") && taker.has(built.image))
            let stranger = BootferryProgram(stateDirectory: folder.appending("stranger"))
            let refused = try await stranger.run("build", "minimal", "--offline", "--substituter", medium.string)
            #expect(refused.status == .exited(1) && refused.messages.contains("is signed by"), "\(refused.messages)")
            try await expectFaultsToBeNamed(on: medium, key, in: folder)
        }
    }

    private func expectFaultsToBeNamed(on medium: FilePath, _ key: String, in folder: FilePath) async throws {
        let program = BootferryProgram(stateDirectory: folder.appending("checking"))
        try #require(try await program.run("key", "trust", key).succeeded)
        #expect(try await program.run("verify", medium.string).succeeded)
        let infos = try FileManager.default.contentsOfDirectory(atPath: medium.string).filter {
            $0.hasSuffix(".narinfo")
        }.map { try (name: $0, text: String(contentsOfFile: medium.appending($0).string, encoding: .utf8)) }
        func info(of package: String) throws -> (name: String, text: String) {
            try #require(infos.first { $0.text.split(separator: "\n").first?.contains("-\(package)_") == true })
        }
        let (lost, damaged) = (try info(of: "bash"), try info(of: "zstd"))
        try FileManager.default.removeItem(atPath: medium.appending(lost.name).string)
        let archive = String(try #require(damaged.text.firstMatch(of: /URL: (\S+)/)).1)
        let file = try FileHandle(forUpdating: URL(filePath: medium.pushing(FilePath(archive)).string))
        try file.seek(toOffset: 1000)
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: 1000)
        try file.write(contentsOf: Data([byte ^ 1]))
        try file.close()
        for verb in ["verify", "import"] {
            let outcome = try await program.run(verb, medium.string)
            #expect(outcome.status == .exited(3))
            #expect(outcome.output.contains("'\(lost.name)': is missing"), "\(verb): \(outcome.output)")
            #expect(outcome.output.contains("'\(archive)': is damaged"), "\(verb): \(outcome.output)")
            #expect(outcome.output.split(separator: "\n").filter { $0.hasPrefix("'") }.count == 2, "\(outcome.output)")
        }
        // What came is whole, and what is not here is named when it is needed: each file once.
        let build = try await program.run("build", "minimal", "--offline")
        #expect(build.status == .exited(1))
        #expect(build.messages.contains("2 files: not in the store, and nothing may be fetched"), "\(build.messages)")
        for package in ["bash", "zstd"] { #expect(build.messages.split(separator: " \(package)_").count == 2) }
    }

    @Test func `a system of one's own comes along with the files that it names, by tar and by volumes`() async throws {
        try await withTemporaryFolder { folder in
            let home = try await BootferryProgram.copyOfShared(in: folder)
            let systems = folder.appending("lab/systems")
            let copied = try await execute([
                "sh", "-c", "mkdir \"$1\" && cp -R \"$0/targets/systems\" \"$1/systems\" && mkdir \"$1/systems/mine\"",
                BootferryProgram.checkout.string, folder.appending("lab").string,
            ])
            try #require(copied.succeeded, "\(copied.messages)")
            let file = systems.appending("mine/system.yaml")
            func write(_ source: String) throws {
                let text = "version: 1\nimports: [../minimal/system.yaml]\nfiles:\n  /etc/motd: {source: \(source)}\n"
                try Data(text.utf8).write(to: URL(filePath: file.string))
            }
            try write("motd")
            try Data("from home\n".utf8).write(to: URL(filePath: systems.appending("mine/motd").string))
            try FileManager.default.copyItem(
                atPath: systems.appending("minimal/system.lock").string,
                toPath: systems.appending("mine/system.lock").string)
            let built = try await home.build(file)
            let key = try await generateKey(home)
            func export(_ options: String...) async throws -> BootferryProgram.Outcome {
                try await home.run(
                    ["export", file.string, "--with-sources", "--without-bootferry", "--level", "1"] + options)
            }
            let archive = folder.appending("mine.tar").string
            #expect(try await export("--to", archive).succeeded)
            #expect(try await export("--to", folder.appending("sticks").string, "--volume-size", "60M").succeeded)
            let volumes = try FileManager.default.contentsOfDirectory(atPath: folder.appending("sticks").string)
                .map { folder.appending("sticks").appending($0).string }
            #expect(volumes.count > 1)

            let first = try await Site("first", in: folder, trusting: key)
            #expect(try await first.program.run(["verify"] + volumes).succeeded)
            try await first.run(["import"] + volumes)
            let checkout = try await first.checkOut("mine")
            #expect(checkout.configuration.hasSuffix("mine.d/configuration/systems/mine/system.yaml"))
            let motd = FilePath(checkout.configuration).removingLastComponent().appending("motd").string
            #expect(try String(contentsOfFile: motd, encoding: .utf8) == "from home\n")
            // Nothing is known here of what made what: all of it is built, and is the image that was imported.
            let again = try await first.build(checkout)
            #expect(again.image == built.image && again.generation == 1)
            try Data("from the site\n".utf8).write(to: URL(filePath: motd))
            let changed = try await first.build(checkout)
            #expect(changed.generation == 2)
            #expect(try await changed.contents(of: "etc/motd") == "from the site\n")
            #expect(try await first.program.faults() == [])

            // What a site has is left out.
            let siteKey = try await first.run("key", "generate", "site-1")
            #expect(
                try await home.run("key", "trust", siteKey.trimmingCharacters(in: .whitespacesAndNewlines)).succeeded)
            try await first.run("inventory", "--to", folder.string)
            let next = try await export("--to", archive, "--since", folder.appending("inventory").string, "--json")
            #expect(next.output.contains("\"written\" : 0"), "\(next.output)\(next.messages)")

            // From site to site, without the configuration.
            let onward = try await first.program.run(
                "export", "mine", "--generation", "1", "--with-sources", "--without-bootferry", "--to",
                folder.appending("onward").string)
            #expect(onward.succeeded, "\(onward.messages)")
            _ = try kit(on: folder.appending("onward"))

            let second = try await Site("second", in: folder, trusting: key)
            try FileManager.default.removeItem(atPath: archive)
            #expect(try await export("--to", archive).succeeded)
            let imported = try await second.program.run("import", archive)
            #expect(imported.messages.contains("'bootferry checkout mine --to DIR'"), "\(imported.messages)")
            #expect(try await second.run("checkout").contains("mine  1  "))
            let taken = try await second.program.run("checkout", "mine", "--to", folder.string)
            #expect(taken.status == .exited(2) && taken.messages.contains("is there, and is no empty folder"))
            let unknown = try await second.program.run("checkout", "minimal", "--to", folder.appending("x").string)
            #expect(unknown.status == .exited(2) && unknown.messages.contains("was not imported with its sources"))

            try write(systems.appending("mine/motd").string)
            let absolute = try await export("--to", folder.appending("x").string)
            #expect(absolute.status == .exited(2))
            #expect(absolute.messages.contains("is named by its absolute path"), "\(absolute.messages)")
            try write("system.yaml")
            let other = try await export("--to", folder.appending("x").string)
            #expect(other.status == .exited(2))
            #expect(other.messages.contains("mine generation 1: is not what the configuration"), "\(other.messages)")
            #expect(!FileManager.default.fileExists(atPath: folder.appending("x").string))
        }
    }

    @Test func `offline, an empty store names every file of a system once, and a lock that is missing`() async throws {
        _ = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            let empty = BootferryProgram(stateDirectory: folder.appending("state"))
            let outcome = try await empty.run("build", "minimal", "--offline")
            #expect(outcome.status == .exited(1))
            let lock = try String(
                contentsOfFile: BootferryProgram.minimal.removingLastComponent().appending("system.lock").string,
                encoding: .utf8)
            let locked = Set(lock.matches(of: /"sha256": ?"([0-9a-f]{64})"/).map(\.1))
            let named = outcome.messages.matches(of: /sha256 ([0-9a-f]{64})/).map(\.1)
            #expect(!locked.isEmpty && named.count == locked.count && Set(named) == locked, "\(outcome.messages)")

            let system = try TestSystem(in: folder, "hostname: other\npackages: [less]")
            let unlocked = try await empty.run("build", system.file.string, "--offline")
            #expect(unlocked.status == .exited(2))
            #expect(unlocked.messages.contains("without a network nothing is locked"), "\(unlocked.messages)")
            for (options, reason) in [
                (["--mirror", "http://127.0.0.1/debian"], "--offline asks no mirror"),
                (["--substituter", "http://127.0.0.1/cache"], "a folder is no network"),
            ] {
                let wrong = try await empty.run(["build", "minimal", "--offline"] + options)
                #expect(wrong.status == .exited(2) && wrong.messages.contains(reason), "\(wrong.messages)")
            }
        }
    }

    @Test
    func
        `the C library of rescue is built again from its sources without a network; with TEST_FULL all of rescue, kernel too`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let rescue = BootferryProgram.checkout.appending("targets/systems/rescue")
            let built = try await BootferryProgram.shared.build(rescue, "--output", folder.appending("here").string)
            let recipe = ["recipe", "build", "musl", "--platform", "ppc64-elfv2"]
            let library = try await BootferryProgram.shared.run(recipe)
            let name = try #require(
                FilePath(library.output.trimmingCharacters(in: .whitespacesAndNewlines)).lastComponent)
            let home = try await BootferryProgram.copyOfShared(in: folder)
            let key = try await generateKey(home)
            let medium = folder.appending("medium")
            let export = try await home.run(
                "export", "rescue", "--with-sources", "--without-bootferry", "--level", "1", "--to", medium.string)
            try #require(export.succeeded, "\(export.messages)")

            let site = try await Site("site", in: folder, trusting: key)
            try await site.run("import", medium.string, "--path", try kit(on: medium))
            let checkout = try await site.checkOut("rescue")
            #expect(!site.has(name.string) && !site.has(built.image))
            guard Self.isFull else {
                let again = try await site.run(recipe + ["--data-dir", checkout.folder, "--offline"])
                #expect(FilePath(again.trimmingCharacters(in: .whitespacesAndNewlines)).lastComponent == name)
                return
            }
            let again = try await site.build(checkout, "--output", folder.appending("there").string)
            #expect(again.image == built.image)
            try await expectSameFiles(
                ["vmlinuz", "initramfs.img"], in: folder.appending("here"), and: folder.appending("there"))
        }
    }
}
