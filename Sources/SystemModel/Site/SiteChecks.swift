import BootProtocols
import Diagnostics

/// Rules that span several keys of a site, or its two files.
extension SiteReader {
    mutating func check(_ site: Site, _ tree: YAMLNode, _ adopted: YAMLNode?) {
        checkUnknown(site, tree)
        for group in site.groups {
            let value = tree[SiteFields.groups.key]?[group.name]
            checkSystem(value?[SiteFields.groupSystem.key], "groups.\(group.name)", site)
            problems += fileProblems(value, "groups.\(group.name).") + secretProblems(value, "groups.\(group.name).")
        }
        var taken = Taken()
        for node in site.nodes {
            let value = (node.isAdopted ? adopted : tree)?[SiteFields.nodes.key]?[node.name]
            guard let value else { continue }
            checkNode(node, value, site, &taken)
        }
        for network in site.networks { checkNetwork(network, tree[SiteFields.networks.key]?[network.interface]) }
        checkHTTPS(site, tree, adopted)
        let networks = site.networks.flatMap(\.relayed)
        for (place, network) in networks.enumerated() {
            if let other = networks[..<place].first(where: { $0.network.overlaps(network.network) }) {
                problems.append(
                    .init(
                        network.position, "relayed.\(network.network)",
                        "overlaps \(other.network), at \(other.position)"))
            }
        }
        if tree[SiteFields.networks.key]?.entries.isEmpty == true {
            problems.append(
                .init(
                    tree[SiteFields.networks.key]?.position ?? tree.position, "networks",
                    "no interface is named, so nothing would be served"))
        }
    }

    /// HTTPS needs a certificate, and a port of its own.
    private mutating func checkHTTPS(_ site: Site, _ tree: YAMLNode, _ adopted: YAMLNode?) {
        if let https = site.https {
            if https.port == site.httpPort {
                let written = tree[SiteFields.httpsPort.key] ?? tree[SiteFields.httpPort.key]
                problems.append(
                    .init(
                        written?.position ?? tree.position, SiteFields.httpsPort.key,
                        "\(https.port) is the port for HTTP, too"))
            }
            return
        }
        let wanted =
            [SiteFields.offersHTTPS, SiteFields.httpsKey, SiteFields.httpsPort].map { (tree[$0.key], $0.key) }
            + (tree[SiteFields.groups.key]?.entries ?? []).map { group in
                (group.value[SiteFields.choosesHTTPS.key], "groups.\(group.key).https")
            }
            + ((tree[SiteFields.nodes.key]?.entries ?? []) + (adopted?[SiteFields.nodes.key]?.entries ?? [])).map {
                ($0.value[SiteFields.choosesHTTPS.key], "nodes.\($0.key).https")
            }
        for (value, place) in wanted {
            guard let value, value.text != "no" else { continue }
            problems.append(
                .init(value.position, place, "there is no HTTPS without `\(SiteFields.httpsCertificate.key)`"))
        }
    }

    private func secretProblems(_ value: YAMLNode?, _ prefix: String) -> [ConfigurationProblem] {
        (value?[SiteFields.files.key]?.entries ?? []).compactMap { entry in
            guard let secret = entry.value[SiteFields.secret.key], secret.text == "yes",
                entry.value[SystemFields.link.key] != nil
            else { return nil }
            return .init(
                secret.position, "\(prefix)files.\(entry.key).secret",
                "a symbolic link has nothing to hide; make what it points to the secret")
        }
    }

    private mutating func checkUnknown(_ site: Site, _ tree: YAMLNode) {
        guard let unknown = tree[SiteFields.unknown.key] else { return }
        let system = unknown[SiteFields.unknownSystem.key]
        checkSystem(system, "unknown", site)
        switch site.unknown.answer {
        case .system where system == nil:
            problems.append(
                .init(unknown.position, "unknown.system", "the key is missing, and `answer: system` needs it"))
        case .nothing where system != nil:
            problems.append(
                .init(
                    system?.position ?? unknown.position, "unknown.system",
                    "`answer: nothing` boots nothing; write `answer: system` or `answer: menu`")
            )
        case .menu where site.systems.isEmpty:
            problems.append(.init(unknown.position, "unknown.answer", "a menu needs `systems` to choose from"))
        default: break
        }
        if site.unknown.answer != .menu, let time = unknown[SiteFields.menuTime.key] {
            problems.append(.init(time.position, "unknown.menu-time", "there is no menu: `answer` is not `menu`"))
        }
    }

