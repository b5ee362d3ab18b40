import Diagnostics

/// How something that Debian does not build for a platform is built from source: `targets/recipes/NAME/recipe.yaml`.
public struct Recipe: Sendable, Equatable {
    /// What one build may take; a bound on what runs wild, not a share.
    public struct Limits: Sendable, Equatable {
        /// Processor time of each process, in minutes.
        public var processorMinutes: Int
        /// Addresses of each process, in MiB.
        public var memory: Int
    }

    /// What others call it: the folder's name.
    public var name: String
    /// One sentence.
    public var summary: String
    /// An SPDX expression.
    public var licence: String
    /// The Debian source package that it builds; nil for a recipe that brings all it needs.
    public var debianSource: String?
    /// Folders of the source to take; all of it where there is none.
    public var unpack: [String]
    /// Beside the recipe, applied in order.
    public var patches: [String]
    /// Debian packages (amd64) besides the common ones.
    public var toolbox: [String]
    /// Other recipes, whose outputs the script is given.
    public var inputs: [String]
    /// Folders of `targets/` that the script reads.
    public var data: [String]
    /// Beside the recipe.
    public var script: String
    /// Path prefixes of the output that are not for the platform's programs: what runs on the build machine, or in firmware.
    public var foreignFiles: [String]
    /// What one build may take.
    public var limits: Limits
    /// Platforms that it can be built for; any where there is none.
    public var platforms: [String]
    /// Where each package and each input was asked for.
    public var positions: [String: SourcePosition]

    /// In every build's toolbox.
    public static let commonToolbox = [
        "bash", "bzip2", "coreutils", "dash", "diffutils", "findutils", "grep", "gzip", "libc-bin", "make", "mawk",
        "patch", "sed",
        "tar", "xz-utils", "zstd",
    ]

    /// Reads one recipe; its folder must have its name.
    ///
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ path: String, files: (String) -> FileContent) throws(ConfigurationError) -> Recipe {
        let tree = try YAMLNode.checked(path, against: RecipeFields.table.fields, files: files)
        let name = tree.text(RecipeFields.name) ?? ""
        let expected = folder(of: path).split(separator: "/").last.map(String.init)
        if let expected, expected != name {
            throw ConfigurationError([
                .init(
                    tree[RecipeFields.name.key]?.position ?? tree.position, RecipeFields.name.key,
                    "expected the folder's name `\(expected)`, found `\(name)`")
            ])
        }
        let limits = tree[RecipeFields.limits.key]
        var positions: [String: SourcePosition] = [:]
        for field in [RecipeFields.toolbox, RecipeFields.inputs] {
            for element in tree[field.key]?.elements ?? [] { positions[element.text ?? ""] = element.position }
        }
        if let source = tree[RecipeFields.source.key]?[RecipeFields.debian.key] {
            positions[source.text ?? ""] = source.position
        }
        return Recipe(
            name: name, summary: tree.text(RecipeFields.summary) ?? "", licence: tree.text(RecipeFields.licence) ?? "",
            debianSource: tree[RecipeFields.source.key]?.text(RecipeFields.debian),
            unpack: tree.texts(RecipeFields.unpack), patches: tree.texts(RecipeFields.patches),
            toolbox: tree.texts(RecipeFields.toolbox), inputs: tree.texts(RecipeFields.inputs),
            data: tree.texts(RecipeFields.data), script: tree.text(RecipeFields.script) ?? "build.sh",
            foreignFiles: tree.texts(RecipeFields.foreignFiles),
            limits: Limits(
                processorMinutes: limits?.text(RecipeFields.processorMinutes).flatMap { Int($0) } ?? 120,
                memory: limits?.text(RecipeFields.memory).flatMap(mebibytes) ?? 8192),
            platforms: tree.texts(RecipeFields.platforms), positions: positions)
    }
}

/// Every recipe there is, checked together.
public struct RecipeBook: Sendable {
    /// By name.
    public let recipes: [String: Recipe]

