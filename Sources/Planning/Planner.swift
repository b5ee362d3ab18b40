import Diagnostics
import StoreModel
import SystemModel

/// Turns a resolved system and its lock into derivations; runs nothing, reads nothing.
///
/// The plan of one system, each line a derivation and what it takes in:
///
///     fetch          a locked package, by digest
///     unpack         packages -> a plain tree (compressor, toolbox, loaders)
///     program        one file of a package (emulator, where the node has another processor)
///     segment        one package, compressor
///     kernel         the kernel's package
///     configure      all package segments, toolbox, emulator
///     services       configure, toolbox                  (units switched on and off)
///     init           netboot/init, compressor
///     closure-segment  a Nix closure that is a package, compressor
///     catalogue      init, all package segments, configure, closure segments   (what they carry, in one place)
///     settings       configure, services, catalogue, compressor   (what the user configured; quick)
///     image          catalogue, settings, kernel, loaders -> the manifest
///
/// All but the last two are its groundwork, which a changed setting leaves as it is.
public struct Planner: Sendable {
    /// Texts of `netboot/init`, by file name; hashed into the derivations that use them.
    public var initFiles: [String: String]
    /// Store paths of the files that the system's `files:` name on the build host, by host path.
    public var hostFiles: [String: StorePath]

    /// File name as served -> its path in the tree of the `loaders` packages.
    public var loaderFiles: [String: String]
    /// Runs the node's programs where the sandbox's processor does not.
    public var emulator: Platform.Emulator?
    /// The Nix closures that are packages of the system, in its order.
    public var closures: [PackagedClosure]
    /// MiB that the platform's machines load at most; nil where no limit is known.
    public var largestLoad: Int?

    public init(
        initFiles: [String: String], hostFiles: [String: StorePath], loaderFiles: [String: String],
        emulator: Platform.Emulator? = nil, closures: [PackagedClosure] = [], largestLoad: Int? = nil
    ) {
        self.closures = closures
        self.largestLoad = largestLoad
        self.loaderFiles = loaderFiles
        self.emulator = emulator
        self.initFiles = initFiles
        self.hostFiles = hostFiles
    }

    /// What every image is started with. Should `/init` not run, as in a truncated root, the kernel must not go on to
    /// another init, and should restart rather than stand still. A slow machine, or an emulated one, finds its serial
    /// port later than systemd's 90 s, and would have no login prompt there.
    static let bootParameters = ["init=/init", "panic=60", "systemd.default_device_timeout_sec=600"]

    /// Where the loaders' packages have a platform's loaders, by the names they are served under.
    public static func loaderFiles(for platform: Platform) -> [String: String] {
        Dictionary(platform.loaders.filter { $0.package != nil }.map { ($0.name, $0.path) }) { first, _ in first }
    }

    /// The build plan whose target is the system's image manifest, and the groundwork in it.
    public func plan(_ system: ResolvedSystem, lock: LockFile) throws -> (plan: BuildPlan, groundwork: Groundwork) {
        var draft = PlanDraft()
        let groundwork = try groundwork(of: system, lock: lock, in: &draft)
        try finish(system, on: groundwork, in: &draft)
        return (draft.plan, groundwork)
    }

    /// The same plan without its groundwork, whose outputs must be in the store: the settings and the image alone.
    public func plan(_ system: ResolvedSystem, on groundwork: Groundwork) throws -> BuildPlan {
        var draft = PlanDraft()
        draft.plan.assume(groundwork.derivations)
        try finish(system, on: groundwork, in: &draft)
        return draft.plan
    }

    private func groundwork(
        of system: ResolvedSystem, lock: LockFile, in draft: inout PlanDraft
    ) throws -> Groundwork {
        let packages = try lock.packages(in: .system)
        let toolboxPackages = try lock.packages(in: .toolbox)
        let compressor = try draft.unpack("compressor", Self.compressorPackages(of: toolboxPackages))
        let toolbox = try draft.unpack("toolbox", toolboxPackages)
        // An empty tree for a platform whose machines load nothing but systems.
        let loaders = try draft.unpack("loaders", loaderFiles.isEmpty ? [] : lock.packages(in: .loaders))
        let kernelPackage = try Self.kernelPackage(of: system, in: packages)

        let archives = try packages.map { try draft.fetch($0) }
        // The largest first: a long one that is begun last leaves the other cores with nothing to do.
        var segments = archives
        for index in packages.indices.sorted(by: { packages[$0].size > packages[$1].size }) {
            segments[index] = try draft.add(
                "\(packages[index].name)-segment", builder: "builtin:segment",
                ["name": .text(packages[index].name), "keep": .text(system.kept), "deb": .output(archives[index])],
                toolbox: compressor)
        }
        let kernel = try draft.add("kernel", builder: "builtin:kernel", ["deb": .output(draft.fetch(kernelPackage))])
        var configureInputs: [String: PlanDraft.Value] = ["segments": .outputs(segments)]
        // C.UTF-8 is in libc itself; others are made from the package `locales`.
        if !["C.UTF-8", "C", "POSIX"].contains(system.locale) { configureInputs["locale"] = .text(system.locale) }
        if let emulator {
            configureInputs["emulator"] = .output(try program(emulator, lock: lock, in: &draft))
            configureInputs["format"] = .text(try canonicalJSON(emulator.format))
        }
        let configuration = try draft.add(
            "configuration", builder: "builtin:configure", configureInputs, toolbox: toolbox)
        let first = try draft.add(
            "init-segment", builder: "builtin:init", ["files": .text(try canonicalJSON(initFiles))],
            toolbox: compressor)
        let closures = try draft.segments(
            of: closures, programs: emulator?.format ?? .buildPlatform, toolbox: compressor)
        let catalogue = try draft.add(
            "catalogue", builder: "builtin:catalogue",
            ["segments": .outputs([first] + segments + [configuration] + closures)])
        var servicesInputs = servicesInputs(of: system)
        servicesInputs["configuration"] = .output(configuration)
        let units = units(of: system)
        if !units.isEmpty { servicesInputs["units"] = .text(try canonicalJSON(units)) }
        let services = try draft.add(
            "services", builder: "builtin:services", servicesInputs, toolbox: toolbox,
            sources: Set(units.compactMap(\.source).map { try StorePath(parsing: $0) }))
        return Groundwork(
            compressor: compressor, loaders: loaders, kernel: kernel, configuration: configuration, services: services,
            catalogue: catalogue)
    }

