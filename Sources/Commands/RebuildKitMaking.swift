import Carrying
import Foundation
import LinuxCalls
import LocalStore
import StoreModel
import SystemModel
import SystemPackage

/// Puts into the store what a generation is rebuilt from, as the system's configuration says it now, which must be what the
/// generation was built from.
struct RebuildKitMaking {
    let workspace: Workspace
    /// As the command line names the system.
    let name: String
    let generation: Generation

    /// The kit, which refers to every fetched file; it stays until this process ends, whatever is collected.
    ///
    /// - Throws: where the configuration makes another image, or not everything that was fetched is in the store.
    func make() async throws -> (path: StorePath, kit: RebuildKit) {
        let store = workspace.store
        let imagePath = try StorePath(parsing: generation.image)
        // What came with an import goes on as it is.
        let imported = try store.rebuildKits().filter { $0.value.image == generation.image }
        if let path = imported.keys.min(), let kit = imported[path] { return (path, kit) }
        let board = try BuiltImage(path: imagePath, generation: generation, store: store).manifest.uBoot?.board
        let source = try SystemSource(configurationName(board), data: workspace.data, board: board)
        let scratch = try store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let folder = scratch.path.appending("kit")
        let place = try layOut(source, in: folder)
        // Read where it lies now: whatever it names elsewhere would not come along.
        let inside = try SystemSource(
            folder.pushing(place).string, data: ProjectData(named: folder.string), board: board)
        try requireWhole(inside, in: folder)
        let pipeline = SystemPipeline(
            source: inside, workspace: workspace.with(data: try ProjectData(named: folder.string)),
            mirror: try MirrorOptions.parse(["--offline"]))
        let plan = try await pipeline.plan()
        let realiser = pipeline.realiser(events: { _ in })
        guard let target = plan.target, try realiser.known([target], in: plan)[target] == imagePath else {
            throw CommandError(
                kind: .usage, subject: "\(generation.system) generation \(generation.number)",
                message: "is not what the configuration '\(source.configuration.path)' makes now",
                remedy: "bootferry build \(name), and export that generation")
        }
        let fetches = plan.order.filter { plan.fixedOutputs[$0] != nil }
        let known = try realiser.known(fetches, in: plan)
        let absent = fetches.filter { known[$0] == nil }.compactMap { plan.derivations[$0] }
        guard absent.isEmpty else {
            throw AbsentFiles(absent, remedy: "bootferry fetch \(name), and export again")
        }
        let kit = RebuildKit(
            system: generation.system, board: board, image: generation.image, configuration: place.string,
            files: fetches.compactMap { path in
                plan.derivations[path].flatMap { derivation in known[path].map { .init(derivation, at: $0) } }
            }.sorted())
        try replaceFile(
            at: folder.appending(RebuildKit.fileName), with: Array(canonicalJSON(kit, readable: true).utf8))
        let path = try store.addContentAddressed(
            folder, name: RebuildKit.storeName(of: generation.system), declared: Set(known.values))
        return (path, kit)
    }

    /// A system that was built for another board than is written has that board behind its name.
    private func configurationName(_ board: String?) -> String {
        guard let board, name == generation.system, name.hasSuffix("-\(board)") else { return name }
        return String(name.dropLast(board.count + 1))
    }

    /// Copies the data and the system's files; gives the system's file, relative to `folder`.
    private func layOut(_ source: SystemSource, in folder: FilePath) throws -> FilePath {
        let data = absolute(workspace.data.folder.string)
        for part in ["targets", "netboot"] {
            for name in try HostFiles.names(in: data.appending(part)) where name != "systems" {
                let here = data.appending(part).appending(name)
                var status = stat()
                // Beside the folders of 'netboot' are a site's own files, which no build reads.
                guard stat(here.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
                try LocalStore.copyPlainTree(
                    of: realPath(here), to: folder.appending(part).appending(name))
            }
        }
        let files = try files(of: source)
        let isShipped = files.allSatisfy { $0.starts(with: data.appending("targets/systems")) }
        let base = isShipped ? data : common(files)
        func place(_ file: FilePath) -> FilePath {
            let below = FilePath(root: nil, file.components.dropFirst(base.components.count))
            return isShipped ? below : FilePath("configuration").pushing(below)
        }
        for file in files {
            try LocalStore.copyPlainTree(
                of: HostFiles.regularFile(file.string), to: folder.pushing(place(file)))
        }
        return place(files[0])
    }

    /// The system's own, absolute; the one that was named first.
    private func files(of source: SystemSource) throws -> [FilePath] {
        var files = source.configuration.files.map(absolute)
        if source.system.recipes.isEmpty {
            guard try source.lockBytes() != nil else {
                throw CommandError(
                    kind: .usage, subject: source.lockPath.string, message: "is missing, which says what is built from",
                    remedy: "bootferry build \(name), and export that generation")
            }
            files.append(absolute(source.lockPath.string))
        }
        return files + source.hostFiles.map(absolute)
    }

    private func absolute(_ path: String) -> FilePath {
        FilePath(currentDirectory()).pushing(FilePath(path)).lexicallyNormalized()
    }

    private func realPath(_ path: FilePath) throws -> FilePath {
        guard let real = realpath(path.string, nil) else {
            throw CommandError(
                kind: .host, subject: path.string, message: "cannot be read", cause: String(cString: strerror(errno)))
        }
        defer { free(real) }
        return FilePath(String(cString: real))
    }

    /// What stands above the innermost folder that has all of them: that folder's own name may be the system's.
    private func common(_ files: [FilePath]) -> FilePath {
        var shared = files[0].removingLastComponent()
        while !files.allSatisfy({ $0.starts(with: shared) }) { shared.removeLastComponent() }
        return shared.removingLastComponent()
    }

    private func requireWhole(_ source: SystemSource, in folder: FilePath) throws {
        let named = source.configuration.files + source.hostFiles
        guard let outside = named.first(where: { !absolute($0).starts(with: folder) }) else { return }
        throw CommandError(
            kind: .usage, subject: outside,
            message: "is named by its absolute path, where the site has another file or none",
            remedy: "name it relative to the file that names it, and build again")
    }
}

extension SystemSource {
    /// Files of the build host that go into the system, by path.
    var hostFiles: [String] {
        system.files.compactMap { if case .file(let path) = $0.source { path } else { nil } }
    }
}

extension RebuildKit.File {
    fileprivate init(_ fetch: Derivation, at path: StorePath) {
        self.init(
            path: path.description, package: fetch.environment["package"] ?? "",
            archive: fetch.environment["archive"] ?? "", poolPath: fetch.environment["poolPath"] ?? "",
            size: fetch.environment["size"].flatMap { Int($0) } ?? 0, sha256: fetch.outputHash?.digest.hex ?? "")
    }
}
