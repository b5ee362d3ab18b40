import DebianArchive
import Diagnostics
import Glibc
import SystemModel
import SystemPackage

/// Turns package names into a lock file, with the host's apt as solver and checker of signatures.
public struct PackageLocker: Sendable {
    /// A new lock and how it differs from the old one.
    public struct Outcome: Sendable {
        public var lock: LockFile
        public var changes: [LockChange]
    }

    let stateDirectory: FilePath
    let mirrors: MirrorList
    let keyring: FilePath

    /// - Parameters:
    ///   - stateDirectory: absolute; apt's private state is kept in `apt/` below it.
    ///   - keyring: Debian's archive keys.
    public init(
        stateDirectory: FilePath, mirrors: MirrorList,
        keyring: FilePath = "/usr/share/keyrings/debian-archive-keyring.gpg"
    ) {
        self.stateDirectory = stateDirectory
        self.mirrors = mirrors
        self.keyring = keyring
    }

    /// Locks what `request` asks for.
    ///
    /// - Parameters:
    ///   - existing: the lock there is; returned as it is, without the network, when it answers the request and
    ///     `update` is nil.
    ///   - update: nil keeps every locked version that can stay; an empty list moves everything to the newest;
    ///     names move only those packages and what their new versions need.
    /// - Throws: `LockingError`.
    public func lock(
        _ request: LockRequest, existing: LockFile? = nil, update: [String]? = nil
    ) async throws(LockingError) -> Outcome {
        if let existing, update == nil, existing.request == request.digest {
            return Outcome(lock: existing, changes: [])
        }
        try checkKeyring()
        let known = Set(PackageSet.allCases.flatMap { existing?.sets[$0] ?? [] }.map(\.name))
        for name in update ?? [] where !known.contains(name) {
            let nearest = nearestSpelling(to: name, among: known.sorted())
            throw LockingError(
                .unknownPackage, name, "not in the lock file" + (nearest.map { "; did you mean `\($0)`?" } ?? ""))
        }

        let node = state(request.architecture, request)
        let tools = request.architecture == "amd64" ? node : state("amd64", request)
        let lockFile = try await exclusively()
        defer { try? lockFile.close() }
        try await node.refresh()
        if request.architecture != "amd64" { try await tools.refresh() }
        try await checkNames(request, in: node)

        let old: LockFile? = update == [] ? nil : existing
        // Side by side: most of a solution's time is apt's own start.
        async let system = solution(
            ["?essential"] + request.packages, in: node, set: .system, old: old, moving: update)
        async let toolbox = solution(LockRequest.toolboxPackages, in: tools, set: .toolbox, old: old, moving: update)
        async let loaders = solution(
            request.loaders, in: node, set: .loaders, old: old, moving: update)
        async let emulator = solution(
            [request.emulator].compactMap { $0 }, in: tools, set: .emulator, old: old, moving: update)
        let results = await (system, toolbox, loaders, emulator)
        var sets: [PackageSet: [LockedPackage]] = [
            .system: try results.0.get(), .toolbox: try results.1.get(), .loaders: try results.2.get(),
        ]
        if request.emulator != nil { sets[.emulator] = try results.3.get() }
        let lock = LockFile(sets: sets, request: request.digest)
        return Outcome(lock: lock, changes: LockChange.changes(from: existing, to: lock))
    }

    func checkKeyring() throws(LockingError) {
        guard access(keyring.string, R_OK) == 0 else {
            throw LockingError(
                .hostLacksTool, keyring.string, "the keys of Debian's archive are missing",
                remedy: "apt install debian-archive-keyring")
        }
    }

    private func state(_ architecture: String, _ request: LockRequest) -> AptState {
        AptState(
            directory: stateDirectory.appending("apt").appending("\(request.base.suite)-\(architecture)"),
            suite: request.base.suite,
            // The toolbox and the loaders are in main, whatever the system takes.
            components: Set(request.base.components + ["main"]).sorted(), architecture: architecture,
            mirrors: mirrors, keyring: keyring)
    }

    private func solution(
        _ names: [String], in state: AptState, set: PackageSet, old: LockFile?, moving: [String]?
    ) async -> Result<[LockedPackage], LockingError> {
        do {
            return .success(
                try await solve(names, in: state, set: set, locked: old?.sets[set] ?? [], moving: moving))
        } catch {
            return .failure(error)
        }
    }

    /// Solves with as many locked versions pinned as let apt succeed.
    private func solve(
        _ names: [String], in state: AptState, set: PackageSet, locked: [LockedPackage], moving: [String]?
    ) async throws(LockingError) -> [LockedPackage] {
        if names.isEmpty { return [] }
        guard !locked.isEmpty else { return try await state.solve(names, pins: [], set: set) }
        let moving = Set(moving ?? [])
        do throws(LockingError) {
            return try await state.solve(names, pins: locked.filter { !moving.contains($0.name) }, set: set)
        } catch  where error.code == .unsatisfiable {
            // What moves, or was asked for anew, needs something newer than is locked: let go of what it needs.
            let lockedNames = Set(locked.map(\.name))
            let new = names.filter { !lockedNames.contains($0) && !$0.hasPrefix("?") }
            let freed = try await state.closure(of: moving.sorted() + new)
            do throws(LockingError) {
                return try await state.solve(names, pins: locked.filter { !freed.contains($0.name) }, set: set)
            } catch  where error.code == .unsatisfiable {
                return try await state.solve(names, pins: [], set: set)
            }
        }
    }

    private func checkNames(_ request: LockRequest, in state: AptState) async throws(LockingError) {
        let names = try await state.names()
        let unknown = request.packages.filter { !names.contains($0) }
        guard let first = unknown.first else { return }
        let archive = "\(request.base.suite) (\(request.base.components.joined(separator: ", ")))"
        let lines = unknown.map { name in
            var line = "no such package in \(archive)"
            if let place = request.positions[name] { line = "\(place): \(line)" }
            let near = names.filter { abs($0.utf8.count - name.utf8.count) <= max(1, name.utf8.count / 3) }.sorted()
            if let nearest = nearestSpelling(to: name, among: near) { line += "; did you mean `\(nearest)`?" }
            return name == first ? line : "\(name): \(line)"
        }
        throw LockingError(
            .unknownPackage, first, lines.joined(separator: "\n"),
            remedy: "correct the name; packages outside `main` need their component under `base`")
    }

    /// Holds off other processes that use the same private apt; closing the file lets them in.
    func exclusively() async throws(LockingError) -> FileDescriptor {
        let folder = stateDirectory.appending("apt")
        mkdir(stateDirectory.string, 0o755)
        mkdir(folder.string, 0o755)
        let path = folder.appending("lock")
        do {
            let file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
            while flock(file.rawValue, LOCK_EX | LOCK_NB) != 0 {
                guard errno == EWOULDBLOCK || errno == EINTR else { throw Errno(rawValue: errno) }
                try await Task.sleep(for: .milliseconds(100))
            }
            return file
        } catch {
            throw LockingError(.failed, path.string, "cannot be locked", cause: "\(error)")
        }
    }
}
