import Diagnostics

extension SystemConfiguration {
    /// What was written, with every default filled in.
    public func resolve() -> ResolvedSystem {
        let name = tree.text(SystemFields.name) ?? Self.folderName(path, directory) ?? ""
        let base = tree[SystemFields.base.key]
        let kernel = tree[SystemFields.kernel.key]
        let recipes = tree.texts(SystemFields.recipes)
        let components = Set(base?.texts(SystemFields.components) ?? [])
        return ResolvedSystem(
            // With the board, so that its generations are not taken for those of the system as it is written.
            name: board.flatMap { isForOtherBoard ? "\(name)-\($0.name)" : nil } ?? name,
            platform: platform.name,
            board: board?.name,
            base: DebianBase(
                suite: base?.text(SystemFields.suite) ?? SystemDefaults.suite,
                components: components.isEmpty ? SystemDefaults.components : components.sorted()),
            packages: Set(tree.texts(SystemFields.packages)).sorted(),
            closures: Set(closureNodes.map(\.path)).sorted(),
            recipes: recipes,
            kernelPackage: recipes.isEmpty ? kernel?.text(SystemFields.kernelPackage) ?? platform.kernelPackage : nil,
            kernelRecipe: recipes.isEmpty
                ? nil : kernel?.text(SystemFields.kernelRecipe) ?? SystemDefaults.kernelRecipe,
            kernelParameters: kernelParameters,
            hostname: tree.text(SystemFields.hostname) ?? name,
            users: tree[SystemFields.users.key]?.entries.map(user) ?? [],
            services: ServiceSelection(
                enabled: units(SystemFields.enabled), disabled: units(SystemFields.disabled)),
            files: (tree[SystemFields.files.key]?.entries ?? []).compactMap { systemFile($0, directory: directory) }
                .sorted { $0.path < $1.path },
            network: network,
            timeZone: tree.text(SystemFields.timeZone) ?? SystemDefaults.timeZone,
            locale: tree.text(SystemFields.locale) ?? SystemDefaults.locale,
            keep: Set(tree.texts(SystemFields.keep).compactMap(KeptExtra.init(rawValue:))),
            root: tree.text(SystemFields.root).flatMap(RootKind.init(rawValue:)) ?? .ram,
            memory: tree.text(SystemFields.memory).flatMap(mebibytes) ?? board?.memory ?? SystemDefaults.memory)
    }

    /// The Nix closures among the packages, in the order written.
    private var closureNodes: [(path: String, position: SourcePosition)] {
        (tree[SystemFields.packages.key]?.elements ?? []).compactMap { element in
            element[SystemFields.nix.key].flatMap { node in node.text.map { ($0, node.position) } }
        }
    }

    /// Where a Nix closure was asked for first, to point at when it is not there.
    public func positionOfClosure(_ path: String) -> SourcePosition? {
        closureNodes.first { $0.path == path }?.position
    }

    /// The platform's consoles, unless some are written, then what is written.
    private var kernelParameters: [String] {
        let own = tree[SystemFields.kernel.key]?.texts(SystemFields.kernelParameters) ?? []
        let written = (board?.kernelParameters ?? []) + own
        return written.contains { $0.hasPrefix("console=") }
            ? written : platform.consoles.map { "console=\($0)" } + written
    }

    private func user(_ entry: YAMLNode.Entry) -> UserAccount {
        let value = entry.value
        return UserAccount(
            name: entry.key, uid: value.text(SystemFields.uid).flatMap { Int($0) },
            passwordHash: value.text(SystemFields.passwordHash), sshKeys: value.texts(SystemFields.sshKeys),
            groups: Set(value.texts(SystemFields.groups)).sorted(),
            shell: value.text(SystemFields.shell)
                ?? (tree.texts(SystemFields.recipes).isEmpty ? SystemDefaults.shell : SystemDefaults.smallShell),
            home: value.text(SystemFields.home) ?? (entry.key == "root" ? "/root" : "/home/\(entry.key)"))
    }

    private func units(_ field: Field) -> [String] {
        let suffixes = ["service", "socket", "timer", "target", "mount", "automount", "path", "slice", "swap", "scope"]
        let names = tree[SystemFields.services.key]?.texts(field) ?? []
        return Set(
            names.map { name in
                suffixes.contains { name.hasSuffix(".\($0)") } ? name : "\(name).service"
            }
        ).sorted()
    }

    private var network: NetworkSettings {
        let interfaces = tree[SystemFields.network.key]?[SystemFields.interfaces.key]?.entries ?? []
        guard !interfaces.isEmpty else { return .dhcp }
        return .fixed(
            interfaces.map { entry in
                NetworkSettings.FixedInterface(
                    match: entry.key, addresses: entry.value.texts(SystemFields.addresses),
                    gateway: entry.value.text(SystemFields.gateway),
                    nameServers: entry.value.texts(SystemFields.nameServers))
            })
    }
}

/// A file of a system or a node; nil where it has neither text, source nor link. `directory` is what relative sources
/// are completed with.
func systemFile(_ entry: YAMLNode.Entry, directory: String) -> SystemFile? {
    let value = entry.value
    let source: SystemFile.Source
    if let text = value.text(SystemFields.text) {
        source = .text(text)
    } else if let node = value[SystemFields.source.key], let path = node.text {
        source = .file(joined(directory, joined(folder(of: node.position.file), path)))
    } else if let target = value.text(SystemFields.link) {
        source = .link(target: target)
    } else {
        return nil
    }
    return SystemFile(
        path: entry.key, source: source,
        mode: value.text(SystemFields.mode).flatMap { Int($0, radix: 8) } ?? SystemDefaults.fileMode,
        owner: value.text(SystemFields.owner) ?? "root", group: value.text(SystemFields.group) ?? "root")
}

extension YAMLNode {
    /// The text under a field's key.
    func text(_ field: Field) -> String? { self[field.key]?.text }

    /// The texts of the list under a field's key; empty where there is none.
    func texts(_ field: Field) -> [String] { self[field.key]?.elements.compactMap(\.text) ?? [] }
}
