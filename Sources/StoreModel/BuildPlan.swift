/// Every derivation that a target needs, inputs before users.
public struct BuildPlan: Sendable {
    /// Every derivation by its `.drv` path.
    public private(set) var derivations: [StorePath: Derivation] = [:]
    /// Outputs known before anything is built, of derivations that state their content, by `.drv` path.
    public private(set) var fixedOutputs: [StorePath: StorePath] = [:]
    /// `.drv` paths in an order in which they can be built.
    public private(set) var order: [StorePath] = []
    /// Derivations that others take in and that are not planned here: their outputs are in the store.
    public private(set) var assumed: Set<StorePath> = []
    /// The derivation whose output is wanted.
    public var target: StorePath?

    public init() {}

    /// Lets derivations be taken in that are not added, by `.drv` path.
    public mutating func assume(_ derivations: some Sequence<StorePath>) { assumed.formUnion(derivations) }

    /// Adds a derivation whose input derivations were added before, and returns its `.drv` path; a second time does nothing.
    public mutating func add(_ derivation: Derivation) throws(StoreModelError) -> StorePath {
        let output = try derivation.outputPath()
        let path = try derivation.path(output: output)
        guard derivations[path] == nil else { return path }
        for input in derivation.inputDerivations where derivations[input] == nil && !assumed.contains(input) {
            throw StoreModelError("'\(derivation.name)'", "needs \(input), which was not added to the plan before it")
        }
        derivations[path] = derivation
        fixedOutputs[path] = output
        order.append(path)
        return path
    }
}
