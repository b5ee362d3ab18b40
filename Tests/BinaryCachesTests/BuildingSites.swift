import BinaryCaches
import Building
import Fetching
import Foundation
import LocalStore
import MediumModel
import StoreModel
import Synchronization
import SystemPackage

/// A store where a plan is built, the files of its binary cache in a folder, and a store that builds the same plan from them.
final class BuildingSites {
    let folder: FilePath
    let home: LocalStore
    let site: LocalStore
    let cache: FilePath
    let key: SigningKey
    var ring: KeyRing
    var isRequired = false
    private let builder = NamingBuilder()
    private let lines = Lines()

    /// - Parameter cache: another pair's, instead of an own one.
    init(cache: FilePath? = nil) throws {
        folder = FilePath(NSTemporaryDirectory()).appending("bootferry-caches-\(UUID().uuidString)")
        home = try LocalStore(opening: StateDirectory(folder.appending("home")), now: { 1_700_000_000 })
        site = try LocalStore(opening: StateDirectory(folder.appending("site")), now: { 1_700_000_001 })
        self.cache = cache ?? folder.appending("cache")
        key = try SigningKey(name: "home-1", seed: Array(0..<32))
        ring = try KeyRing(trusted: [key.publicKey])
    }

    deinit {
        let removal = Process()
        removal.executableURL = URL(filePath: "/bin/sh")
        removal.arguments = ["-c", "chmod -R u+w \"$0\"; rm -rf \"$0\"", folder.string]
        try? removal.run()
        removal.waitUntilExit()
    }

    /// What was built at the site, in order.
    var built: [String] { builder.built.sorted() }
    /// What the substituter said.
    var told: [String] { lines.all }

    /// `base` -> `middle` -> `top`; each refers to the one before.
    func plan(top: String = "t", baseRemark: String = "") throws -> BuildPlan {
        var plan = BuildPlan()
        var last: StorePath?
        for (name, text) in [("base", "b"), ("middle", "m"), ("top", top)] {
            last = try plan.add(
                Derivation(
                    name: name, builder: "builtin:naming",
                    environment: [
                        "text": text, "remark": name == "base" ? baseRemark : "",
                        "input": last.map { Derivation.placeholder(for: $0) } ?? "",
                    ], inputDerivations: Set([last].compactMap { $0 })))
        }
        plan.target = last
        return plan
    }

    /// A file whose digest is known beforehand.
    func fetchPlan() throws -> (BuildPlan, output: StorePath) {
        var plan = BuildPlan()
        let fetch = Derivation(
            name: "x.deb", builder: "builtin:naming", environment: ["text": "fetched", "input": "", "remark": ""],
            outputHash: .init(method: .flat, digest: .sha256(of: "fetched\n")))
        plan.target = try plan.add(fetch)
        guard let output = try fetch.outputPath() else { throw StoreModelError("x.deb", "has no path") }
        return (plan, output)
    }

    func realiseAtHome(_ plan: BuildPlan) async throws -> StorePath {
        try await Realiser(
            store: home, builders: ["builtin:naming": NamingBuilder()], width: .init(fetches: 1, builds: 1)
        ) { _ in }.realise(plan)
    }

    func buildHomeAndPublish() async throws -> StorePath {
        let plan = try plan()
        let output = try await realiseAtHome(plan)
        try publish(plan)
        return output
    }

    /// As they are planned, and as they are resolved.
    private func derivations(of plan: BuildPlan) throws -> Set<StorePath> {
        let outputs = try home.realisations(of: plan.order)
        var all = Set(outputs.keys)
        for derivation in plan.derivations.values where derivation.outputHash == nil {
            all.insert(try derivation.resolved(with: outputs).path())
        }
        return all
    }

    /// Writes the files of home's cache, where a plan was built, as its server gives them.
    func publish(_ plan: BuildPlan) throws {
        let offered = try OfferedStore(home, signingBy: key)
        var names = ["nix-cache-info"]
        for path in try home.allValidPaths() {
            names += ["\(path.hashPart).narinfo", "nar/\(path.hashPart).nar"]
        }
        names += try derivations(of: plan).map { BuildTraceEntry.fileName(of: $0) }
        for name in names {
            guard let file = try offered.file(named: name) else { throw StoreModelError(name, "is not offered") }
            var bytes: [UInt8] = []
            for extent in file.extents {
                switch extent {
                case .literal(let literal): bytes += literal
                case .stored(let path, let offset, let length):
                    let content = try Data(contentsOf: URL(filePath: home.physicalPath(ofLogical: path).string))
                    bytes += content[offset..<offset + length]
                }
            }
            try write(name, bytes)
        }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(filePath: cache.pushing(FilePath(name)).string)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func change(_ name: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = Array(try Data(contentsOf: URL(filePath: cache.pushing(FilePath(name)).string)))
        body(&bytes)
        try write(name, bytes)
    }

    func changeInformation(of path: StorePath, _ body: (inout NARInfo) throws -> Void) throws {
        let name = "\(path.hashPart).narinfo"
        let text = try String(contentsOfFile: cache.appending(name).string, encoding: .utf8)
        var info = try NARInfo(parsing: text)
        try body(&info)
        try write(name, Array(info.text.utf8))
    }

    func substituter(_ url: String) throws -> CacheSubstituter {
        let lines = lines
        return try CacheSubstituter(
            url, seenFrom: "/", store: site, ring: ring, isRequired: isRequired,
            patience: FetchPatience(
                connectSeconds: 1, slowSeconds: 1, leastBytesPerSecond: 1024, attempts: 1, smallFileSeconds: 2)
        ) { lines.add($0) }
    }

    func realise(_ plan: BuildPlan, from url: String? = nil) async throws -> StorePath {
        var realiser = Realiser(
            store: site, builders: ["builtin:naming": builder], width: .init(fetches: 2, builds: 2)
        ) { _ in }
        realiser.substituters = [try substituter(url ?? cache.string)]
        return try await realiser.realise(plan)
    }

    func build(top: String = "t", baseRemark: String = "", from url: String? = nil) async throws -> StorePath {
        try await realise(plan(top: top, baseRemark: baseRemark), from: url)
    }
}

/// Writes its text and the path of its input, and counts how often it ran.
private final class NamingBuilder: Builder {
    private let builds = Mutex<[String]>([])

    var built: [String] { builds.withLock { $0 } }

    func build(_ request: BuildRequest) async throws {
        builds.withLock { $0.append(request.derivation.name) }
        let input = try request.require("input")
        // Enough for a byte in the middle of its archive to be one of its own.
        let text =
            try request.require("text") + "\n" + (input.isEmpty ? "" : String(repeating: "\(input)\n", count: 50))
        try text.write(toFile: request.output.string, atomically: false, encoding: .utf8)
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
