import ArgumentParser
import BootPolicy
import BootProtocols
import Foundation
import NetbootServer
import SystemModel
import SystemPackage

/// `bootferry node`: the machines of a site, and those that were seen.
struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "List, adopt, change and forget the machines of a site.",
        discussion: """
            The site file is yours and is never written. What these verbs keep stands in the nodes file beside it,
            'nodes.yaml' unless the site names another: written anew as a whole, sorted, and checked together with the
            site before it takes the old one's place. A running server must be started again to read it.

              bootferry node list --site netboot/site.yaml
              bootferry node adopt 52:54:00:12:34:56 --name bench-03 --system lab-node
              bootferry node set bench-03 --address 10.77.0.13
              bootferry node forget bench-03
              bootferry node known-hosts >>/etc/ssh/ssh_known_hosts
            """,
        subcommands: [List.self, Adopt.self, Set.self, Forget.self, KnownHosts.self], defaultSubcommand: List.self)

    struct SiteOption: ParsableArguments {
        @Option(help: ArgumentHelp("The site file; 'netboot/site.yaml' by default.", valueName: "file"))
        var site = "netboot/site.yaml"
    }

    /// What a node is given; what is left out stays as it is.
    struct Choices: ParsableArguments {
        @Option(help: ArgumentHelp("The system it boots.", valueName: "name"))
        var system: String?
        @Option(help: ArgumentHelp("What it calls itself; its name by default.", valueName: "name"))
        var hostname: String?
        @Option(help: ArgumentHelp("The group whose choices hold for it.", valueName: "name"))
        var group: String?
        @Option(help: ArgumentHelp("The address it always gets.", valueName: "address"))
        var address: String?
        @Option(
            name: .customLong("kernel-parameter"),
            help: ArgumentHelp("A word for its kernel's command line; several take the place of those it has."))
        var kernelParameters: [String] = []

        func lay(over node: inout AdoptedNode) {
            node.system = system ?? node.system
            node.hostname = hostname ?? node.hostname
            node.group = group ?? node.group
            node.address = address ?? node.address
            if !kernelParameters.isEmpty { node.kernelParameters = kernelParameters }
        }
    }
}

extension NodeCommand {
    /// One machine of a listing: a node, or one that was only seen.
    struct Row: Encodable {
        /// Nil where it is none of the nodes.
        var node: String?
        var macs: [MACAddress]
        var uuid: String?
        var serial: String?
        var system: String?
        var group: String?
        var hostname: String?
        var address: IPv4Address?
        /// Where it is written.
        var position: String?
        var seen: [Sightings.Sighting]
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the site's nodes, and the machines that were seen and are none of them.")
        @OptionGroup var site: SiteOption
        @OptionGroup var options: WorkspaceOptions

        func run() throws {
            let site = try SiteSource.read(site.site)
            let seen = SightingsFile(path: try Workspace.openStore(options).directory.sightings).load()
            var rows = site.nodes.map { node in
                let choices = site.settings(of: node)
                return Row(
                    node: node.name, macs: node.identity.macs, uuid: node.identity.uuid?.description,
                    serial: node.identity.serial, system: choices.system, group: node.group,
                    hostname: choices.hostname, address: node.address, position: "\(node.position)", seen: [])
            }
            for sighting in seen.all {
                let machine = seen.machine(sighting.mac)
                let known = site.node(mac: machine.mac, uuid: machine.uuid, serial: machine.serial)?.node.name
                if let known, let place = rows.firstIndex(where: { $0.node == known }) {
                    rows[place].seen.append(sighting)
                } else {
                    rows.append(
                        Row(
                            macs: [sighting.mac], uuid: sighting.uuid, serial: sighting.serial,
                            address: sighting.address, seen: [sighting]))
                }
            }
            let terminal = Terminal(quiet: options.quiet)
            if options.json { return terminal.result(try encodeJSON(rows)) }
            if rows.isEmpty { terminal.message("no nodes, and no machine was seen yet") }
            let formatter = ISO8601DateFormatter()
            for row in rows {
                let last = row.seen.max { $0.last < $1.last }
                let words = [
                    row.node ?? "(unknown)", row.macs.map(\.description).joined(separator: ","),
                    row.system ?? "-", (row.address ?? last?.address)?.description ?? "-",
                    last.map {
                        "\($0.client), seen \(formatter.string(from: Date(timeIntervalSince1970: TimeInterval($0.last))))"
                    } ?? "never seen",
                ]
                terminal.result(words.joined(separator: "  "))
            }
            if rows.contains(where: { $0.node == nil }) {
                terminal.message("'bootferry node adopt MAC --name NAME --system SYSTEM' makes one a node")
            }
        }
    }

