import Foundation
import LinuxCalls
import LocalStore
import Planning
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// The build records of a system, in the folder `generations/SYSTEM/records`, each under its key: several generations that
/// differ in settings alone have one.
struct BuildRecords {
    let store: LocalStore
    let system: String

    private var folder: FilePath { store.directory.generations.appending(system).appending("records") }

    private func file(of image: ImageManifest) -> FilePath { folder.appending(BuildRecord.key(of: image)) }

    func has(_ image: ImageManifest) -> Bool { access(file(of: image).string, R_OK) == 0 }

    /// The record of an image, or nil for one that was made elsewhere, or before there were records.
    func record(of image: ImageManifest) throws -> BuildRecord? {
        let file = file(of: image)
        switch HostFiles.content(file.string, limit: 1 << 26) {
        case .missing: return nil
        case .unreadable(let reason):
            throw CommandError(subject: file.string, message: "cannot be read", cause: reason)
        case .bytes(let bytes):
            do {
                return try JSONDecoder().decode(BuildRecord.self, from: Data(bytes))
            } catch {
                throw CommandError(
                    kind: .corrupt, subject: file.string, message: "is no build record", cause: "\(error)",
                    remedy: "remove it, and build the system again: the record is written anew")
            }
        }
    }

    /// Keeps the record of an image that is a generation already, and forgets those of which no generation is left.
    func keep(_ record: BuildRecord, of image: ImageManifest) throws {
        let file = file(of: image)
        do {
            try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
            try replaceFile(at: file, with: Array(try canonicalJSON(record).utf8))
        } catch {
            throw CommandError(kind: .host, subject: file.string, message: "cannot be written", cause: "\(error)")
        }
        // Listed before the generations are: whoever else keeps a record now has its generation registered already.
        let names = try HostFiles.names(in: folder)
        var needed = Set(
            try store.generations(of: system).compactMap { generation in
                let path = try StorePath(parsing: generation.image)
                // One that can no longer be read has nothing to say here: 'verify' tells of it.
                return (try? BuiltImage(path: path, generation: generation, store: store)).map {
                    BuildRecord.key(of: $0.manifest)
                }
            })
        needed.insert(BuildRecord.key(of: image))
        // Others' files under way are no keys, and another may remove the same record.
        for name in names where BuildRecord.isKey(name) && !needed.contains(name) {
            unlink(folder.appending(name).string)
        }
    }
}

extension RecipePipeline {
    /// What the recipe of a derivation says of itself, its patches with their digests.
    func facts(of derivation: Derivation, _ planner: RecipePlanner) throws -> BuildRecord.RecipeFacts? {
        let folders = planner.folders.filter { derivation.inputSources.contains($0.value) }
        guard let recipe = folders.keys.sorted().lazy.compactMap({ planner.book.recipes[$0] }).first else { return nil }
        let folder = workspace.data.recipeFolder.appending(recipe.name)
        let source = recipe.debianSource.flatMap { name in planner.lock.sources.first { $0.name == name } }
        return .init(
            name: recipe.name, version: source?.version ?? "", licence: recipe.licence, source: recipe.debianSource,
            patches: try recipe.patches.map {
                .init(name: $0, sha256: Digest.sha256(of: try HostFiles.bytes(folder.appending($0))).hex)
            })
    }
}
