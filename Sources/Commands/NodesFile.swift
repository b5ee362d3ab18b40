import BootProtocols
import Diagnostics
import Glibc
import LinuxCalls
import SystemModel
import SystemPackage

/// The nodes file beside a site: read, changed and written as a whole.
enum NodesFile {
    /// Reads a site, takes its adopted nodes through `change`, checks the site with what comes out, and only then writes it.
    /// Whoever else changes the file waits.
    @discardableResult
    static func change(
        ofSite path: String, _ change: (Site, inout [AdoptedNode]) throws -> Void
    ) throws -> Site {
        let folder = FilePath(try SiteSource.read(path).nodesPath).removingLastComponent()
        let lock = try? FileDescriptor.open(
            folder.isEmpty ? "." : folder, .readOnly, options: [.directory, .closeOnExec])
        defer { try? lock?.close() }
        if let lock { flock(lock.rawValue, LOCK_EX) }
        let site = try SiteSource.read(path)
        var nodes = site.nodes.filter(\.isAdopted).map(AdoptedNode.init)
        try change(site, &nodes)
        let text = AdoptedNode.rendered(nodes)
        // A mistake is told of the text that would be written, beside the site's own places.
        _ = try Site.read(site.path, directory: currentDirectory()) { path in
            path == site.nodesPath
                ? .bytes(Array(text.utf8)) : HostFiles.content(path, limit: Site.maximumFileSize)
        }
        do {
            try replaceFile(at: FilePath(site.nodesPath), with: Array(text.utf8))
        } catch {
            throw CommandError(
                subject: site.nodesPath, message: "cannot be written", cause: "\(error)",
                remedy: "make its folder writable, or name another with `nodes-file` in \(site.path)")
        }
        return site
    }

    /// Adds a node whose card is that of no other.
    static func adopt(_ node: AdoptedNode, ofSite path: String) throws -> Site {
        try change(ofSite: path) { site, nodes in
            for mac in node.macs {
                guard let known = site.node(mac: mac)?.node else { continue }
                throw CommandError(
                    kind: .usage, subject: "\(mac)",
                    message: "is already that of node '\(known.name)', at \(known.position)",
                    remedy: known.isAdopted ? "bootferry node set \(known.name)" : "change it there")
            }
            if site.node(named: node.name) != nil {
                throw CommandError(
                    kind: .usage, subject: node.name, message: "is already a node", remedy: "choose another name")
            }
            nodes.append(node)
        }
    }

    /// `node-` and the last half of a card's address.
    static func usualName(of mac: MACAddress) -> String {
        "node-" + mac.bytes.suffix(3).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Where an adopted node stands; those of the site file are not ours to change.
    static func place(of name: String, in nodes: [AdoptedNode], _ site: Site) throws -> Int {
        if let place = nodes.firstIndex(where: { $0.name == name }) { return place }
        if let node = site.node(named: name) {
            throw CommandError(
                kind: .usage, subject: name, message: "is written in the site file, at \(node.position)",
                remedy: "change it there")
        }
        let nearest = nearestSpelling(to: name, among: nodes.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
        throw CommandError(kind: .usage, subject: name, message: "is no node of '\(site.path)'\(nearest)")
    }
}
