import StoreModel
import SystemModel

/// What an image was made from: the steps of its build plan with what each made, as they were when they were built.
///
/// It is written down with the image, since a later plan is of other locks and recipes. The two steps that a changed setting
/// repeats (settings and image) are left out: they say nothing of packages, and one record serves all generations that differ
/// in no more.
public struct BuildRecord: Codable, Sendable, Equatable {
    /// Of this format.
    public var version = 1
    /// The system's name.
    public var system: String
    /// Inputs before users.
    public var steps: [Step]

    /// A derivation.
    public struct Step: Codable, Sendable, Equatable {
        /// Base name of its `.drv` path.
        public var derivation: String
        /// Such as `builtin:segment`.
        public var builder: String
        /// What it takes in, as places in `steps`; all smaller than its own.
        public var inputs: [Int]
        /// Base names of files and folders of the build host that it takes in.
        public var sources: [String]
        /// Base name of what it made; nil where the store did not have that when the record was written.
        public var output: String?
        /// What it fetched.
        public var package: LockedPackage?
        /// What it built from source.
        public var recipe: RecipeFacts?

        public init(
            derivation: String, builder: String, inputs: [Int] = [], sources: [String] = [], output: String? = nil,
            package: LockedPackage? = nil, recipe: RecipeFacts? = nil
        ) {
            self.derivation = derivation
            self.builder = builder
            self.inputs = inputs
            self.sources = sources
            self.output = output
            self.package = package
            self.recipe = recipe
        }
    }

    /// What a recipe said of itself.
    public struct RecipeFacts: Codable, Sendable, Equatable {
        public var name: String
        /// Of its source; empty where it has none.
        public var version: String
        /// In SPDX's words.
        public var licence: String
        /// The Debian source package.
        public var source: String?
        public var patches: [Patch]

        public init(name: String, version: String, licence: String, source: String?, patches: [Patch]) {
            self.name = name
            self.version = version
            self.licence = licence
            self.source = source
            self.patches = patches
        }
    }

    /// A change to a source, kept beside the recipe.
    public struct Patch: Codable, Sendable, Equatable {
        /// Of the file.
        public var name: String
        /// Of its bytes, in hexadecimal.
        public var sha256: String

        public init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    public init(system: String, steps: [Step]) {
        self.system = system
        self.steps = steps
    }

    /// - Parameters:
    ///   - outputs: what derivations made, by `.drv` path.
    ///   - packages: all that is locked; a fetch is told by its digest.
    ///   - recipe: what the recipe of a derivation of `builtin:recipe` says.
    public init(
        of plan: BuildPlan, system: String, outputs: [StorePath: StorePath], packages: [LockedPackage],
        recipe: (Derivation) throws -> RecipeFacts?
    ) rethrows {
        let packages = Dictionary(packages.map { ($0.sha256, $0) }) { first, _ in first }
        var places: [StorePath: Int] = [:]
        var steps: [Step] = []
        for path in plan.order {
            guard let derivation = plan.derivations[path], !Self.repeated.contains(derivation.builder) else { continue }
            places[path] = steps.count
            var step = Step(derivation: path.baseName, builder: derivation.builder)
            step.inputs = derivation.inputDerivations.compactMap { places[$0] }.sorted()
            step.sources = derivation.inputSources.map(\.baseName).sorted()
            step.output = outputs[path]?.baseName
            step.package = derivation.outputHash.flatMap { packages[$0.digest.hex] }
            if derivation.builder == "builtin:recipe" { step.recipe = try recipe(derivation) }
            steps.append(step)
        }
        self.init(system: system, steps: steps)
    }

    private static let repeated: Set = ["builtin:settings", "builtin:image"]

    /// Which record is an image's: a digest of all that its manifest names, but for what a changed setting makes anew.
    public static func key(of image: ImageManifest) -> String {
        let parts = [image.catalogue ?? "", image.kernel.path] + image.loaders.values.map(\.path).sorted()
        return String(Digest.sha256(of: parts.joined(separator: "\n")).hex.prefix(32))
    }

    /// Whether a file of this name is a record.
    public static func isKey(_ name: String) -> Bool {
        name.utf8.count == 32 && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// For each step, the packages, sources and recipes that it takes in, directly or through steps that are none of these, as
    /// places in `steps`; and the same of all steps that no other takes in.
    public func ingredients() -> (of: [Set<Int>], ofAll: Set<Int>) {
        var through: [Set<Int>] = []
        var isUsed = [Bool](repeating: false, count: steps.count)
        for (place, step) in steps.enumerated() {
            var found: Set<Int> = []
            for input in step.inputs where input < place {
                isUsed[input] = true
                if steps[input].isIngredient { found.insert(input) } else { found.formUnion(through[input]) }
            }
            through.append(found)
        }
        var all: Set<Int> = []
        for (place, step) in steps.enumerated() where !isUsed[place] {
            if step.isIngredient { all.insert(place) } else { all.formUnion(through[place]) }
        }
        return (through, all)
    }
}

extension BuildRecord.Step {
    /// Whether it stands in a bill of materials by itself.
    var isIngredient: Bool { package != nil || recipe != nil }
}
