import LocalStore
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// A build record beside the image it is of: packages, sources and recipes as components.
struct Ingredients {
    private let record: BuildRecord
    private let image: BuiltImage
    private let taken: (of: [Set<Int>], ofAll: Set<Int>)
    /// Base names of store paths: of the loaders and the kernel, and what a segment carries under `/nix/store`.
    private let named: Set<String>
    private let places: [String: Int]

    init(_ record: BuildRecord, _ image: BuiltImage) {
        self.record = record
        self.image = image
        taken = record.ingredients()
        let outputs = record.steps.enumerated().compactMap { place, step in step.output.map { ($0, place) } }
        places = Dictionary(outputs) { first, _ in first }
        let parts = [image.manifest.kernel] + image.manifest.loaders.values
        var named = Set(parts.compactMap { try? StorePath.split($0.path).path.baseName })
        for segment in image.manifest.segments where record.steps.contains(where: { $0.recipe != nil }) {
            guard let contents = try? image.paths(carriedBy: segment) else { continue }
            for path in contents where path.hasPrefix("nix/store/") {
                named.insert(String(path.dropFirst(10).prefix { $0 != "/" }))
            }
        }
        self.named = named
    }

    /// Whether a segment of this name is a recipe's.
    func isRecipe(_ name: String) -> Bool { record.steps.contains { $0.recipe?.name == name } }

    /// Whether a segment is that of a Nix closure.
    func isClosure(_ segment: StorePath) -> Bool {
        places[segment.baseName].map { record.steps[$0].builder == "builtin:closure-segment" } ?? false
    }

    /// The package that a segment was made of.
    func package(ofSegment path: StorePath) -> LockedPackage? {
        guard let step = places[path.baseName].map({ record.steps[$0] }), step.builder == "builtin:segment" else {
            return nil
        }
        return step.inputs.lazy.compactMap { record.steps[$0].package }.first
    }

    /// All that is in the record and not among `others`, with what each was made from.
    func components(beside others: [Component]) throws -> [Component] {
        let known = Dictionary(others.compactMap { other in other.file.map { ($0.sha256, other.identifier) } }) { $1 }
        var started: Set<Int> = []
        for (place, step) in record.steps.enumerated() where step.builder == "builtin:unpack" && isNamed(step) {
            started.formUnion(taken.of[place])
        }
        var components: [Int: Component] = [:]
        for (place, step) in record.steps.enumerated() {
            if let package = step.package, known[package.sha256] == nil {
                components[place] = try component(package, place, use: started.contains(place) ? .runtime : .build)
            } else if let recipe = step.recipe {
                components[place] = try component(recipe, step)
            }
        }
        func identifier(_ place: Int) -> String? {
            components[place]?.identifier ?? record.steps[place].package.flatMap { known[$0.sha256] }
        }
        for (place, component) in components where component.kind == .recipe {
            // Told first: while a component is changed, none may be asked for.
            let ingredients = Set(taken.of[place].compactMap(identifier))
            let references = try store(record.steps[place].output).map { Set($0.references.map(\.baseName)) } ?? []
            let needed = taken.of[place].filter { record.steps[$0].output.map(references.contains) ?? false }
            let needs = Set(needed.compactMap(identifier))
            components[place]?.madeFrom = ingredients
            components[place]?.needs = needs
        }
        return components.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Whether the image names what a step made.
    private func isNamed(_ step: BuildRecord.Step) -> Bool { step.output.map(named.contains) ?? false }

    private func store(_ baseName: String?) throws -> PathRegistration? {
        try baseName.flatMap { try image.store.registration(of: StorePath(baseName: $0)) }
    }

    private func object(_ step: BuildRecord.Step) throws -> (path: String, narDigest: String)? {
        try store(step.output).map { ($0.path.description, $0.narHash.hex) }
    }

    private func component(_ package: LockedPackage, _ place: Int, use: Component.Use) throws -> Component {
        let step = record.steps[place]
        let file = (path: "\(package.archive)/\(package.poolPath)", sha256: package.sha256)
        guard package.architecture != "source" else {
            return Component(
                .debianSource, name: package.name, version: package.version, use: use, object: try object(step),
                file: file)
        }
        // `pool/main/b/bash/bash_….deb`: the folder is the source package's.
        let folders = package.poolPath.split(separator: "/").dropLast()
        return Component(
            .debianPackage(
                architecture: package.architecture, source: folders.last.map(String.init) ?? package.name,
                sourceVersion: nil), name: package.name, version: package.version, use: use,
            licence: try licence(of: package.name, place), object: try object(step), file: file)
    }

    /// By the copyright file in a tree that the package was unpacked into, while the store has one.
    private func licence(of package: String, _ place: Int) throws -> Licence {
        for step in record.steps where step.builder == "builtin:unpack" && step.inputs.contains(place) {
            guard let tree = try store(step.output)?.path else { continue }
            let root = image.store.physicalPath(of: tree)
            return Copyright.licence(of: package) { Copyright.read(of: $0, inTree: root) }
        }
        return .unknown
    }

    private func component(_ recipe: BuildRecord.RecipeFacts, _ step: BuildRecord.Step) throws -> Component {
        let segment = image.manifest.segments.first { $0.summary.name == recipe.name }
        return Component(
            .recipe, name: recipe.name, version: recipe.version, use: isNamed(step) ? .runtime : .build,
            licence: Licence(expression: recipe.licence.isEmpty ? nil : recipe.licence), object: try object(step),
            unpackedBytes: segment?.summary.unpackedBytes ?? 0, patches: recipe.patches)
    }
}

extension BuiltImage {
    /// Paths that a segment carries, without a leading slash; a directory's ends in one.
    func paths(carriedBy segment: ImageManifest.Segment) throws -> [Substring] {
        try HostFiles.text(physical(segment.part).removingLastComponent().appending("contents")).split(separator: "\n")
    }
}
