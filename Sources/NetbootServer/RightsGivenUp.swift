import Diagnostics
import LinuxCalls
import Logging
import SystemPackage

/// What a server gives up once its sockets are bound: being root, every capability, and the calls it has no use for.
public struct RightsGivenUp: Sendable {
    /// Whom it becomes; nil stays who it is.
    public var user: Privileges.User?
    /// The user was asked for by name: a server that cannot become it ends. Otherwise it says so, and stays who it is.
    public var isRequired: Bool
    /// Folders that it writes; they are given to the user.
    public var writes: [FilePath]
    /// Files and folders that the user must be able to read.
    public var reads: [FilePath]
    /// Why the user will not do, whatever it can read.
    public var objection: NetbootServerError?

    public init(
        user: Privileges.User?, isRequired: Bool, writes: [FilePath], reads: [FilePath],
        objection: NetbootServerError? = nil
    ) {
        self.user = user
        self.isRequired = isRequired
        self.writes = writes
        self.reads = reads
        self.objection = objection
    }

    /// For every thread of this process, for good.
    func giveUp(_ logger: Logger) throws -> RightsLeft {
        var becoming = user
        if let user, let objection = objection ?? unreadable(by: user) {
            guard !isRequired else { throw objection }
            logger.notice("stays root: \(objection.description)")
            becoming = nil
        }
        if Privileges.isRoot {
            // Root without capabilities cannot write what an earlier server's user owns, either.
            for folder in writes { try Privileges.give(folder, to: becoming ?? Privileges.current) }
        }
        try Privileges.giveUp(becoming: becoming)
        return RightsLeft(user: Privileges.current.name)
    }

    private func unreadable(by user: Privileges.User) -> NetbootServerError? {
        for path in reads {
            guard let refusal = Privileges.refusal(of: user, toRead: path) else { continue }
            return NetbootServerError(
                subject: "user \"\(user.name)\"", message: "cannot read \(path)", cause: "\(refusal)",
                remedy: "let others pass the folders that lead there (chmod o+x), or keep the state elsewhere: "
                    + "--state-dir /var/lib/bootferry; --user root stays root")
        }
        return nil
    }
}

/// Whom a server is, now that it has given up the rest.
public struct RightsLeft: Sendable, Equatable {
    public var user: String
}
