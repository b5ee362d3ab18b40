import Diagnostics
import Glibc
import SystemModel
import SystemPackage

/// A system as the command line names it, read and resolved.
struct SystemSource {
    let configuration: SystemConfiguration
    let system: ResolvedSystem
    /// Beside the configuration: `system.yaml` -> `system.lock`.
    let lockPath: FilePath

    /// - Parameters:
    ///   - name: a configuration file, a folder with a `system.yaml`, or a folder's name in `targets/systems`.
    ///   - board: a board's name, in place of what is written there.
    init(_ name: String, data: ProjectData, board: String? = nil) throws {
        let path = try Self.file(name, data: data)
        configuration = try SystemConfiguration.read(
            path, directory: currentDirectory(), platforms: data.platforms(named:), boards: data.boards,
            board: board
        ) { HostFiles.content($0, limit: SystemConfiguration.maximumFileSize) }
        system = configuration.resolve()
        var lock = FilePath(path)
        lock.extension = "lock"
        lockPath = lock
    }

    private static func file(_ name: String, data: ProjectData) throws -> String {
        var status = stat()
        if stat(name, &status) == 0 {
            return status.st_mode & S_IFMT == S_IFDIR ? FilePath(name).appending("system.yaml").string : name
        }
        let systems = data.folder.appending("targets/systems")
        let shipped = try HostFiles.names(in: systems).filter {
            access(systems.appending($0).appending("system.yaml").string, R_OK) == 0
        }
        if shipped.contains(name) { return systems.appending(name).appending("system.yaml").string }
        let nearest = nearestSpelling(to: name, among: shipped).map { "; did you mean '\($0)'?" } ?? ""
        throw CommandError(
            kind: .usage, subject: name,
            message: "is no configuration file, no folder, and no system in '\(systems)'\(nearest)",
            remedy: "the systems there: \(shipped.joined(separator: ", "))")
    }

    /// The lock file, or nil where there is none yet.
    func readLock() throws -> LockFile? { try lockBytes().map { try LockFile.read($0, path: lockPath.string) } }

    /// The lock file as it stands there, or nil where there is none yet.
    func lockBytes() throws -> [UInt8]? {
        switch HostFiles.content(lockPath.string) {
        case .bytes(let bytes): return bytes
        case .missing: return nil
        case .unreadable(let reason):
            throw CommandError(subject: lockPath.string, message: "cannot be read", cause: reason)
        }
    }
}
