import BinaryCaches
import BootPolicy
import Building
import Fetching
import Foundation
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemPackage
import Testing

/// What one store built is taken by another, and nothing that is wrong: over `file://`, from the files that a server would give.
@Suite struct CacheSubstituterTests {
    private let sites: BuildingSites

    init() throws { sites = try BuildingSites() }

    @Test func `what home built is not built at the site`() async throws {
        let output = try await sites.buildHomeAndPublish()
        #expect(try await sites.build() == output)
        #expect(sites.built == [])
        #expect(sites.told == [])
        #expect(try sites.site.verify(width: 1) == [])
        // With all that it needs, though nothing of the middle was asked for.
        #expect(try sites.site.closure(of: [output]).order.count == 3)
        #expect(try sites.site.roots().isEmpty)
        // A second time nothing is asked.
        try FileManager.default.removeItem(atPath: sites.cache.string)
        #expect(try await sites.build() == output)
    }

    @Test(arguments: ["xz", "zstd"])
    func `a cache may be compressed`(program: String) async throws {
        let output = try await sites.buildHomeAndPublish()
        for path in try sites.home.allValidPaths() {
            let archive = sites.cache.appending("nar/\(path.hashPart).nar")
            let compression = Process()
            compression.executableURL = URL(filePath: "/usr/bin/env")
            compression.arguments = program == "xz" ? ["xz", archive.string] : ["zstd", "-q", "--rm", archive.string]
            try compression.run()
            compression.waitUntilExit()
            let suffix = program == "xz" ? "xz" : "zst"
            let bytes = Array(try Data(contentsOf: URL(filePath: "\(archive).\(suffix)")))
            try sites.changeInformation(of: path) { info in
                info.url += ".\(suffix)"
                info.compression = program
                info.fileHash = .sha256(of: bytes)
                info.fileSize = bytes.count
            }
        }
        #expect(try await sites.build() == output)
        #expect(sites.built == [])
        #expect(sites.told == [])
        #expect(try sites.site.verify(width: 1) == [])
    }

    @Test func `of a changed plan only what changed is built`() async throws {
        _ = try await sites.buildHomeAndPublish()
        _ = try await sites.build(top: "changed")
        #expect(sites.built == ["top"])
        #expect(sites.told == [])
    }

    @Test func `a derivation that is known only once its inputs are is asked for then`() async throws {
        let output = try await sites.buildHomeAndPublish()
        // Another derivation that makes the same base: those that use it are the same, once resolved.
        #expect(try await sites.build(baseRemark: "changed") == output)
        #expect(sites.built == ["base"])
    }

    @Test func `a file that is fetched by its digest is taken without anybody's word`() async throws {
        let (plan, output) = try sites.fetchPlan()
        _ = try await sites.realiseAtHome(plan)
        try sites.publish(plan)
        sites.ring = try KeyRing()
        #expect(try await sites.realise(plan) == output)
        #expect(sites.built == [])
        #expect(sites.told == [])
    }

    @Test func `a flipped byte of an archive is refused by name, and that object is built here`() async throws {
        let output = try await sites.buildHomeAndPublish()
        try sites.change("nar/\(output.hashPart).nar") { $0[$0.count / 2] ^= 1 }
        #expect(try await sites.build() == output)
        #expect(sites.built == ["top"])
        #expect(sites.told.count == 1)
        #expect(sites.told[0].contains("\(output)") && sites.told[0].contains("expected"), "\(sites.told)")
        #expect(try sites.site.verify(width: 1) == [])
    }

    @Test func `an archive that fits a forged narinfo is refused by its content address`() async throws {
        let output = try await sites.buildHomeAndPublish()
        var archive: [UInt8] = []
        try sites.change("nar/\(output.hashPart).nar") {
            $0[$0.count / 2] ^= 1
            archive = $0
        }
        try sites.changeInformation(of: output) { info in
            info.fileHash = .sha256(of: archive)
            info.registration.narHash = .sha256(of: archive)
            info.registration.signatures = []
        }
        #expect(try await sites.build() == output)
        #expect(sites.built == ["top"])
        #expect(sites.told.contains { $0.contains("\(output)") && $0.contains("content address") }, "\(sites.told)")
    }

    @Test func `a word that nobody trusts is not taken, and the cache is asked no more`() async throws {
        let output = try await sites.buildHomeAndPublish()
        for (ring, words) in [
            (try KeyRing(), "is signed by 'home-1', which is not trusted here"),
            (
                try KeyRing(trusted: [SigningKey(name: "home-1", seed: Array(9..<41)).publicKey]),
                "is not that key's"
            ), (try KeyRing(revoked: [sites.key.publicKey]), "was revoked"),
        ] {
            let other = try BuildingSites(cache: sites.cache)
            other.ring = ring
            #expect(try await other.build() == output)
            #expect(other.built == ["base", "middle", "top"])
            #expect(other.told.contains { $0.contains(words) && $0.contains("goes on without") }, "\(other.told)")
            #expect(other.told.count <= 2)
        }
    }

