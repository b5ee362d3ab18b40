import Diagnostics
import StoreModel
import SystemModel

/// Turns a resolved system and its lock into derivations; runs nothing, reads nothing.
///
/// The plan of one system, each line a derivation and what it takes in:
///
///     fetch          a locked package, by digest
///     unpack         packages -> a plain tree (compressor, toolbox, loaders)
///     segment        one package, compressor
///     kernel         the kernel's package
///     configure      all package segments, toolbox
///     services       configure, toolbox                  (units switched on and off)
///     catalogue      init, all package segments, configure   (what they carry, in one place)
///     settings       configure, services, catalogue, compressor   (what the user configured; quick)
///     init           netboot/init, compressor
///     image          all of them -> the manifest
public struct Planner: Sendable {
    /// Texts of `netboot/init`, by file name; hashed into the derivations that use them.
    public var initFiles: [String: String]
    /// Store paths of the files that the system's `files:` name on the build host, by host path.
    public var hostFiles: [String: StorePath]

    /// File name as served -> its path in the tree of the `loaders` packages.
    public var loaderFiles: [String: String]

    public init(initFiles: [String: String], hostFiles: [String: StorePath], loaderFiles: [String: String]) {
        self.loaderFiles = loaderFiles
        self.initFiles = initFiles
        self.hostFiles = hostFiles
    }

    /// What every image is started with. Should `/init` not run, as in a truncated root, the kernel must not go on to
    /// another init, and should restart rather than stand still. A slow machine, or an emulated one, finds its serial
    /// port later than systemd's 90 s, and would have no login prompt there.
    static let bootParameters = ["init=/init", "panic=60", "systemd.default_device_timeout_sec=600"]

    /// Where Debian's `ipxe` and `systemd-boot-efi` put the loaders of a platform, by the names they are served under.
    public static func loaderFiles(for platform: Platform) -> [String: String] {
        [
            "undionly.kpxe": "usr/lib/ipxe/undionly.kpxe", "snponly.efi": "usr/lib/ipxe/snponly.efi",
            platform.efiStub: "usr/lib/systemd/boot/efi/\(platform.efiStub)",
        ]
    }

    /// The build plan whose target is the system's image manifest.
    public func plan(_ system: ResolvedSystem, lock: LockFile) throws -> BuildPlan {
        var draft = PlanDraft()
        let packages = try lock.packages(in: .system)
        let toolboxPackages = try lock.packages(in: .toolbox)
        let compressor = try draft.unpack("compressor", Self.compressorPackages(of: toolboxPackages))
        let toolbox = try draft.unpack("toolbox", toolboxPackages)
        let loaders = try draft.unpack("loaders", lock.packages(in: .loaders))
        let kernelPackage = try Self.kernelPackage(of: system, in: packages)

        let keep = system.keep.sorted().map(\.rawValue).joined(separator: " ")
        let segments = try packages.map { package in
            try draft.add(
                "\(package.name)-segment", builder: "builtin:segment",
                ["name": .text(package.name), "keep": .text(keep), "deb": .output(draft.fetch(package))],
                toolbox: compressor)
        }
        let kernel = try draft.add("kernel", builder: "builtin:kernel", ["deb": .output(draft.fetch(kernelPackage))])
        var configureInputs: [String: PlanDraft.Value] = ["segments": .outputs(segments)]
        // C.UTF-8 is in libc itself; others are made from the package `locales`.
        if !["C.UTF-8", "C", "POSIX"].contains(system.locale) { configureInputs["locale"] = .text(system.locale) }
        let configuration = try draft.add(
            "configuration", builder: "builtin:configure", configureInputs, toolbox: toolbox)
        let first = try draft.add(
            "init-segment", builder: "builtin:init", ["files": .text(try canonicalJSON(initFiles))],
            toolbox: compressor)
        let earlier = [first] + segments + [configuration]
        let catalogue = try draft.add("catalogue", builder: "builtin:catalogue", ["segments": .outputs(earlier)])
        let nodeSettings = NodeSettings(of: system, hostFiles: hostFiles.mapValues(\.description))
        var settingsInputs: [String: PlanDraft.Value] = [
            "settings": .text(try canonicalJSON(nodeSettings)),
            "configuration": .output(configuration), "catalogue": .output(catalogue),
        ]
        var servicesInputs: [String: PlanDraft.Value] = [
            "enabled": .text(system.services.enabled.joined(separator: " ")),
            "disabled": .text(system.services.disabled.joined(separator: " ")),
            // What configures the network is off in Debian until someone switches it on.
            "optional": .text("systemd-networkd.service"), "configuration": .output(configuration),
        ]
        let units = nodeSettings.files.filter(\.isUnit)
        if !units.isEmpty { servicesInputs["units"] = .text(try canonicalJSON(units)) }
        settingsInputs["services"] = .output(
            try draft.add(
                "services", builder: "builtin:services", servicesInputs, toolbox: toolbox,
                sources: Set(units.compactMap(\.source).map { try StorePath(parsing: $0) })))
        let settings = try draft.add(
            "settings", builder: "builtin:settings", settingsInputs, toolbox: compressor,
            sources: Set(hostFiles.values))
        let image = ImageRequest(
            system: system.name, platform: system.platform,
            kernelParameters: Self.bootParameters + system.kernelParameters,
            kernel: draft.reference(to: kernel),
            segments: (earlier + [settings]).map { draft.reference(to: $0) },
            loaders: loaderFiles.mapValues { "\(draft.reference(to: loaders))/\($0)" }, memory: system.memory)
        draft.plan.target = try draft.add(
            "\(system.name)-image", builder: "builtin:image",
            ["image": .text(try canonicalJSON(image)), "catalogue": .output(catalogue)],
            inputs: earlier + [settings, kernel, loaders])
        return draft.plan
    }

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
        let images = packages.filter {
            $0.name.hasPrefix("linux-image-") && $0.name.dropFirst(12).first?.isNumber == true
        }
        if let exact = images.first(where: { $0.name == system.kernelPackage }) { return exact }
        guard images.count == 1 else {
            let found = images.isEmpty ? "none" : images.map(\.name).joined(separator: ", ")
            throw PlanningError(
                subject: "kernel package '\(system.kernelPackage)'",
                message: "expected exactly one package 'linux-image-VERSION' in the lock, found \(found)",
                remedy: "name one of them, or a metapackage such as 'linux-image-amd64', as the kernel's package")
        }
        return images[0]
    }
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