    /// A name of `systems`, or the problem that it is none.
    private mutating func checkSystem(_ value: YAMLNode?, _ place: String, _ site: Site) {
        guard let value, let name = value.text, TextKind.systemName.accepts(name) else { return }
        checkName(name, value, "\(place).system", among: site.systems.map(\.name), of: "systems")
    }

    private mutating func checkName(
        _ name: String, _ value: YAMLNode, _ place: String, among names: [String], of key: String
    ) {
        guard !names.contains(name) else { return }
        var message = "`\(name.shortened)` is none of this site's `\(key)`"
        if let nearest = nearestSpelling(to: name, among: names) {
            message += "; did you mean `\(nearest)`?"
        } else if names.isEmpty {
            message += ", which names none"
        } else {
            message += ": \(names.prefix(8).map { "`\($0)`" }.joined(separator: ", "))\(names.count > 8 ? ", …" : "")"
        }
        problems.append(.init(value.position, place, message))
    }

    /// Who has what may be had only once, and where it says so.
    private struct Taken {
        var names: [String: Node] = [:]
        var macs: [MACAddress: (Node, SourcePosition)] = [:]
        var uuids: [MachineUUID: (Node, SourcePosition)] = [:]
        var serials: [String: (Node, SourcePosition)] = [:]
        var hostnames: [String: (Node, SourcePosition)] = [:]
        var addresses: [IPv4Address: (Node, SourcePosition)] = [:]
    }

    private mutating func checkNode(_ node: Node, _ value: YAMLNode, _ site: Site, _ taken: inout Taken) {
        let place = "nodes.\(node.name)"
        if let other = taken.names.updateValue(node, forKey: node.name) {
            problems.append(.init(node.position, place, "the node is also in \(other.position)"))
        }
        checkSystem(value[SiteFields.nodeSystem.key], place, site)
        if let group = value[SiteFields.group.key], let name = group.text, TextKind.nodeName.accepts(name) {
            checkName(name, group, "\(place).group", among: site.groups.map(\.name), of: "groups")
        }
        if ![SiteFields.macs, SiteFields.uuid, SiteFields.serial].contains(where: { value[$0.key] != nil }) {
            problems.append(
                .init(
                    value.position, place,
                    "nothing tells this machine from others; give one of `macs`, `uuid`, `serial`"))
        }
        if let macs = value[SiteFields.macs.key], macs.elements.isEmpty {
            problems.append(.init(macs.position, "\(place).macs", "the list is empty"))
        }
        for element in value[SiteFields.macs.key]?.elements ?? [] {
            guard let mac = element.text.flatMap(MACAddress.init) else { continue }
            claim(mac, for: node, element, "\(place).macs", &taken.macs) { "\($0)" }
        }
        if let uuid = value[SiteFields.uuid.key], let written = node.identity.uuid {
            // One machine may be written in either byte order.
            let known = taken.uuids[written.swapped] != nil ? written.swapped : written
            claim(known, for: node, uuid, "\(place).uuid", &taken.uuids) { "\($0)" }
        }
        if let serial = value[SiteFields.serial.key], let text = node.identity.serial {
            claim(text, for: node, serial, "\(place).serial", &taken.serials) { $0 }
        }
        if let address = value[SiteFields.nodeAddress.key], let written = node.address {
            claim(written, for: node, address, "\(place).address", &taken.addresses) { "\($0)" }
            checkAddress(written, address, "\(place).address", site)
        }
        let hostname = value[SiteFields.hostname.key]
        claim(
            (node.settings.hostname ?? node.name).lowercased(), for: node, hostname ?? value,
            hostname == nil ? place : "\(place).hostname", &taken.hostnames,
            at: hostname == nil ? node.position : nil
        ) { "the hostname `\($0)`" }
        problems += fileProblems(value, "\(place).") + secretProblems(value, "\(place).")
    }