    @Test func `a claim of another derivation's, or of another name, is not taken`() async throws {
        let output = try await sites.buildHomeAndPublish()
        let plan = try sites.plan()
        let target = try #require(plan.target)
        let elsewhere = try StorePath(baseName: "\(String(repeating: "1", count: 32))-other")
        let entry = try BuildTraceEntry(Realisation(derivation: target, output: elsewhere), by: sites.key)
        try sites.write(BuildTraceEntry.fileName(of: target), entry.content())
        #expect(try await sites.build() == output)
        #expect(sites.told.contains { $0.contains("which no derivation of that name makes") }, "\(sites.told)")
        let swapped = try BuildingSites(cache: sites.cache)
        let other = try BuildTraceEntry(
            Realisation(derivation: plan.order[0], output: output), by: sites.key)
        try swapped.write(BuildTraceEntry.fileName(of: target), other.content())
        #expect(try await swapped.build() == output)
        #expect(swapped.told.contains { $0.contains("is not that key's") }, "\(swapped.told)")
    }

    @Test func `what is missing is built`() async throws {
        let output = try await sites.buildHomeAndPublish()
        try FileManager.default.removeItem(atPath: sites.cache.appending("nar/\(output.hashPart).nar").string)
        #expect(try await sites.build() == output)
        #expect(sites.built == ["top"])
        #expect(sites.told.count == 1)
        let base = try #require(sites.home.allValidPaths().first { $0.name == "base" })
        let other = try BuildingSites(cache: sites.cache)
        try FileManager.default.removeItem(atPath: sites.cache.appending("\(base.hashPart).narinfo").string)
        #expect(try await other.build() == output)
        // The middle comes once what it needs is built.
        #expect(other.built == ["base", "top"])
        #expect(other.told.contains { $0.contains("is missing: \(base)") }, "\(other.told)")
    }

    @Test(arguments: ["../../etc/passwd", "http://127.0.0.1/x", "nar//x", "nar/x?y"])
    func `an archive's address that leads elsewhere is refused`(url: String) async throws {
        let output = try await sites.buildHomeAndPublish()
        try sites.changeInformation(of: output) { $0.url = url }
        #expect(try await sites.build() == output)
        #expect(sites.told.contains { $0.contains("leads elsewhere") }, "\(sites.told)")
    }

    @Test func `a size that no compression explains is refused before a byte is fetched`() async throws {
        let output = try await sites.buildHomeAndPublish()
        try sites.changeInformation(of: output) { $0.fileSize = 1 << 39 }
        #expect(try await sites.build() == output)
        #expect(sites.told.contains { $0.contains("states \(1 << 39) bytes") }, "\(sites.told)")
    }

    @Test func `a cache of another store, and what is none, is said to be so`() async throws {
        _ = try await sites.buildHomeAndPublish()
        try sites.write("nix-cache-info", Array("StoreDir: /gnu/store\n".utf8))
        _ = try await sites.build()
        #expect(sites.told.count == 1)
        #expect(sites.told[0].contains("is a cache of '/gnu/store'"), "\(sites.told)")
        let other = try BuildingSites()
        _ = try await other.build()
        #expect(other.told.count == 1 && other.told[0].contains("no nix-cache-info"), "\(other.told)")
        for bad in ["", "ftp://x/y", "http://", "http://x/y?compression=xz", "http://x y"] {
            #expect(throws: (any Error).self, "\(bad)") { try other.substituter(bad) }
        }
    }

    @Test func `where the cache is required, all of this ends the build instead`() async throws {
        let output = try await sites.buildHomeAndPublish()
        sites.isRequired = true
        try sites.change("nar/\(output.hashPart).nar") { $0[$0.count / 2] ^= 1 }
        await #expect(throws: SubstitutionError.self) { try await sites.build() }
        #expect(sites.built == [])
        let other = try BuildingSites()
        other.isRequired = true
        await #expect(throws: SubstitutionError.self) { try await other.build() }
    }

    @Test(arguments: [BrokenServer.Behaviour.silent, .hangsUp, .failing, .endless, .trickling])
    func `a server that is broken costs little, and the build goes on`(_ behaviour: BrokenServer.Behaviour) async throws
    {
        let server = try BrokenServer(behaviour)
        defer { server.stop() }
        let start = ContinuousClock.now
        _ = try await sites.build(from: "http://127.0.0.1:\(server.port)/cache")
        #expect(sites.built == ["base", "middle", "top"])
        #expect(sites.told.count == 1)
        #expect(sites.told[0].contains("the build goes on without http://127.0.0.1"), "\(sites.told)")
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(server.connections == 1)
    }
}
