import StoreModel
import SystemModel

extension RecipePlanner {
    /// What a system of recipes has besides their outputs, as texts of `netboot/busybox` by file name.
    public struct BaseFiles: Sendable {
        /// `init` and the programs beside it.
        public var programs: [String: String]
        /// `passwd`, `group`, `shadow` and `gshadow`.
        public var accounts: [String: String]

        /// What the account files are called.
        public static let accountNames: Set = ["passwd", "group", "shadow", "gshadow"]

        public init(_ files: [String: String]) {
            programs = files.filter { !Self.accountNames.contains($0.key) }
            accounts = files.filter { Self.accountNames.contains($0.key) }
        }
    }

    /// The build plan whose target is the image manifest of a system of recipes.
    ///
    /// Each line a derivation and what it takes in, besides those of the recipes:
    ///
    ///     init              netboot/busybox, compressor
    ///     closure-segment   a recipe's output and all it refers to, compressor
    ///     catalogue         init, the closures' segments
    ///     accounts          netboot/busybox
    ///     settings          accounts, catalogue, compressor
    ///     image             catalogue, settings, the kernel's recipe -> the manifest
    ///
    /// - Parameter board: the system's.
    public func plan(
        _ system: ResolvedSystem, board: Board? = nil, base: BaseFiles, hostFiles: [String: StorePath]
    ) throws -> BuildPlan {
        var draft = PlanDraft()
        let kernelRecipe = system.kernelRecipe ?? ""
        let loaderRecipes = platform.loaders.compactMap(\.recipe)
        let outputs = try outputs(of: system.recipes + [kernelRecipe] + loaderRecipes, in: &draft)
        guard let tools = lock.toolbox(of: RecipeLock.commonName), let kernel = outputs[kernelRecipe] else {
            throw PlanningError(
                subject: system.name, message: "needs what is not in the recipes' lock", remedy: "bootferry recipe lock"
            )
        }
        let compressor = try draft.unpack("compressor", Planner.compressorPackages(of: tools))
        let first = try draft.add(
            "init-segment", builder: "builtin:init", ["files": .text(try canonicalJSON(base.programs))],
            toolbox: compressor)
        var segments: [StorePath] = []
        var before: [StorePath] = []
        for name in system.recipes {
            guard let output = outputs[name] else { continue }
            segments.append(
                try draft.add(
                    "\(name)-segment", builder: "builtin:closure-segment",
                    ["name": .text(name), "root": .output(output), "before": .outputs(before)], toolbox: compressor))
            before.append(output)
        }
        let catalogue = try draft.add(
            "catalogue", builder: "builtin:catalogue", ["segments": .outputs([first] + segments)])
        let accounts = try draft.add(
            "accounts", builder: "builtin:accounts", ["files": .text(try canonicalJSON(base.accounts))])
        let settings = try draft.add(
            "settings", builder: "builtin:settings",
            [
                "settings": .text(
                    try canonicalJSON(NodeSettings(of: system, hostFiles: hostFiles.mapValues(\.description)))),
                "configuration": .output(accounts), "catalogue": .output(catalogue),
            ], toolbox: compressor, sources: Set(hostFiles.values))
        var loaders: [String: String] = [:]
        var inputs = [settings, kernel]
        for loader in platform.loaders {
            guard let output = loader.recipe.flatMap({ outputs[$0] }) else { continue }
            loaders[loader.name] = "\(draft.reference(to: output))/\(loader.path)"
            inputs.append(output)
        }
        let image = ImageRequest(
            system: system.name, platform: system.platform, kernelParameters: ["panic=60"] + system.kernelParameters,
            kernel: draft.reference(to: kernel), settings: draft.reference(to: settings), loaders: loaders,
            uBoot: board.flatMap { uBootImage($0, kernel: draft.reference(to: kernel), memory: system.memory) },
            memory: min(system.memory, board?.memory ?? system.memory),
            largestLoad: board == nil ? platform.largestLoad : nil)
        draft.plan.target = try draft.add(
            "\(system.name)-image", builder: "builtin:image",
            ["image": .text(try canonicalJSON(image)), "catalogue": .output(catalogue)], inputs: inputs)
        return draft.plan
    }

    private func uBootImage(_ board: Board, kernel: String, memory: Int) -> UBootImageRequest? {
        board.uBoot.map { uBoot in
            UBootImageRequest(
                board: board.name, format: board.format, uBoot: uBoot, memory: min(memory, board.memory),
                kernel: "\(kernel)/image.gz", unpackedKernel: "\(kernel)/image.size",
                deviceTree: board.deviceTree.map { "\(kernel)/devicetrees/\($0)" })
        }
    }
}
