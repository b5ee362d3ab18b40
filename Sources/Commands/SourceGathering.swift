import Building
import Diagnostics
import Fetching
import Foundation
import LocalStore
import PackageLocking
import Planning
import Proofs
import StoreModel
import Synchronization
import SystemModel
import SystemPackage

/// Finds and fetches the sources of all that a generation has in it.
struct SourceGathering: Sendable {
    let image: BuiltImage
    /// As the command line names the system.
    let name: String
    let workspace: Workspace
    let mirror: MirrorOptions

    private typealias Absence = SourceIndex.Absence

    /// Everything that is found is in the store, and in the archive's index what is not.
    func gather() async throws -> SourceArchive {
        let record = try image.requiredBuildRecord()
        let bill = try await image.bill(record)
        let packages = bill.runtime.filter(\.isDebianPackage)
        let wanted = try sources(of: packages)
        let found = try await find(Set(wanted.values.joined()))
        let recipes = record.steps.filter { $0.recipe != nil }
        let locked = recipes.flatMap { sourceFiles(of: $0, record) }
        let fetched = try await fetch(found.files.values.flatMap(\.self) + locked)
        await takeInRecipes(recipes)

        var archive = Contents(store: workspace.store, fetched: fetched)
        var reasons = found.reasons
        for (source, files) in found.files {
            if let reason = archive.add(files) { reasons[source] = reason }
        }
        var entries: [SourceIndex.Entry] = []
        var missing: [Absence] = []
        for package in packages {
            let sources = wanted[package.identifier] ?? []
            entries.append(
                .init(
                    package, kind: "debian", sources: sources.map(\.description),
                    files: sources.flatMap { found.files[$0] ?? [] }.map(\.archivePath).filter(archive.has)))
        }
        for (source, reason) in reasons {
            let users = packages.filter { wanted[$0.identifier]?.contains(source) ?? false }.map(\.name)
            missing.append(Absence(source: source.description, neededBy: Set(users).sorted(), reason: reason))
        }
        for closure in bill.runtime where closure.kind == .nixClosure {
            missing.append(
                Absence(
                    source: closure.name, neededBy: [closure.name],
                    reason: "a Nix closure was built elsewhere, and does not say from what"))
        }
        for step in recipes {
            let files = sourceFiles(of: step, record)
            if let reason = archive.add(files), let source = sourceName(of: step) {
                missing.append(Absence(source: source, neededBy: [step.recipe?.name ?? ""], reason: reason))
            }
            var paths = files.map(\.archivePath).filter(archive.has)
            for object in step.sources {
                guard let more = try archive.add(folder: StorePath(baseName: object)) else {
                    missing.append(
                        Absence(
                            source: "recipe \(step.recipe?.name ?? "")", neededBy: [step.recipe?.name ?? ""],
                            reason: "\(object) is no longer in the store, and the recipe was changed since: build again"
                        ))
                    continue
                }
                paths += more
            }
            entries += bill.components.filter { $0.kind == .recipe && $0.name == step.recipe?.name }.map {
                .init($0, kind: "recipe", sources: [sourceName(of: step)].compactMap(\.self), files: paths)
            }
        }
        let index = SourceIndex(
            system: image.manifest.system, generation: image.generation.number, image: image.path.description,
            components: entries, files: Array(archive.files.values), missing: missing)
        return SourceArchive(index: index, places: archive.places, time: BillOfImage.time(of: image.generation))
    }

    // MARK: Debian's packages

    /// The source packages that each was built from, by the package's identifier.
    private func sources(of packages: [Component]) throws -> [String: [SourcePackage]] {
        var used: [String: [SourcePackage]] = [:]
        for segment in image.manifest.segments {
            guard let stanza = try image.stanza(of: segment), let name = stanza["Package"] else { continue }
            used[name] = ["Built-Using", "Static-Built-Using"].compactMap { stanza[$0] }
                .flatMap(SourcePackage.list(builtUsing:))
        }
        var sources: [String: [SourcePackage]] = [:]
        for package in packages {
            guard case .debianPackage(_, let source, let version) = package.kind else { continue }
            let own = SourcePackage(
                name: source, version: version ?? SourcePackage.version(ofSourceFor: package.version))
            sources[package.identifier] = Set([own] + (used[package.name] ?? [])).sorted()
        }
        return sources
    }

    /// The files of source packages by what the mirror's lists say now, and why there are none of some.
    private func find(
        _ sources: Set<SourcePackage>
    ) async throws -> (files: [SourcePackage: [LockedPackage]], reasons: [SourcePackage: String]) {
        guard !sources.isEmpty else { return ([:], [:]) }
        guard !mirror.offline else {
            return ([:], Dictionary(uniqueKeysWithValues: sources.map { ($0, "--offline asks no mirror for it") }))
        }
        workspace.terminal.status("asking for \(sources.count) source packages (apt)")
        defer { workspace.terminal.status("") }
        let base = try SystemSource(name, data: workspace.data).system.base
        let (files, versions) = try await PackageLocker(
            stateDirectory: workspace.store.directory.path, mirrors: try await mirror.list()
        ).find(sources, in: base)
        var reasons: [SourcePackage: String] = [:]
        for source in sources where files[source] == nil {
            let others = versions[source.name] ?? []
            reasons[source] =
                others.isEmpty
                ? "the mirror lists no source package of this name"
                : "the mirror lists version \(others.joined(separator: ", ")) alone; one that keeps old versions may have it"
        }
        return (files, reasons)
    }

