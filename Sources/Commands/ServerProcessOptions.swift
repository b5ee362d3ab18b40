import ArgumentParser
import Glibc
import LinuxCalls
import LocalStore
import NetbootServer

/// What the serving process itself does: whom it becomes, and which ports it sends from.
struct ServerProcessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "As root: whom to become once the ports are bound; by default who owns the state directory, or for root's own "
                + "'bootferry', else 'nobody'.",
            discussion: """
                Capabilities are given up by any user; 'root' stays root without them. Where a default user cannot read \
                the state directory, or could not do what the page's token allows, the server says so and stays root.
                """, valueName: "name"))
    var user: String?
    @Flag(help: "Send all of TFTP from its one port, for machines behind a NAT or a firewall.")
    var tftpSinglePort = false

    /// What the server gives up.
    ///
    /// - Parameter actsOnPage: The page may change which generation nodes get.
    func rights(_ directory: StateDirectory, systems: [String], actsOnPage: Bool) throws -> RightsGivenUp {
        let becoming = try whomToBecome(directory)
        var objection: NetbootServerError?
        if let becoming, actsOnPage, Privileges.owner(of: directory.generations)?.number != becoming.number {
            objection = NetbootServerError(
                subject: "user \"\(becoming.name)\"",
                message: "could not publish or roll back as the page's token allows: not the state directory's owner",
                remedy: "chown -R \(becoming.name): \(directory.path), or leave --page-token-file out; "
                    + "--user root stays root")
        }
        // A system that was imported and never published has no rollout, and one that nobody built yet not even a folder.
        let folders = systems.map { directory.generations.appending($0) }
        let perSystem = (folders + folders.map { $0.appending("rollout") }).filter { access($0.string, F_OK) == 0 }
        return RightsGivenUp(
            user: becoming, isRequired: user != nil, writes: [directory.netboot],
            reads: [directory.store, directory.generations] + perSystem, objection: objection)
    }

    /// Nil stays who it is.
    private func whomToBecome(_ directory: StateDirectory) throws -> Privileges.User? {
        guard Privileges.isRoot else {
            if let user, user != Privileges.current.name {
                throw CommandError(
                    kind: .usage, subject: "--user \(user)", message: "only root can become another user",
                    remedy: "leave it out, or start the server as root")
            }
            return nil
        }
        guard let user else {
            if let owner = Privileges.owner(of: directory.path), owner.number != 0 { return owner }
            return try Privileges.user(named: "bootferry") ?? Privileges.user(named: "nobody")
        }
        guard let found = try Privileges.user(named: user) else {
            throw CommandError(
                kind: .usage, subject: "user \"\(user)\"", message: "is not an account of this host",
                remedy: "useradd --system --no-create-home \(user)")
        }
        return found.number == 0 ? nil : found
    }
}
