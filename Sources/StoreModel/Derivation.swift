/// How one store object is made. Nix's derivation, with one output named `out`.
public struct Derivation: Sendable, Equatable {
    public var name: String
    public var system: String
    public var builder: String
    public var arguments: [String]
    public var environment: [String: String]
    /// Derivations whose outputs this one needs, by `.drv` path.
    public var inputDerivations: Set<StorePath>
    /// Store objects this one needs as they are.
    public var inputSources: Set<StorePath>

    public init(
        name: String, system: String = "builtin", builder: String, arguments: [String] = [],
        environment: [String: String] = [:], inputDerivations: Set<StorePath> = [],
        inputSources: Set<StorePath> = []
    ) {
        self.name = name
        self.system = system
        self.builder = builder
        self.arguments = arguments
        self.environment = environment
        self.inputDerivations = inputDerivations
        self.inputSources = inputSources
    }
}
