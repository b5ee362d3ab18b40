import Diagnostics
import StoreModel
import SystemModel

/// Turns recipes and their lock into derivations; runs nothing, reads nothing.
///
/// The plan of one recipe, each line a derivation and what it takes in:
///
///     fetch      a locked package or a file of a source, by digest
///     unpack     the packages of the recipe's toolbox -> a plain tree
///     recipe     toolbox, source, the recipe's folder, the outputs of its inputs
///
/// A recipe's output is addressed by its content, so a changed recipe that makes the same stops the rebuild there.
public struct RecipePlanner: Sendable {
    /// Every recipe there is.
    public var book: RecipeBook
    /// What they are pinned to.
    public var lock: RecipeLock
    /// What is built for.
    public var platform: Platform
    /// Store paths of the recipes' folders, by recipe.
    public var folders: [String: StorePath]
    /// Store paths of folders of `targets/` that recipes read, by name.
    public var data: [String: StorePath]

    public init(
        book: RecipeBook, lock: RecipeLock, platform: Platform, folders: [String: StorePath], data: [String: StorePath]
    ) {
        self.book = book
        self.lock = lock
        self.platform = platform
        self.folders = folders
        self.data = data
    }

    /// The build plan whose target is a recipe's output.
    public func plan(_ name: String) throws -> BuildPlan {
        var draft = PlanDraft()
        draft.plan.target = try outputs(of: [name], in: &draft)[name]
        return draft.plan
    }

    /// Adds recipes and all that they need; their derivations by recipe.
    func outputs(of names: [String], in draft: inout PlanDraft) throws -> [String: StorePath] {
        guard let target = platform.target else {
            throw PlanningError(
                subject: platform.name, message: "has no 'target', so nothing can be built for it",
                remedy: "name another platform")
        }
        for name in names where book.recipes[name] == nil {
            let nearest = nearestSpelling(to: name, among: book.recipes.keys.sorted())
            throw PlanningError(
                subject: name, message: "is no recipe" + (nearest.map { "; did you mean '\($0)'?" } ?? ""),
                remedy: "the recipes: \(book.recipes.keys.sorted().joined(separator: ", "))")
        }
        var outputs: [String: StorePath] = [:]
        for recipe in book.closure(of: names) {
            guard recipe.platforms.isEmpty || recipe.platforms.contains(platform.name) else {
                throw PlanningError(
                    subject: recipe.name, message: "cannot be built for '\(platform.name)'",
                    remedy: "its platforms: \(recipe.platforms.joined(separator: ", "))")
            }
            outputs[recipe.name] = try add(recipe, target, outputs, to: &draft)
        }
        return outputs
    }

    private func add(
        _ recipe: Recipe, _ target: Platform.Target, _ outputs: [String: StorePath], to draft: inout PlanDraft
    ) throws -> StorePath {
        guard let packages = lock.toolbox(of: recipe.name), let folder = folders[recipe.name] else {
            throw PlanningError(
                subject: recipe.name, message: "is not in the recipes' lock", remedy: "bootferry recipe lock")
        }
        let toolbox = try draft.unpack("toolbox", packages)
        let files = try sourceFiles(of: recipe)
        let sources = try files.map { try draft.fetch($0) }
        var variables = [
            "PLATFORM": platform.name, "TARGET": target.triple, "KERNEL_ARCH": target.kernelArchitecture,
            "TARGET_CFLAGS": target.compilerFlags.joined(separator: " "), "ENDIAN": target.abi.byteOrder,
            "recipe": folder.description,
        ]
        var inputSources: Set<StorePath> = [folder]
        for name in recipe.data {
            guard let path = data[name] else {
                throw PlanningError(subject: recipe.name, message: "reads 'targets/\(name)', which is not there")
            }
            variables[variable(name)] = path.description
            inputSources.insert(path)
        }
        for name in recipe.inputs {
            guard let input = outputs[name] else { continue }
            variables[variable(name)] = draft.reference(to: input)
        }
        let work = RecipeWork(
            script: recipe.script, unpack: recipe.unpack.contains(".") ? [] : recipe.unpack, patches: recipe.patches,
            foreignFiles: recipe.foreignFiles, processorSeconds: recipe.limits.processorMinutes * 60,
            memory: recipe.limits.memory, variables: variables, abi: target.abi)
        let version = files.first.map { "-\($0.version)" } ?? ""
        return try draft.add(
            "\(recipe.name)\(version)".inStoreNames, builder: "builtin:recipe", revision: PlanDraft.recipeRevision,
            ["work": .text(try canonicalJSON(work)), "sources": .outputs(sources)], toolbox: toolbox,
            inputs: recipe.inputs.compactMap { outputs[$0] }, sources: inputSources)
    }

    private func variable(_ name: String) -> String { name.replacing("-", with: "_") }

    /// Of a source of which only some is unpacked, Debian's own part is not fetched.
    private func sourceFiles(of recipe: Recipe) throws(PlanningError) -> [LockedPackage] {
        guard let source = recipe.debianSource else { return [] }
        let files = lock.sources.filter { $0.name == source }.sorted { $0.poolPath < $1.poolPath }
        let wanted = recipe.unpack.isEmpty ? files : files.filter { $0.poolPath.contains(".orig") }
        guard !wanted.isEmpty else {
            throw PlanningError(
                subject: recipe.name, message: "has a source '\(source)' that is not in the recipes' lock",
                remedy: "bootferry recipe lock")
        }
        // Signatures of upstream serve nobody here.
        return wanted.filter { !$0.poolPath.hasSuffix(".asc") }
    }
}
