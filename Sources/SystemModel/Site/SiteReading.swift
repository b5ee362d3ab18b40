import BootProtocols
import Diagnostics

extension Site {
    /// The largest site or nodes file that is read, in bytes: some 50,000 nodes.
    public static let maximumFileSize = 16 << 20

    /// Reads a site file and the nodes file it names.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to `directory`; messages name files the way this is written.
    ///   - directory: absolute; what relative `source` paths of files are completed with.
    ///   - files: gives the bytes of a path; a nodes file that is missing counts as empty.
    /// - Throws: `ConfigurationError` with every problem in both files.
    public static func read(
        _ path: String, directory: String, files: (String) -> FileContent
    ) throws(ConfigurationError) -> Site {
        let path = joined("", path)
        var reader = SiteReader(directory: directory)
        guard let tree = reader.tree(path, fields: SiteFields.table.fields, isOptional: false, files: files) else {
            throw ConfigurationError(reader.problems)
        }
        let nodesPath = joined(folder(of: path), tree.text(SiteFields.nodesFile) ?? SiteDefaults.nodesFile)
        let adopted = reader.tree(nodesPath, fields: SiteFields.nodesTable, isOptional: true, files: files)
        let site = reader.site(path, nodesPath, tree, adopted)
        reader.check(site, tree, adopted)
        guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
        return site
    }
}

/// Reads the trees of a site into values, and gathers what is wrong.
struct SiteReader {
    let directory: String
    var problems: [ConfigurationProblem] = []

    /// The fitting part of one file; nil when it could not be read, or is an optional one that is not there.
    mutating func tree(
        _ path: String, fields: [Field], isOptional: Bool, files: (String) -> FileContent
    ) -> YAMLNode? {
        let start = SourcePosition(file: path, line: 1, column: 1)
        let bytes: [UInt8]
        switch files(path) {
        case .bytes(let found): bytes = found
        case .missing:
            if !isOptional { problems.append(.init(start, "", "no such file: `\(path)`")) }
            return nil
        case .unreadable(let reason):
            problems.append(.init(start, "", "cannot read `\(path)`: \(reason)"))
            return nil
        }
        guard
            let node = YAMLReader.read(bytes, file: path, maximumSize: Site.maximumFileSize, problems: &problems)
        else { return nil }
        var checker = ShapeChecker()
        checker.check(node, against: .record(fields))
        problems += checker.problems
        guard case .record = node.content else { return nil }
        // `!override` and `!remove` are for files that import others, and these import none.
        var merger = ConfigurationMerger()
        let settled = merger.settle(node.fitting(.record(fields)))
        problems += merger.problems
        return settled
    }

    func site(_ path: String, _ nodesPath: String, _ tree: YAMLNode, _ adopted: YAMLNode?) -> Site {
        let nodes = entries(tree, SiteFields.nodes).map { node($0, isAdopted: false) }
        let unknown = tree[SiteFields.unknown.key]
        return Site(
            path: path, nodesPath: nodesPath, networks: entries(tree, SiteFields.networks).map(network),
            systems: entries(tree, SiteFields.systems).map { entry in
                let source = entry.value.text ?? ""
                // A bare name is a shipped system's; anything else is seen from the site file.
                let isName = TextKind.systemName.accepts(source)
                return SiteSystem(
                    name: entry.key, source: isName ? source : joined(folder(of: path), source),
                    position: entry.value.position)
            },
            groups: entries(tree, SiteFields.groups).map { entry in
                NodeGroup(
                    name: entry.key, position: entry.position,
                    settings: choices(entry.value, system: SiteFields.groupSystem))
            },
            nodes: nodes + (adopted.map { entries($0, SiteFields.nodes) } ?? []).map { node($0, isAdopted: true) },
            unknown: UnknownMachines(
                answer: unknown?.text(SiteFields.answer).flatMap(UnknownMachines.Answer.init(rawValue:)) ?? .nothing,
                system: unknown?.text(SiteFields.unknownSystem),
                menuSeconds: unknown?.text(SiteFields.menuTime).flatMap(lengthInSeconds)
                    ?? SiteDefaults.menuSeconds),
            httpPort: tree.text(SiteFields.httpPort).flatMap { Int($0) } ?? SiteDefaults.httpPort,
            tftpPort: tree.text(SiteFields.tftpPort).flatMap { Int($0) } ?? SiteDefaults.tftpPort,
            https: https(path, tree), offersHTTPS: isYes(tree, SiteFields.offersHTTPS),
            uefiLoader: tree.text(SiteFields.uefiLoader).flatMap(UEFILoader.init(rawValue:)) ?? .uki)
    }

