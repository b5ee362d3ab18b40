import ArgumentParser
import PackageLocking
import SystemModel
import SystemPackage

/// `bootferry lock`: pins every package of a system.
struct LockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Pin every package of a system by version and SHA-256.",
        discussion: """
            apt solves and checks the archive's signatures, with a state of its own: the host's apt is not touched.
            The lock file is written beside the configuration ('system.yaml' -> 'system.lock'); keep it with it.

            Without --update, every version that can stay stays. With --update and no package, everything moves to the
            newest; with packages, only those move, and what their new versions need. What changed is printed.

              bootferry lock lab-node
              bootferry lock lab-node --update
              bootferry lock lab-node --update openssh-server
            """)

    @Argument(help: "The system.")
    var system: String
    @Argument(help: ArgumentHelp("The packages that --update moves.", valueName: "package"))
    var packages: [String] = []
    @Flag(help: "Move packages to the newest version.")
    var update = false
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func validate() throws {
        if !packages.isEmpty, !update { throw ValidationError("name packages together with --update") }
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let pipeline = SystemPipeline(
            source: try SystemSource(system, data: workspace.data), workspace: workspace, mirror: mirror)
        let outcome = try await pipeline.lock(update: update ? packages : nil)
        if options.json {
            workspace.terminal.result(try encodeJSON(outcome))
        } else if outcome.changes.isEmpty {
            workspace.terminal.result("\(pipeline.source.lockPath): nothing changed")
        }
    }
}

/// Where packages come from, when not from the host's own mirror.
struct MirrorOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A Debian mirror's root, ending in 'debian/'; by default what the host's own apt uses.", valueName: "url"))
    var mirror: String?
    @Flag(help: "Fetch nothing: what is not in the store, or not locked, is named, and ends the work.")
    var offline = false

    func validate() throws {
        if offline, mirror != nil { throw ValidationError("--offline asks no mirror, so --mirror says nothing") }
    }

    /// Throws where `lock` would have to be made, and nobody may be asked for it.
    func requireNetwork(toWrite lock: FilePath) throws {
        guard offline else { return }
        throw CommandError(
            kind: .usage, subject: "'\(lock)'",
            message: "is missing, or was made for another configuration, and without a network nothing is locked",
            remedy: "take the lock file that belongs to the configuration; or leave out --offline")
    }

    func list() async throws -> MirrorList {
        if let mirror {
            return try await MirrorList(
                named: mirror, proxy: MirrorList.hostProxy(), credentials: MirrorList.hostCredentials())
        }
        return try await MirrorList.ofHost()
    }
}
