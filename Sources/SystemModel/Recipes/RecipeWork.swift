import FileFormats

/// What `builtin:recipe` is told besides its toolbox and sources; travels as JSON in the derivation's environment.
public struct RecipeWork: Codable, Sendable, Equatable {
    /// In the recipe's folder.
    public var script: String
    /// Folders of the source to take; all where there is none.
    public var unpack: [String]
    /// In the recipe's folder.
    public var patches: [String]
    /// Beginnings of paths in the output whose ELF files are not looked at.
    public var foreignFiles: [String]
    /// Of each process.
    public var processorSeconds: Int
    /// MiB of addresses of each process.
    public var memory: Int
    /// The script's, by name: `recipe`, `TARGET`, inputs…; values may be store paths.
    public var variables: [String: String]
    /// What the ELF files of the output must be.
    public var abi: ELF.ABI

    public init(
        script: String, unpack: [String], patches: [String], foreignFiles: [String], processorSeconds: Int, memory: Int,
        variables: [String: String], abi: ELF.ABI
    ) {
        self.script = script
        self.unpack = unpack
        self.patches = patches
        self.foreignFiles = foreignFiles
        self.processorSeconds = processorSeconds
        self.memory = memory
        self.variables = variables
        self.abi = abi
    }
}
