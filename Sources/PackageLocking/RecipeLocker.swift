import DebianArchive
import Diagnostics
import StoreModel
import SystemModel
import SystemPackage

/// What all recipes ask of apt.
public struct RecipeLockRequest: Sendable {
    /// The Debian release that tools and sources are of; its component `main` alone.
    public static let suite = "trixie"

    /// Names of the packages asked for, by recipe, and those that every build has by `RecipeLock.commonName`.
    public var toolboxes: [String: [String]]
    /// Names of source packages, sorted.
    public var sources: [String]
    /// Those of which a recipe needs Debian's own part besides what its authors published.
    public var wholeSources: Set<String>
    /// Where a package was asked for, so that an error can point there.
    public var positions: [String: SourcePosition]

    public init(_ book: RecipeBook) {
        toolboxes = book.recipes.mapValues { Set(Recipe.commonToolbox + $0.toolbox).sorted() }
        toolboxes[RecipeLock.commonName] = Recipe.commonToolbox
        sources = Set(book.recipes.values.compactMap(\.debianSource)).sorted()
        wholeSources = Set(book.recipes.values.filter(\.unpack.isEmpty).compactMap(\.debianSource))
        positions = [:]
        for recipe in book.recipes.values { positions.merge(recipe.positions) { min($0, $1) } }
    }

    /// What `RecipeLock.request` holds when the lock answers this request.
    public var digest: String {
        let rows = toolboxes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.joined(separator: " "))" }
        let lines = ["bootferry recipe lock 1", Self.suite] + rows + [sources.joined(separator: " ")]
        return Digest.sha256(of: lines.joined(separator: "\n")).hex
    }
}

extension PackageLocker {
    /// Locks what recipes need; versions that are locked stay, unless `update`.
    ///
    /// - Parameter missing: is told of each source of which the mirror does not have what it lists.
    /// - Throws: `LockingError`.
    public func lock(
        _ request: RecipeLockRequest, existing: RecipeLock?, update: Bool,
        missing: (MissingSource) -> Void
    ) async throws(LockingError) -> RecipeLock {
        try checkKeyring()
        let apt = AptState(
            directory: stateDirectory.appending("apt").appending("\(RecipeLockRequest.suite)-recipes"),
            suite: RecipeLockRequest.suite, components: ["main"], architecture: "amd64", mirrors: mirrors,
            keyring: keyring, lists: .packagesAndSources)
        let lockFile = try await exclusively()
        defer { try? lockFile.close() }
        try await apt.refresh()
        let known = try await apt.names()
        for (name, packages) in request.toolboxes.sorted(by: { $0.key < $1.key }) {
            guard let unknown = packages.first(where: { !known.contains($0) }) else { continue }
            let place = request.positions[unknown].map { "\($0): " } ?? ""
            let near = known.filter { abs($0.utf8.count - unknown.utf8.count) <= max(1, unknown.utf8.count / 3) }
                .sorted()
            let nearest = nearestSpelling(to: unknown, among: near).map { "; did you mean `\($0)`?" } ?? ""
            throw LockingError(
                .unknownPackage, unknown, "\(place)no such package in \(RecipeLockRequest.suite) (main)\(nearest)",
                remedy: "correct the name in the recipe '\(name)'")
        }
        let old = update ? nil : existing
        var packages: [String: LockedPackage] = [:]
        var toolboxes: [String: [String]] = [:]
        // Many recipes ask for the same, and apt's own start is most of a solution's time.
        var solved: [[String]: [LockedPackage]] = [:]
        for (name, names) in request.toolboxes.sorted(by: { $0.key < $1.key }) {
            var solution: [LockedPackage]
            if let found = solved[names] {
                solution = found
            } else {
                // What another toolbox has, or the last lock had, in the same version here.
                let pins = packages.merging((old?.packages ?? []).map { ($0.name, $0) }) { $1 }
                solution = try await solve(names, in: apt, pins: Array(pins.values))
                solved[names] = solution
            }
            toolboxes[name] = solution.map(\.name).sorted()
            for package in solution {
                if let other = packages[package.name], other != package {
                    throw LockingError(
                        .unsatisfiable, package.name,
                        "the recipe '\(name)' needs version \(package.version), another needs \(other.version)",
                        remedy: "bootferry recipe lock --update")
                }
                packages[package.name] = package
            }
        }
        var sources: [LockedPackage] = []
        for name in request.sources {
            let kept = old?.sources.filter { $0.name == name } ?? []
            if !kept.isEmpty {
                sources += kept
            } else if request.wholeSources.contains(name) {
                sources += try await apt.source(name, missing: missing)
            } else {
                sources += try await apt.files(ofSource: name)
            }
        }
        return RecipeLock(
            packages: Array(packages.values), toolboxes: toolboxes, sources: sources, request: request.digest)
    }

    /// With the pins where apt finds a solution with them; else without.
    private func solve(
        _ names: [String], in apt: AptState, pins: [LockedPackage]
    ) async throws(LockingError) -> [LockedPackage] {
        let status = apt.directory.appending("status-empty")
        guard !pins.isEmpty else { return try await apt.solve(names, pins: [], cache: "cache-recipes", status: status) }
        do throws(LockingError) {
            return try await apt.solve(
                names, pins: pins.sorted { $0.name < $1.name }, cache: "cache-recipes", status: status)
        } catch  where error.code == .unsatisfiable {
            return try await apt.solve(names, pins: [], cache: "cache-recipes", status: status)
        }
    }
}
