import StoreModel
import SystemModel

/// A plan being written: names of inputs become placeholders, and their derivations inputs.
struct PlanDraft {
    /// A value in a derivation's environment.
    enum Value {
        case text(String)
        /// The path of another derivation's output.
        case output(StorePath)
        /// Several, in order, separated by spaces.
        case outputs([StorePath])
    }

    /// Raised whenever a change of a builder changes what it makes, since the builders' code is in no derivation.
    static let builderRevision = "7"
    /// The same of `builtin:recipe` alone: what takes a kernel's time is not made again for a change of some other builder.
    static let recipeRevision = "4"

    var plan = BuildPlan()
    /// What stands for each output, since most are named several times.
    private var references: [StorePath: String] = [:]

    mutating func add(
        _ name: String, builder: String, revision: String = Self.builderRevision, _ environment: [String: Value],
        toolbox: StorePath? = nil, inputs: [StorePath] = [], sources: Set<StorePath> = []
    ) throws -> StorePath {
        var environment = environment
        environment["revision"] = .text(revision)
        if let toolbox { environment["toolbox"] = .output(toolbox) }
        var derivation = Derivation(name: name, builder: builder, inputDerivations: Set(inputs), inputSources: sources)
        for (key, value) in environment {
            switch value {
            case .text(let text): derivation.environment[key] = text
            case .output(let path):
                derivation.environment[key] = reference(to: path)
                derivation.inputDerivations.insert(path)
            case .outputs(let paths):
                derivation.environment[key] = paths.map { reference(to: $0) }.joined(separator: " ")
                derivation.inputDerivations.formUnion(paths)
            }
        }
        return try add(derivation)
    }

    private mutating func add(_ derivation: Derivation) throws -> StorePath {
        let path = try plan.add(derivation)
        if references[path] == nil {
            references[path] = plan.fixedOutputs[path]?.description ?? Derivation.placeholder(for: path)
        }
        return path
    }

    /// A fetch by digest: its output's path is known before anything is fetched.
    mutating func fetch(_ package: LockedPackage) throws -> StorePath {
        let derivation = Derivation(
            name: package.storeName, builder: "builtin:fetch",
            environment: [
                "archive": package.archive, "poolPath": package.poolPath, "size": String(package.size),
                "package": package.name,
            ],
            outputHash: .init(method: .flat, digest: try Digest(sha256Hex: package.sha256)))
        return try add(derivation)
    }

    /// Packages unpacked into one plain tree.
    mutating func unpack(_ name: String, _ packages: [LockedPackage]) throws -> StorePath {
        let debs = try packages.map { try fetch($0) }
        return try add(name, builder: "builtin:unpack", ["debs": .outputs(debs)])
    }

    /// The text that stands for a derivation's output: its path where that is known, else a placeholder.
    func reference(to path: StorePath) -> String {
        references[path] ?? Derivation.placeholder(for: path)
    }
}

extension LockedPackage {
    /// `NAME_VERSION_ARCH.deb`, or a source file's own name, in the characters that a store name may have.
    public var storeName: String {
        let file = poolPath.split(separator: "/").last.map(String.init) ?? name
        return (architecture == "source" ? file : "\(name)_\(version)_\(architecture).deb").inStoreNames
    }
}

extension String {
    /// Debian's versions also use `~` and `:`, which Nix refuses in a store object's name.
    var inStoreNames: String { String(map { $0 == "~" ? "-" : $0 == ":" ? "." : $0 }) }
}
