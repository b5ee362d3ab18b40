import Foundation
import Subprocess
import SystemPackage

/// A place to run programs that sees the toolbox as its system, no network, and of the host only what is bound in.
///
/// Made by bubblewrap. Where files need many owners (dpkg), util-linux's `unshare` first maps the user's subordinate
/// numbers (`/etc/subuid`), because a process with threads, as this one, may not enter a user namespace itself. Root needs no
/// user namespace: it keeps only the capabilities that deal with files and accounts, so that what runs inside can neither
/// mount nor write to the host's kernel, and both ways make the same files.
public struct Sandbox: Sendable {
    /// A place of the host that the sandbox sees.
    public struct Bind: Sendable {
        /// On the host.
        public var source: FilePath
        /// In the sandbox.
        public var target: String
        /// Read-only unless said so.
        public var writable: Bool

        public init(_ source: FilePath, at target: String, writable: Bool = false) {
            self.source = source
            self.target = target
            self.writable = writable
        }
    }

    /// Who runs in a sandbox of one owner.
    public struct Account: Sendable {
        /// User and group.
        public var number: Int
        /// Files that take their place in `/etc` besides the toolbox's: `passwd`, `group`.
        public var files: FilePath

        public init(number: Int, files: FilePath) {
            self.number = number
            self.files = files
        }
    }

    /// What the sandbox has as its system.
    public var toolbox: Toolbox
    /// What of the host it sees.
    public var binds: [Bind]
    /// Directories that get the devices, processes and empty temporary places of a system of their own, besides `/`.
    public var systemRoots: [String]
    /// Directories that are empty and in memory while the sandbox runs.
    public var temporaryDirectories: [String]
    /// Whether files may belong to many users, as dpkg needs.
    public var manyOwners: Bool
    /// Who the programs run as, whoever started this; nil for that one.
    public var account: Account?
    /// For programs of another processor; files may have many owners then.
    public var emulation: Emulation?
    /// Where programs begin.
    public var directory = "/"
    /// Added to a fixed, small environment.
    public var environment: [String: String]
    var program = "bwrap"

    public init(
        toolbox: Toolbox, binds: [Bind], systemRoots: [String] = [], temporaryDirectories: [String] = [],
        manyOwners: Bool = false, emulation: Emulation? = nil, account: Account? = nil, directory: String = "/",
        environment: [String: String] = [:]
    ) {
        self.toolbox = toolbox
        self.binds = binds
        self.systemRoots = systemRoots
        self.temporaryDirectories = temporaryDirectories
        self.manyOwners = manyOwners
        self.emulation = emulation
        self.account = account
        self.directory = directory
        self.environment = environment
    }

    /// Runs a program of the toolbox to its end; standard error goes to `log`, standard output to `output` or `log`.
    ///
    /// - Returns: whether it ended with status 0; why not is in the log.
    public func run(_ arguments: [String], output: FileDescriptor? = nil, log: FileDescriptor) async throws -> Bool {
        let command = try command(arguments)
        let status = try await Self.starting(command[0]) {
            try await Subprocess.run(
                .name(command[0]), arguments: Arguments(Array(command.dropFirst())), environment: Self.outside,
                input: .none, output: .fileDescriptor(output ?? log, closeAfterSpawningProcess: false),
                error: .fileDescriptor(log, closeAfterSpawningProcess: false)
            ).terminationStatus
        }
        return status.isSuccess
    }

    /// Runs a program of the toolbox to its end with this process's input and output, and returns how it ended.
    ///
    /// At a terminal it gets one of its own, from util-linux's script(1): whatever runs inside may type into its terminal
    /// (TIOCSTI), and the person's own is not for it to type into.
    public func attend(_ arguments: [String]) async throws -> TerminationStatus {
        let hasTerminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        var command = try command(arguments, isSession: hasTerminal)
        if hasTerminal {
            let line = command.map { "'\($0.replacing("'", with: #"'\''"#))'" }.joined(separator: " ")
            command = ["script", "--quiet", "--return", "--command", line, "/dev/null"]
        }
        return try await Self.starting(command[0]) { [command] in
            try await Subprocess.run(
                .name(command[0]), arguments: Arguments(Array(command.dropFirst())), environment: Self.outside,
                input: .currentStandardInput, output: .currentStandardOutput, error: .currentStandardError
            ).terminationStatus
        }
    }