    struct KnownHosts: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the SSH host keys that the nodes keep, as lines for 'known_hosts'.",
            discussion: """
                Each node's Ed25519 key is derived from the site's secret in the state directory, which is made if there is
                none: run this where, and as whom, 'serve' runs. Nodes whose system has 'openssh-server' present it.
                """)
        @OptionGroup var site: SiteOption
        @OptionGroup var options: WorkspaceOptions

        func run() throws {
            let site = try SiteSource.read(site.site)
            let secret = try SiteSource.secret(in: Workspace.openStore(options).directory)
            let terminal = Terminal(quiet: options.quiet)
            for node in site.nodes {
                let names =
                    [site.settings(of: node).hostname ?? node.name] + [node.address?.description].compactMap(\.self)
                terminal.result(secret.hostKey(of: node.name).knownHostsLine(names: names))
            }
        }
    }

    struct Adopt: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a machine a node, by the address of its card.")
        @Argument(help: ArgumentHelp("The card's address.", valueName: "MAC"))
        var mac: String
        @Option(help: ArgumentHelp("What to call it; 'node-' and the last half of its address by default."))
        var name: String?
        @OptionGroup var choices: Choices
        @OptionGroup var site: SiteOption
        @OptionGroup var options: WorkspaceOptions

        func run() throws {
            guard let mac = MACAddress(mac), mac.isOfOneCard else {
                throw ValidationError("expected a card's MAC address, such as 52:54:00:12:34:56, found '\(mac)'")
            }
            let terminal = Terminal(quiet: options.quiet)
            let seen = SightingsFile(path: try Workspace.openStore(options).directory.sightings).load()
            var node = AdoptedNode(name: name ?? choices.hostname ?? NodesFile.usualName(of: mac), macs: [mac])
            choices.lay(over: &node)
            let changed = try NodesFile.adopt(node, ofSite: site.site)
            if seen[mac] == nil { terminal.message("\(mac) has not been seen by this server yet") }
            terminal.message("\(changed.nodesPath): '\(node.name)' is \(mac)")
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change an adopted node.")
        @Argument(help: "The node.")
        var node: String
        @OptionGroup var choices: Choices
        @Option(name: .customLong("add-mac"), help: ArgumentHelp("Another card of it.", valueName: "MAC"))
        var addMAC: [String] = []
        @OptionGroup var site: SiteOption
        @OptionGroup var options: WorkspaceOptions

        func run() throws {
            let macs = try addMAC.map { text in
                guard let mac = MACAddress(text) else {
                    throw ValidationError("expected a MAC address, found '\(text)'")
                }
                return mac
            }
            try NodesFile.change(ofSite: site.site) { site, nodes in
                let place = try NodesFile.place(of: node, in: nodes, site)
                choices.lay(over: &nodes[place])
                nodes[place].macs += macs
            }
        }
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take an adopted node out, or forget that a machine was seen.")
        @Argument(help: ArgumentHelp("The node, or a MAC address.", valueName: "node"))
        var node: String
        @OptionGroup var site: SiteOption
        @OptionGroup var options: WorkspaceOptions

        func run() throws {
            if let mac = MACAddress(node) {
                let directory = try Workspace.openStore(options).directory
                let file = SightingsFile(path: directory.sightings)
                var seen = file.load()
                guard seen[mac] != nil else {
                    throw CommandError(kind: .usage, subject: node, message: "has not been seen")
                }
                if let log = BootLogFiles.all(below: directory.netboot).first(where: \.isInUse) {
                    throw CommandError(
                        kind: .host, subject: node, message: "is remembered by the server that runs, too",
                        cause: "it keeps its records in '\(log.directory)'", remedy: "stop that server first")
                }
                seen.forget(mac)
                return try file.save(seen)
            }
            try NodesFile.change(ofSite: site.site) { site, nodes in
                nodes.remove(at: try NodesFile.place(of: node, in: nodes, site))
            }
        }
    }
}
