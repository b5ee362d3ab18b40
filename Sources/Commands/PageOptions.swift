import ArgumentParser
import BootProtocols
import Glibc
import LocalStore
import NetbootServer
import SystemModel
import SystemPackage

/// The options of the administrator's page.
struct PageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the page, its JSON interface and Prometheus' /metrics are, such as 127.0.0.1:8081; nowhere by default.",
            discussion: "Everyone who reaches that address may look.", valueName: "address:port"))
    var page: String?

    @Option(
        name: .customLong("page-token-file"),
        help: ArgumentHelp(
            "A file with a token of 16 characters or more; who enters it on the page may publish, roll back and adopt nodes.",
            valueName: "file"))
    var tokenFile: String?

    func validate() throws { _ = try address() }

    private func address() throws -> (IPv4Address, Int)? {
        guard let page else { return nil }
        let parts = page.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let port = Int(parts[1]),
            (0...65_535).contains(port)
        else { throw ValidationError("--page takes an address and a port such as 127.0.0.1:8081, found '\(page)'") }
        return (address, port)
    }

    /// The page as the server takes it; nil for none.
    func configuration(_ workspace: Workspace, site: Site) throws -> PageConfiguration? {
        guard let (address, port) = try address() else { return nil }
        let store = workspace.store
        return PageConfiguration(
            address: address, port: port, files: try workspace.data.pageFiles(), token: try token(),
            act: { try store.act($0, for: site) })
    }

    private func token() throws -> String? {
        guard let tokenFile else { return nil }
        let text = try HostFiles.text(FilePath(tokenFile))
        let token = String(text.prefix { !$0.isNewline })
        guard (16...256).contains(token.utf8.count), token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw CommandError(
                kind: .usage, subject: tokenFile,
                message: "its first line is no token: expected 16 to 256 characters of ASCII without a space",
                remedy: "openssl rand -hex 16 > \(tokenFile)")
        }
        return token
    }
}

extension ProjectData {
    /// The files of `netboot/page`, by the path that a browser asks for.
    func pageFiles() throws -> [String: PageConfiguration.File] {
        let page = folder.appending("netboot/page")
        func file(_ name: String, _ type: String) throws -> PageConfiguration.File {
            .init(contentType: type, bytes: Array(try HostFiles.text(page.appending(name)).utf8))
        }
        return [
            "/": try file("index.html", "text/html; charset=utf-8"),
            "/page.css": try file("page.css", "text/css; charset=utf-8"),
            "/page.js": try file("page.js", "text/javascript; charset=utf-8"),
            "/icon.svg": try file("icon.svg", "image/svg+xml"),
        ]
    }
}

extension LocalStore {
    /// Does what an administrator asks for on the page; says what new boots get then.
    func act(_ action: PageConfiguration.Action, for site: Site) throws -> String {
        let now = Double(secondsSince1970())
        switch action {
        case .adopt(let mac, let name, let system):
            guard !site.path.isEmpty else {
                throw CommandError(
                    kind: .usage, subject: "\(mac)", message: "this server has no site file, and so no nodes",
                    remedy: "bootferry serve SITE.yaml")
            }
            var node = AdoptedNode(name: name ?? NodesFile.usualName(of: mac), macs: [mac])
            node.system = system
            return try "'\(node.name)' is a node now, in \(NodesFile.adopt(node, ofSite: site.path).nodesPath)"
        case .rollBack(let system, let generation):
            try checkPublished(system)
            return try roll(back: system, to: generation, now: now).words
        case .publish(let system, let generation, let share):
            try checkPublished(system)
            return try roll(out: system) { old in
                guard let number = try generation ?? generationNumbers(of: system).last else {
                    throw CommandError(kind: .usage, subject: system, message: "has no generations")
                }
                var rollout = Rollout(system: system, generation: number, since: now)
                rollout.patience = old?.patience ?? Rollout.defaultPatience
                if let share {
                    guard let old, (1...99).contains(share), old.generation != number else {
                        throw CommandError(
                            kind: .usage, subject: system,
                            message: "a trial needs a share of 1 to 99 of a hundred "
                                + "nodes, and another generation than all have")
                    }
                    rollout.generation = old.generation
                    rollout.trial = .init(generation: number, audience: .share(percent: share))
                }
                return rollout
            }.words
        }
    }

    /// A name from a browser is looked up, never made into a path.
    private func checkPublished(_ system: String) throws {
        guard try rollouts()[system] != nil else {
            throw CommandError(kind: .usage, subject: system, message: "is no system that was published")
        }
    }
}

extension Rollout {
    /// What new boots get.
    var words: String {
        let trial = trial.map { ", and \($0.generation) on trial by \($0.audience)" } ?? ""
        return "\(system): new boots get generation \(generation)\(trial)"
    }
}
