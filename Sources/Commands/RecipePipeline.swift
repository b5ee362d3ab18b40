import Foundation
import PackageLocking
import Planning
import StoreModel
import SystemModel
import SystemPackage

/// The straight line from recipes as written to their outputs, one step a function.
struct RecipePipeline: Sendable {
    let workspace: Workspace
    let mirror: MirrorOptions

    /// Beside the recipes: one for all of them.
    var lockPath: FilePath { workspace.data.recipeFolder.appending("recipes.lock") }

    /// The lock file's bytes, or nil where there is none yet.
    private func readLock() throws -> RecipeLock? {
        switch HostFiles.content(lockPath.string) {
        case .bytes(let bytes): return try RecipeLock.read(bytes, path: lockPath.string)
        case .missing: return nil
        case .unreadable(let reason):
            throw CommandError(subject: lockPath.string, message: "cannot be read", cause: reason)
        }
    }

    /// The lock; made, or brought up to what the recipes ask for now, where need be.
    ///
    /// - Parameter update: moves everything to the newest version.
    func lock(_ book: RecipeBook, update: Bool = false) async throws -> RecipeLock {
        let request = RecipeLockRequest(book)
        let existing = try readLock()
        if let existing, existing.request == request.digest, !update { return existing }
        try mirror.requireNetwork(toWrite: lockPath)
        workspace.terminal.status("locking the recipes' tools and sources (apt)")
        defer { workspace.terminal.status("") }
        let lock = try await PackageLocker(
            stateDirectory: workspace.store.directory.path, mirrors: try await mirror.list()
        ).lock(request, existing: existing, update: update) { workspace.terminal.message("note: \($0)") }
        try workspace.write(lock.rendered(), to: lockPath)
        workspace.terminal.message(
            "\(lockPath): \(lock.packages.count) packages and \(lock.sources.count) files of sources locked")
        return lock
    }

    /// What plans for a platform, with the recipes and their lock as they are now.
    func planner(for platform: Platform) async throws -> RecipePlanner {
        let book = try workspace.data.recipes()
        let lock = try await lock(book)
        var folders: [String: StorePath] = [:]
        for name in book.recipes.keys.sorted() {
            folders[name] = try workspace.store.addSource(
                workspace.data.recipeFolder.appending(name), name: "\(name)-recipe")
        }
        var data: [String: StorePath] = [:]
        for name in Set(book.recipes.values.flatMap(\.data)) {
            data[name] = try addData(workspace.data.folder.appending("targets").appending(name), for: platform)
        }
        return RecipePlanner(book: book, lock: lock, platform: platform, folders: folders, data: data)
    }

    /// Takes in what of a folder is for a platform or for all of them, `common.*` and `PLATFORM.*`: what another platform's files
    /// say is no reason to build anything again. A variant's files, `PLATFORM-VARIANT.*`, stand in for the platform's.
    private func addData(_ folder: FilePath, for platform: Platform) throws -> StorePath {
        let scratch = try workspace.store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let name = folder.lastComponent?.string ?? "data"
        let copy = scratch.path.appending(name)
        try FileManager.default.createDirectory(atPath: copy.string, withIntermediateDirectories: false)
        for file in try HostFiles.names(in: folder) {
            guard let stem = FilePath(file).stem, stem == "common" || stem == platform.dataStem else { continue }
            let name = stem == "common" ? file : platform.name + file.dropFirst(stem.count)
            try FileManager.default.copyItem(
                atPath: folder.appending(file).string, toPath: copy.appending(name).string)
        }
        return try workspace.store.addSource(copy, name: name)
    }
}
