import Foundation
import LocalStore
import StoreModel
import SystemModel
import SystemPackage

/// An image in the store, with its manifest read.
struct BuiltImage: Sendable {
    let path: StorePath
    let generation: Generation
    let manifest: ImageManifest
    let store: LocalStore

    init(path: StorePath, generation: Generation, store: LocalStore) throws {
        self.path = path
        self.generation = generation
        self.store = store
        let file = store.physicalPath(of: path).appending("manifest.json")
        do {
            manifest = try ImageManifest(json: try HostFiles.bytes(file)) {
                try HostFiles.bytes(store.physicalPath(ofLogical: $0).appending("segments"))
            }
        } catch {
            throw CommandError(
                kind: .corrupt, subject: file.string, message: "is not an image manifest", cause: "\(error)",
                remedy: "bootferry verify")
        }
    }

    func physical(_ part: ImageManifest.Part) throws -> FilePath { try store.physicalPath(ofLogical: part.path) }

    /// Bytes of file contents once unpacked.
    var unpackedBytes: Int { manifest.segments.reduce(0) { $0 + $1.summary.unpackedBytes } }
}
