/// How one store object is made. Nix's derivation, with one output named `out`.
///
/// The output's path follows from its content once built (`r:sha256`, floating), unless `outputHash` states
/// the content beforehand.
public struct Derivation: Sendable, Equatable {
    /// The digest that a fetched or otherwise known output must have.
    public struct FixedOutput: Sendable, Hashable {
        /// Whether the digest is of the file's bytes or of the NAR.
        public var method: ContentAddressMethod
        /// What the output must have.
        public var digest: Digest

        public init(method: ContentAddressMethod, digest: Digest) {
            self.method = method
            self.digest = digest
        }
    }

    /// The output's name in the store.
    public var name: String
    /// Nix's word for where it is built; `builtin` here.
    public var system: String
    /// What makes it, such as `builtin:segment`.
    public var builder: String
    /// The builder's arguments.
    public var arguments: [String]
    /// The builder's settings; placeholders stand for outputs of input derivations.
    public var environment: [String: String]
    /// Derivations whose outputs this one needs, by `.drv` path.
    public var inputDerivations: Set<StorePath>
    /// Store objects this one needs as they are.
    public var inputSources: Set<StorePath>
    /// Nil for an output addressed by whatever content it turns out to have.
    public var outputHash: FixedOutput?

    public init(
        name: String, system: String = "builtin", builder: String, arguments: [String] = [],
        environment: [String: String] = [:], inputDerivations: Set<StorePath> = [],
        inputSources: Set<StorePath> = [], outputHash: FixedOutput? = nil
    ) {
        self.name = name
        self.system = system
        self.builder = builder
        self.arguments = arguments
        self.environment = environment
        self.inputDerivations = inputDerivations
        self.inputSources = inputSources
        self.outputHash = outputHash
    }

    /// The output's path where it is known before the build: fixed outputs only.
    public func outputPath() throws(StoreModelError) -> StorePath? {
        guard let outputHash else { return nil }
        return try StorePath.fixedOutput(name: name, method: outputHash.method, digest: outputHash.digest)
    }

    /// The `.drv` path: a text object of the ATerm form that refers to every input.
    public func path() throws(StoreModelError) -> StorePath { try path(output: try outputPath()) }

    /// The same where `outputPath()` has been asked already.
    func path(output: StorePath?) throws(StoreModelError) -> StorePath {
        try StorePath.text(
            name: name + ".drv", digest: Digest.sha256(of: aterm(output: output)),
            references: inputSources.union(inputDerivations))
    }
}