    private mutating func claim<Key: Hashable>(
        _ key: Key, for node: Node, _ value: YAMLNode, _ place: String,
        _ taken: inout [Key: (Node, SourcePosition)], at position: SourcePosition? = nil, _ words: (Key) -> String
    ) {
        let position = position ?? value.position
        if let (other, first) = taken[key] {
            let whose = other.name == node.name ? "is given twice, also" : "is also that of node `\(other.name)`,"
            problems.append(.init(position, place, "\(words(key)) \(whose) at \(first)"))
        } else {
            taken[key] = (node, position)
        }
    }

    private mutating func checkAddress(
        _ address: IPv4Address, _ value: YAMLNode, _ place: String, _ site: Site
    ) {
        for network in site.networks {
            let lendings =
                [(network.lending, network.interface)] + network.relayed.map { ($0.lending, "\($0.network)") }
            for (lending, name) in lendings where lending.router == address || lending.nameServers.contains(address) {
                problems.append(.init(value.position, place, "\(address) is the router or a name server of `\(name)`"))
            }
            if network.address == address {
                problems.append(
                    .init(value.position, place, "\(address) is this server's own on `\(network.interface)`"))
            }
        }
    }

    private mutating func checkNetwork(_ network: SiteNetwork, _ value: YAMLNode?) {
        guard let value else { return }
        let place = "networks.\(network.interface)"
        let lends = network.dhcp == .full || network.dhcp == .auto
        if !lends {
            for field in SiteFields.lending + [SiteFields.relayed, SiteFields.authoritative] {
                guard let given = value[field.key] else { continue }
                problems.append(
                    .init(
                        given.position, "\(place).\(field.key)",
                        "`dhcp: \(network.dhcp.rawValue)` lends no addresses"))
            }
        }
        if network.dhcp == .proxy, network.routerAdvertisements {
            problems.append(
                .init(
                    value[SiteFields.routerAdvertisements.key]?.position ?? value.position,
                    "\(place).router-advertisements", "a proxy leaves the network's routers alone"))
        }
        if network.dhcp == .proxy, let given = value[SiteFields.ipv6Prefix.key] {
            problems.append(
                .init(given.position, "\(place).ipv6-prefix", "a proxy leaves the network's addresses alone"))
        }
        checkLending(network.lending, value, place, within: nil)
        for relayed in network.relayed {
            guard let inner = value[SiteFields.relayed.key]?[relayed.network.description] else { continue }
            checkLending(relayed.lending, inner, "\(place).relayed.\(relayed.network)", within: relayed.network)
        }
    }

    private mutating func checkLending(
        _ lending: AddressLending, _ value: YAMLNode, _ place: String, within network: IPv4Network?
    ) {
        if let lease = value[SiteFields.lease.key], (lease.text.flatMap(lengthInSeconds) ?? 60) < 60 {
            problems.append(.init(lease.position, "\(place).lease", "expected at least 60 s, found \(lease.noun)"))
        }
        var seen: [(ClosedRange<IPv4Address>, SourcePosition)] = []
        for element in value[SiteFields.ranges.key]?.elements ?? [] {
            guard let range = element.text.flatMap(ipv4Range) else { continue }
            if let other = seen.first(where: { $0.0.overlaps(range) }) {
                problems.append(
                    .init(element.position, "\(place).ranges", "\(element.noun) overlaps the range at \(other.1)"))
            }
            if let network, !network.contains(range.lowerBound) || !network.contains(range.upperBound) {
                problems.append(
                    .init(element.position, "\(place).ranges", "\(element.noun) is not within \(network)"))
            }
            seen.append((range, element.position))
        }
        if let network, let router = value[SiteFields.router.key], let address = lending.router,
            !network.contains(address)
        {
            problems.append(.init(router.position, "\(place).router", "\(address) is not within \(network)"))
        }
    }
}