    private func https(_ path: String, _ tree: YAMLNode) -> SiteHTTPS? {
        func file(_ field: Field) -> SiteHTTPS.File? {
            guard let value = tree[field.key], let name = value.text else { return nil }
            return SiteHTTPS.File(path: joined(folder(of: path), name), position: value.position)
        }
        guard let certificate = file(SiteFields.httpsCertificate) else { return nil }
        return SiteHTTPS(
            port: tree.text(SiteFields.httpsPort).flatMap { Int($0) } ?? SiteDefaults.httpsPort,
            certificate: certificate, key: file(SiteFields.httpsKey) ?? certificate)
    }

    private func entries(_ tree: YAMLNode, _ field: Field) -> [YAMLNode.Entry] { tree[field.key]?.entries ?? [] }

    private func isYes(_ tree: YAMLNode, _ field: Field) -> Bool { tree.text(field) == "yes" }

    private func network(_ entry: YAMLNode.Entry) -> SiteNetwork {
        let value = entry.value
        return SiteNetwork(
            interface: entry.key, position: entry.position, address: value.text(SiteFields.address).flatMap(ipv4),
            dhcp: value.text(SiteFields.dhcp).flatMap(SiteNetwork.DHCPMode.init(rawValue:)) ?? .auto,
            isAuthoritative: isYes(value, SiteFields.authoritative), lending: lending(value),
            routerAdvertisements: isYes(value, SiteFields.routerAdvertisements),
            relayed: entries(value, SiteFields.relayed).compactMap { relayed in
                IPv4Network(relayed.key).map {
                    RelayedNetwork(network: $0, position: relayed.position, lending: lending(relayed.value))
                }
            }, ipv6Prefix: value.text(SiteFields.ipv6Prefix).flatMap(IPv6Prefix.init))
    }

    private func lending(_ value: YAMLNode) -> AddressLending {
        AddressLending(
            ranges: value.texts(SiteFields.ranges).compactMap(ipv4Range).sorted { $0.lowerBound < $1.lowerBound },
            router: value.text(SiteFields.router).flatMap(ipv4),
            nameServers: value.texts(SiteFields.nameServers).compactMap(ipv4),
            domain: value.text(SiteFields.domain),
            leaseSeconds: value.text(SiteFields.lease).flatMap(lengthInSeconds) ?? SiteDefaults.leaseSeconds)
    }

    private func node(_ entry: YAMLNode.Entry, isAdopted: Bool) -> Node {
        let value = entry.value
        return Node(
            name: entry.key, position: entry.position,
            identity: NodeIdentity(
                macs: value.texts(SiteFields.macs).compactMap(MACAddress.init),
                uuid: value.text(SiteFields.uuid).flatMap(MachineUUID.init), serial: value.text(SiteFields.serial)),
            address: value.text(SiteFields.nodeAddress).flatMap(ipv4), group: value.text(SiteFields.group),
            settings: choices(value, system: SiteFields.nodeSystem), isAdopted: isAdopted)
    }

    private func choices(_ value: YAMLNode, system: Field) -> NodeChoices {
        NodeChoices(
            system: value.text(system), hostname: value.text(SiteFields.hostname),
            https: value.text(SiteFields.choosesHTTPS).map { $0 == "yes" },
            kernelParameters: value.texts(SiteFields.kernelParameters),
            files: entries(value, SiteFields.files).compactMap { entry in
                systemFile(entry, directory: directory).map { file in
                    let isSecret = isYes(entry.value, SiteFields.secret)
                    var file = file
                    if isSecret, entry.value[SystemFields.mode.key] == nil { file.mode = 0o600 }
                    return NodeFile(file: file, isSecret: isSecret, position: entry.position)
                }
            }.sorted { $0.file.path < $1.file.path })
    }
}
