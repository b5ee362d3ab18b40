extension ResolvedSystem {
    /// The listing of `show system`: a configuration in YAML that leaves nothing to a default and means the same.
    public func rendered() -> String { YAMLText.block(json) }

    /// The same record as JSON, ending in a newline.
    public func renderedJSON() -> String { json.indented() + "\n" }

    private var json: JSONValue {
        var fields: [(String, JSONValue)] = [
            (SystemFields.version.key, .number(1)),
            (SystemFields.name.key, .text(name)),
            (SystemFields.platform.key, .text(platform)),
        ]
        if let board { fields.append((SystemFields.board.key, .text(board))) }
        fields += [
            (
                SystemFields.base.key,
                .record([
                    (SystemFields.suite.key, .text(base.suite)), texts(SystemFields.components, base.components),
                ])
            ),
            recipes.isEmpty
                ? (SystemFields.packages.key, .list(packagesAndClosures)) : texts(SystemFields.recipes, recipes),
            (
                SystemFields.kernel.key,
                .record(
                    [
                        kernelPackage.map { (SystemFields.kernelPackage.key, .text($0)) },
                        kernelRecipe.map { (SystemFields.kernelRecipe.key, .text($0)) },
                        texts(SystemFields.kernelParameters, kernelParameters),
                    ].compactMap { $0 })
            ),
            (SystemFields.hostname.key, .text(hostname)),
            (SystemFields.users.key, .record(users.map { ($0.name, record($0)) })),
            (
                SystemFields.services.key,
                .record([
                    texts(SystemFields.enabled, services.enabled), texts(SystemFields.disabled, services.disabled),
                ])
            ),
            (SystemFields.files.key, .record(files.map { ($0.path, record($0)) })),
        ]
        if case .fixed(let interfaces) = network {
            let rows = interfaces.map { ($0.match, record($0)) }
            fields.append((SystemFields.network.key, .record([(SystemFields.interfaces.key, .record(rows))])))
        }
        fields += [
            (SystemFields.timeZone.key, .text(timeZone)),
            (SystemFields.locale.key, .text(locale)),
            texts(SystemFields.keep, keep.sorted().map(\.rawValue)),
            (SystemFields.root.key, .text(root.rawValue)),
            (SystemFields.memory.key, .text(memory % 1024 == 0 ? "\(memory / 1024) GiB" : "\(memory) MiB")),
        ]
        return .record(fields)
    }

    private var packagesAndClosures: [JSONValue] {
        packages.map(JSONValue.text) + closures.map { .record([(SystemFields.nix.key, .text($0))]) }
    }

    private func texts(_ field: Field, _ values: [String]) -> (String, JSONValue) {
        (field.key, .list(values.map(JSONValue.text)))
    }

    private func record(_ user: UserAccount) -> JSONValue {
        var fields: [(String, JSONValue)] = []
        if let hash = user.passwordHash { fields.append((SystemFields.passwordHash.key, .text(hash))) }
        if let uid = user.uid { fields.append((SystemFields.uid.key, .number(uid))) }
        fields += [
            texts(SystemFields.sshKeys, user.sshKeys), texts(SystemFields.groups, user.groups),
            (SystemFields.shell.key, .text(user.shell)), (SystemFields.home.key, .text(user.home)),
        ]
        return .record(fields)
    }

    private func record(_ file: SystemFile) -> JSONValue {
        var fields: [(String, JSONValue)]
        switch file.source {
        case .text(let text): fields = [(SystemFields.text.key, .text(text))]
        case .file(let path): fields = [(SystemFields.source.key, .text(path))]
        case .link(let target): fields = [(SystemFields.link.key, .text(target))]
        }
        if case .link = file.source {
        } else {
            let digits = String(file.mode, radix: 8)
            let mode = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            fields.append((SystemFields.mode.key, .text(mode)))
        }
        fields += [(SystemFields.owner.key, .text(file.owner)), (SystemFields.group.key, .text(file.group))]
        return .record(fields)
    }

    private func record(_ interface: NetworkSettings.FixedInterface) -> JSONValue {
        var fields = [texts(SystemFields.addresses, interface.addresses)]
        if let gateway = interface.gateway { fields.append((SystemFields.gateway.key, .text(gateway))) }
        fields.append(texts(SystemFields.nameServers, interface.nameServers))
        return .record(fields)
    }
}