    /// What the programs that make a sandbox are started with.
    private static let outside = Environment.custom([
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL": "/bin/sh",
    ])

    /// Runs a program of the host; one that is not there is said to be missing.
    private static func starting<Value>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as SubprocessError {
            throw BuildError(
                kind: .host, subject: name, message: "could not be run", cause: "\(error)",
                remedy: "bootferry doctor")
        }
    }

    /// The command that runs a program of the toolbox inside.
    ///
    /// - Parameter isSession: whether it is started in a session that is no other's already.
    private func command(_ arguments: [String], isSession: Bool = false) throws -> [String] {
        var command = try emulation?.command ?? Self.mapping(manyOwners: manyOwners)
        command += [program, "--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
        if !isSession { command.append("--new-session") }
        command += ["--unshare-uts", "--hostname", "localhost", "--clearenv"]
        command += ["--cap-drop", "ALL"]
        if let account {
            command += ["--unshare-user", "--uid", "\(account.number)", "--gid", "\(account.number)"]
        }
        if manyOwners {
            for capability in Self.keptCapabilities { command += ["--cap-add", capability] }
        }
        let variables = [
            "PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC0", "TERM": "dumb",
        ].merging(environment) { $1 }
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) { command += ["--setenv", name, value] }
        command += ["--ro-bind", toolbox.root.appending("usr").string, "/usr"]
        command += try settings()
        for name in ["bin", "sbin", "lib", "lib64"] { command += ["--symlink", "usr/\(name)", "/\(name)"] }
        for bind in binds { command += [bind.writable ? "--bind" : "--ro-bind", bind.source.string, bind.target] }
        for root in [""] + systemRoots {
            command += [
                "--proc", "\(root)/proc", "--dev", "\(root)/dev", "--tmpfs", "\(root)/tmp", "--tmpfs", "\(root)/run",
            ]
            command += ["--chmod", "1777", "\(root)/tmp"]
            for name in Self.readOnlySettings { command += ["--ro-bind-try", "/proc/\(name)", "\(root)/proc/\(name)"] }
        }
        for directory in temporaryDirectories { command += ["--tmpfs", directory] }
        return command + ["--chdir", directory, "--"] + arguments
    }

    /// `/etc`: the toolbox's, and what an account needs besides.
    private func settings() throws -> [String] {
        let own = toolbox.root.appending("etc")
        guard let account else { return ["--ro-bind-try", own.string, "/etc"] }
        // A file cannot be put into a folder that is bound read-only, so each is bound by itself.
        var command = ["--tmpfs", "/etc"]
        for folder in [own, account.files] where access(folder.string, F_OK) == 0 {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.string).sorted() {
                command += ["--ro-bind", folder.appending(name).string, "/etc/\(name)"]
            }
        }
        return command + ["--remount-ro", "/etc"]
    }

    /// What unpacking and configuring with dpkg need: files of any owner, other accounts, and `chroot`. Without
    /// SYS_ADMIN what is mounted read-only stays so.
    private static let keptCapabilities = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SYS_CHROOT",
    ]

    /// What of `/proc` sets the host's kernel: it asks for the user number 0, not for a capability. bubblewrap covers
    /// some of it, but never `sys`, which it takes for unwritable by its mode.
    private static let readOnlySettings = ["acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger"]

    /// The command that enters a user namespace with subordinate numbers; empty for root, who needs none.
    private static func mapping(manyOwners: Bool) throws -> [String] {
        manyOwners && geteuid() != 0 ? ["unshare", "--map-auto", "--map-root-user", "--"] : []
    }

    /// Deletes a tree that a sandbox with many owners left behind, whose files this process may not delete itself.
    public static func remove(_ path: FilePath) async throws {
        var status = stat()
        guard lstat(path.string, &status) == 0 else { return }
        let result = try await Subprocess.run(
            .name(geteuid() == 0 ? "rm" : "unshare"),
            arguments: Arguments(
                (geteuid() == 0 ? [] : ["--map-auto", "--map-root-user", "--", "rm"])
                    + ["-rf", "--one-file-system", "--", path.string]),
            output: .discarded, error: .string(limit: 65536))
        guard result.terminationStatus.isSuccess else {
            throw BuildError(
                kind: .host, subject: path.string, message: "could not be removed", cause: result.standardError,
                remedy: "bootferry doctor")
        }
    }
}