    /// The emulator alone out of its package, which has those of all processors.
    private func program(
        _ emulator: Platform.Emulator, lock: LockFile, in draft: inout PlanDraft
    ) throws -> StorePath {
        guard let package = try lock.packages(in: .emulator).first(where: { $0.name == emulator.package }) else {
            throw PlanningError(
                subject: "lock", message: "the 'emulator' set has no package '\(emulator.package)'",
                remedy: "bootferry lock --update")
        }
        return try draft.add(
            "emulator", builder: "builtin:program",
            ["deb": .output(draft.fetch(package)), "path": .text(emulator.path)])
    }

    private func finish(_ system: ResolvedSystem, on groundwork: Groundwork, in draft: inout PlanDraft) throws {
        let settings = try draft.add(
            "settings", builder: "builtin:settings",
            [
                "settings": .text(try canonicalJSON(nodeSettings(of: system))),
                "configuration": .output(groundwork.configuration), "catalogue": .output(groundwork.catalogue),
                "services": .output(groundwork.services),
            ], toolbox: groundwork.compressor, sources: Set(hostFiles.values))
        let loaders = draft.reference(to: groundwork.loaders)
        let image = ImageRequest(
            system: system.name, platform: system.platform,
            kernelParameters: Self.bootParameters + system.kernelParameters,
            kernel: draft.reference(to: groundwork.kernel), settings: draft.reference(to: settings),
            loaders: loaderFiles.mapValues { "\(loaders)/\($0)" }, memory: system.memory,
            largestLoad: largestLoad)
        draft.plan.target = try draft.add(
            "\(system.name)-image", builder: "builtin:image",
            ["image": .text(try canonicalJSON(image)), "catalogue": .output(groundwork.catalogue)],
            inputs: [settings, groundwork.kernel, groundwork.loaders])
    }

    private func servicesInputs(of system: ResolvedSystem) -> [String: PlanDraft.Value] {
        [
            "enabled": .text(system.services.enabled.joined(separator: " ")),
            "disabled": .text(system.services.disabled.joined(separator: " ")),
            // What configures the network is off in Debian until someone switches it on.
            "optional": .text("systemd-networkd.service"),
        ]
    }

    private func nodeSettings(of system: ResolvedSystem) -> NodeSettings {
        NodeSettings(of: system, hostFiles: hostFiles.mapValues(\.description))
    }

    /// systemd's units among the user's own files.
    func units(of system: ResolvedSystem) -> [NodeSettings.File] { nodeSettings(of: system).files.filter(\.isUnit) }

    /// What `zstd` needs to run: a toolbox so small that segments can begin while the rest is fetched.
    static func compressorPackages(of toolbox: [LockedPackage]) throws(PlanningError) -> [LockedPackage] {
        let names: Set = [
            "zstd", "libc6", "libzstd1", "liblz4-1", "liblzma5", "zlib1g", "libgcc-s1", "libstdc++6",
        ]
        let found = toolbox.filter { names.contains($0.name) }
        guard found.contains(where: { $0.name == "zstd" }) else {
            throw PlanningError(
                subject: "lock", message: "the 'toolbox' set has no package 'zstd'", remedy: "bootferry lock --update")
        }
        return found
    }

    /// The one package that carries the kernel: the system's kernel package, or what that metapackage stands for.
    static func kernelPackage(
        of system: ResolvedSystem, in packages: [LockedPackage]
    ) throws(PlanningError) -> LockedPackage {
        let image = try kernelImage(of: system, in: packages)
        // From Debian 14 on it depends on three: the kernel, its modules, and its configuration.
        let binary = "linux-binary-" + image.name.dropFirst("linux-image-".count)
        return packages.first { $0.name == binary } ?? image
    }

    private static func kernelImage(
        of system: ResolvedSystem, in packages: [LockedPackage]
    ) throws(PlanningError) -> LockedPackage {
        let images = packages.filter {
            $0.name.hasPrefix("linux-image-") && $0.name.dropFirst(12).first?.isNumber == true
        }
        if let exact = images.first(where: { $0.name == system.kernelPackage }) { return exact }
        guard images.count == 1 else {
            let found = images.isEmpty ? "none" : images.map(\.name).joined(separator: ", ")
            throw PlanningError(
                subject: "kernel package '\(system.kernelPackage ?? "")'",
                message: "expected exactly one package 'linux-image-VERSION' in the lock, found \(found)",
                remedy: "name one of them, or a metapackage such as 'linux-image-amd64', as the kernel's package")
        }
        return images[0]
    }
}

extension ResolvedSystem {
    /// The extras that segments keep, in one text.
    var kept: String { keep.sorted().map(\.rawValue).joined(separator: " ") }
}

extension LockFile {
    /// The locked packages of a set; an error names the set that is missing.
    func packages(in set: PackageSet) throws(PlanningError) -> [LockedPackage] {
        guard let packages = sets[set], !packages.isEmpty else {
            throw PlanningError(
                subject: "lock", message: "has no packages for the set '\(set.rawValue)'",
                remedy: "bootferry lock --update")
        }
        return packages
    }
}
