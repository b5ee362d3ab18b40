import ArgumentParser
import BinaryCaches
import BootPolicy
import Carrying
import StoreModel

/// The store as a Nix binary cache, beside what boots.
struct BinaryCacheOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Give the whole store to everybody who asks, as a Nix binary cache below /binary-cache/ of the port for HTTP.",
            discussion: """
                Read only, signed by this site's key. 'bootferry build --substituter' and a real nix ('nix copy --from') take it.
                """))
    var binaryCache = false
    @Option(help: ArgumentHelp("The key to sign the cache with; the only one there is by default.", valueName: "name"))
    var binaryCacheKey: String?

    func validate() throws {
        if binaryCacheKey != nil, !binaryCache { throw ValidationError("--binary-cache-key goes with --binary-cache") }
    }

    /// The cache, and whose word it is; nil where none is asked for. The key is read now: the server may not be able to later.
    func offered(in workspace: Workspace) throws -> (store: OfferedStore, key: PublicKey)? {
        guard binaryCache else { return nil }
        let key = try KeyStore(workspace.store.directory).signingKey(binaryCacheKey)
        return (try OfferedStore(workspace.store, signingBy: key), key.publicKey)
    }
}