    // MARK: Recipes

    /// `NAME VERSION` of the source package that a recipe builds, if any.
    private func sourceName(of step: BuildRecord.Step) -> String? {
        step.recipe.flatMap { recipe in recipe.source.map { "\($0) \(recipe.version)" } }
    }

    /// What a recipe's source was fetched as.
    private func sourceFiles(of step: BuildRecord.Step, _ record: BuildRecord) -> [LockedPackage] {
        step.inputs.compactMap { record.steps[$0].package }.filter { $0.architecture == "source" }
    }

    /// Puts the recipes' folders into the store again, from where a collection may have taken them. Where that fails, or they
    /// are others now, the index says what is missing.
    private func takeInRecipes(_ recipes: [BuildRecord.Step]) async {
        guard !recipes.isEmpty, let offline = try? MirrorOptions.parse(["--offline"]),
            let platform = try? workspace.data.platform(image.manifest.platform)
        else { return }
        _ = try? await RecipePipeline(workspace: workspace, mirror: offline).planner(for: platform)
    }

    // MARK: Fetching

    /// Where each file is that could be had, by SHA-256.
    private func fetch(
        _ packages: [LockedPackage]
    ) async throws -> [String: FilePath] {
        let terminal = workspace.terminal
        let plan = try BuildPlan(fetching: packages)
        let counter = FetchCounter()
        let runner = PlanRunner(workspace: workspace, mirror: mirror)
        let there = try runner.realiser(events: { _ in }).known(plan.order, in: plan)
        let all = plan.order.filter { there[$0] == nil }.reduce(0) {
            $0 + (plan.derivations[$1]?.environment["size"].flatMap { Int($0) } ?? 0)
        }
        defer { terminal.status("") }
        let realiser = runner.realiser(
            events: { _ in },
            onBytes: { terminal.status("fetching: \(formatBytes(counter.add($0))) of \(formatBytes(all))") })
        do {
            _ = try await realiser.realise(plan, targets: plan.order)
        } catch let error as FetchError where error.code == .notFound {
            // Told of each source by itself.
        } catch let error as any ExplainedError where error.kind != .unreachable && error.kind != .host {
            terminal.message("\(error)")
        }
        var places: [String: FilePath] = [:]
        for (path, output) in try realiser.known(plan.order, in: plan) {
            guard let digest = plan.derivations[path]?.outputHash?.digest.hex else { continue }
            places[digest] = workspace.store.physicalPath(of: output)
        }
        return places
    }
}

/// Files of an archive of sources, as they are put together.
private struct Contents {
    let store: LocalStore
    /// What was fetched, by SHA-256.
    let fetched: [String: FilePath]
    private(set) var files: [String: SourceIndex.File] = [:]
    private(set) var places: [String: FilePath] = [:]

    init(store: LocalStore, fetched: [String: FilePath]) {
        self.store = store
        self.fetched = fetched
    }

    func has(_ path: String) -> Bool { files[path] != nil }

    /// Adds files of a source package; says what is missing of them, or nil.
    mutating func add(_ packages: [LockedPackage]) -> String? {
        var absent: [String] = []
        for package in packages {
            let path = package.archivePath
            guard let place = fetched[package.sha256] else {
                absent.append(path.split(separator: "/").last.map(String.init) ?? path)
                continue
            }
            files[path] = .init(path: path, size: package.size, sha256: package.sha256)
            places[path] = place
        }
        return absent.isEmpty ? nil : "no mirror has \(absent.sorted().joined(separator: ", "))"
    }

    /// Adds the files of a recipe's folder, or of data that it reads; their paths, or nil where the store has not the folder.
    mutating func add(folder: StorePath) throws -> [String]? {
        guard try store.isValid(folder) else { return nil }
        let suffix = "-recipe"
        let home =
            folder.name.hasSuffix(suffix) ? "recipes/\(folder.name.dropLast(suffix.count))" : "data/\(folder.name)"
        let root = store.physicalPath(of: folder)
        var paths: [String] = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: root.string).sorted() {
            let place = root.pushing(FilePath(name))
            var status = stat()
            guard lstat(place.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let path = "\(home)/\(name)"
            files[path] = .init(
                path: path, size: Int(status.st_size), sha256: try LocalStore.digest(ofFile: place).hex)
            places[path] = place
            paths.append(path)
        }
        return paths
    }
}

/// Counts what several fetches bring.
private final class FetchCounter: Sendable {
    private let bytes = Mutex(0)

    func add(_ count: Int) -> Int {
        bytes.withLock { bytes in
            bytes += count
            return bytes
        }
    }
}

extension LockedPackage {
    /// Where a file of a source package is in an archive of sources.
    fileprivate var archivePath: String {
        // An epoch is in no file's name of Debian's either.
        let plain = version.split(separator: ":", maxSplits: 1).last ?? Substring(version)
        return "debian/\(name)_\(plain)/\(poolPath.split(separator: "/").last ?? "")"
    }
}

extension SourceIndex.Entry {
    fileprivate init(_ component: Component, kind: String, sources: [String], files: [String]) {
        self.init(
            name: component.name, version: component.version, kind: kind, use: component.use.rawValue,
            licence: component.licence.expression, sources: sources, files: files.sorted())
    }
}
