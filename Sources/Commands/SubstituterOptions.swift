import ArgumentParser
import BinaryCaches
import Building
import Carrying
import LocalStore

/// Where a build takes what others built.
struct SubstituterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take what is built already from this Nix binary cache (http, https, file, or a folder); may be repeated.",
            discussion: """
                What a derivation made must be said by a key that is trusted here ('bootferry key trust'), and every object proved
                to its last byte. What the cache does not have, or has wrong, is built here.
                """, valueName: "url"))
    var substituter: [String] = []
    @Flag(help: "End the build where a substituter does not answer or gives something wrong.")
    var requireSubstituter = false

    func validate() throws {
        if requireSubstituter, substituter.isEmpty {
            throw ValidationError("--require-substituter goes with --substituter URL")
        }
    }

    /// Throws where a build that shall use no network names a cache behind one.
    func requireLocal(_ mirror: MirrorOptions) throws {
        guard mirror.offline, let remote = substituter.first(where: { $0.hasPrefix("http") }) else { return }
        throw ValidationError("--offline and --substituter \(remote) exclude each other; a folder is no network")
    }

    func substituters(for store: LocalStore, _ terminal: Terminal) throws -> [CacheSubstituter] {
        guard !substituter.isEmpty else { return [] }
        let ring = try KeyStore(store.directory).ring()
        return try substituter.map {
            try CacheSubstituter(
                $0, seenFrom: currentDirectory(), store: store, ring: ring, isRequired: requireSubstituter,
                tell: { terminal.message($0) })
        }
    }
}
