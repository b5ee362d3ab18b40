import BootPolicy
import Diagnostics
import SystemModel
import SystemPackage

/// A site as the command line names it, read, with its systems found.
struct SiteSource {
    let site: Site
    let systems: [(name: String, source: SystemSource)]

    init(site: Site, systems: [(name: String, source: SystemSource)]) {
        self.site = site
        self.systems = systems
    }

    /// Whether `path` is a site file; what it is otherwise, is for others to say.
    static func isSite(_ path: String) throws -> Bool {
        guard case .bytes(let bytes) = HostFiles.content(path, limit: Site.maximumFileSize) else { return false }
        return ConfigurationFileKind(of: bytes) == .site
    }

    init(_ path: String, data: ProjectData) throws {
        site = try Self.read(path)
        systems = try site.systems.map { system in
            let source = try SystemSource(system.source, data: data)
            guard source.system.name == system.name else {
                throw CommandError(
                    kind: .usage, subject: "\(system.position)",
                    message: "`systems.\(system.name)` is a system that calls itself `\(source.system.name)`",
                    remedy: "write \(source.system.name): \(system.source)")
            }
            return (system.name, source)
        }
    }

    /// The site alone.
    static func read(_ path: String) throws -> Site {
        try Site.read(path, directory: currentDirectory()) { HostFiles.content($0, limit: Site.maximumFileSize) }
    }

    /// Every system's image, built where need be.
    func published(in workspace: Workspace, mirror: MirrorOptions) async throws -> [String: ServedSystem] {
        var served: [String: ServedSystem] = [:]
        let platforms = try workspace.data.platforms()
        for (name, source) in systems {
            let pipeline = SystemPipeline(source: source, workspace: workspace, mirror: mirror)
            let before = try workspace.store.latestGeneration(of: name)
            let image = try await pipeline.publishedImage()
            try publish(image, isNew: before?.number != image.generation.number, workspace)
            served[name] = try image.served(platforms)
        }
        return served
    }

    /// The newest generation of every system that has one; the others are named.
    func existing(in workspace: Workspace) throws -> (systems: [String: ServedSystem], missing: [String]) {
        try Self.existing(systems.map(\.name), in: workspace)
    }

    /// The newest generations of systems that were made elsewhere; one without any throws.
    static func imported(_ names: [String], in workspace: Workspace) throws -> [String: ServedSystem] {
        let (served, missing) = try existing(names, in: workspace)
        guard missing.isEmpty else {
            throw CommandError(
                kind: .usage, subject: missing.map { "'\($0)'" }.joined(separator: ", "),
                message: "has no generation here",
                remedy: "bootferry import FOLDER, or serve without --no-build")
        }
        return served
    }

    private static func existing(
        _ names: [String], in workspace: Workspace
    ) throws -> (systems: [String: ServedSystem], missing: [String]) {
        var served: [String: ServedSystem] = [:]
        var missing: [String] = []
        let platforms = try workspace.data.platforms()
        for name in names {
            guard let generation = try workspace.store.latestGeneration(of: name) else {
                missing.append(name)
                continue
            }
            served[name] = try BuiltImage(
                path: .init(parsing: generation.image), generation: generation, store: workspace.store
            ).served(platforms)
        }
        return (served, missing)
    }

    /// What was just built is served; what was published or rolled back before stays as it is.
    private func publish(_ image: BuiltImage, isNew: Bool, _ workspace: Workspace) throws {
        let (name, number) = (image.manifest.system, image.generation.number)
        let known = try workspace.store.rollout(of: name)
        if let known, !isNew, known.generation != number {
            let trial = known.trial.map { ", \($0.audience) get \($0.generation)" } ?? ""
            return workspace.terminal.message(
                "\(name): new boots get generation \(known.generation)\(trial); 'bootferry publish \(name)' gives all of "
                    + "them \(number)")
        }
        guard isNew || known == nil else { return }
        if let trial = known?.trial {
            return workspace.terminal.message(
                "\(name): generation \(number) is built and given to nobody, since \(trial.generation) is on trial by "
                    + "\(trial.audience); 'bootferry publish \(name)' gives all of them \(number)")
        }
        try workspace.store.roll(out: name) { old in
            var rollout = Rollout(system: name, generation: number, since: Double(secondsSince1970()))
            rollout.patience = old?.patience ?? rollout.patience
            return rollout
        }
    }
}