    /// - Throws: `ConfigurationError` where a recipe needs one that is not there, or itself.
    public init(_ recipes: [Recipe]) throws(ConfigurationError) {
        let known = Dictionary(recipes.map { ($0.name, $0) }) { first, _ in first }
        self.recipes = known
        var problems: [ConfigurationProblem] = []
        for recipe in recipes {
            for input in recipe.inputs where known[input] == nil {
                let nearest = nearestSpelling(to: input, among: known.keys.sorted()).map { "; did you mean `\($0)`?" }
                problems.append(
                    .init(
                        recipe.position(of: input), RecipeFields.inputs.key,
                        "no such recipe: `\(input)`\(nearest ?? "")"))
            }
            if let circle = circle(from: recipe.name, through: []) {
                problems.append(
                    .init(
                        recipe.position(of: circle.dropFirst().first ?? ""), RecipeFields.inputs.key,
                        "the inputs form a circle: \(circle.joined(separator: " -> "))"))
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    private func circle(from name: String, through path: [String]) -> [String]? {
        if path.first == name { return path + [name] }
        // A circle that does not come back to its start is told of where it begins.
        if path.contains(name) { return nil }
        for input in recipes[name]?.inputs ?? [] {
            if let found = circle(from: input, through: path + [name]) { return found }
        }
        return nil
    }

    /// The recipes of these names and all that they need, each after its inputs.
    public func closure(of names: [String]) -> [Recipe] {
        var order: [Recipe] = []
        var seen: Set<String> = []
        func visit(_ name: String) {
            guard let recipe = recipes[name], seen.insert(name).inserted else { return }
            for input in recipe.inputs { visit(input) }
            order.append(recipe)
        }
        for name in names { visit(name) }
        return order
    }
}

extension Recipe {
    fileprivate func position(of name: String) -> SourcePosition {
        positions[name] ?? SourcePosition(file: "\(self.name)/recipe.yaml", line: 1, column: 1)
    }
}

/// The keys of a recipe.
enum RecipeFields {
    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let name = Field("name", .text(.recipeName), default: nil, "What others call it: the folder's name.")
    static let summary = Field("summary", .text(.anyText), default: nil, "What it is, in one sentence.")
    static let licence = Field(
        "licence", .text(.licence), default: nil, "Under what licence its output is, in SPDX's words.")
    static let debian = Field("debian", .text(.packageName), default: nil, "A Debian source package.")
    static let source = Field(
        "source", .record([debian]), default: "none: the recipe's folder has all",
        "What is built: unpacked into `$source`, with Debian's own patches applied where all of it is unpacked.")
    static let unpack = Field(
        "unpack", .list(of: .text(.sourcePart)), default: "all of the source",
        "Folders and files of the source that are taken, `.` for all of it; Debian's own patches then stay out.")
    static let patches = Field(
        "patches", .list(of: .text(.relativePath)), default: "none", "Files beside the recipe, applied by `patch -p1`.")
    static let toolbox = Field(
        "toolbox", .list(of: .text(.packageName)), default: "none",
        "Debian packages (amd64) that the build needs besides \(Recipe.commonToolbox.map { "`\($0)`" }.joined(separator: ", "))."
    )
    static let inputs = Field(
        "inputs", .list(of: .text(.recipeName)), default: "none",
        "Other recipes, each given to the script as a variable of its name, with `_` for `-`.")
    static let data = Field(
        "data", .list(of: .text(.recipeName)), default: "none",
        "Folders of `targets/` that the script reads, each given to it as a variable of its name, with its files `common.*` and `PLATFORM.*`."
    )
    static let script = Field(
        "script", .text(.relativePath), default: "`build.sh`", "The shell script that makes `$out`.")
    static let foreignFiles = Field(
        "foreign-files", .list(of: .text(.relativePath)), default: "none",
        "Beginnings of paths in the output whose ELF files are not for the platform's programs: they run on the build machine, or in firmware."
    )
    static let processorMinutes = Field(
        "cpu-minutes", .text(TextKind("a number of minutes", .integer(1...10_000))), default: "`120`",
        "Processor time of each process.")
    static let memory = Field("memory", .text(.memory), default: "`8 GiB`", "Addresses of each process.")
    static let limits = Field(
        "limits", .record([processorMinutes, memory]), default: "see there",
        "What a build may take before it is stopped.")
    static let platforms = Field(
        "platforms", .list(of: .text(.platformName)), default: "all", "The platforms that it can be built for.")

    static let table = FieldTable(
        name: "recipe",
        purpose:
            "A `targets/recipes/NAME/recipe.yaml` says how something is built from source, for any platform with a `target`.",
        fields: [
            version, name, summary, licence, source, unpack, patches, toolbox, inputs, data, script, foreignFiles,
            limits,
            platforms,
        ])
}
