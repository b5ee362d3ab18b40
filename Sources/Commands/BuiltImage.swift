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
        let directory = store.physicalPath(of: path)
        let file = directory.appending("manifest.json")
        do {
            guard case .bytes(let json) = HostFiles.content(file.string) else { throw Errno.noSuchFileOrDirectory }
            let segments: [UInt8]?
            switch HostFiles.content(directory.appending("segments").string) {
            case .bytes(let list): segments = list
            case .missing: segments = nil
            case .unreadable(let reason):
                throw CommandError(subject: "segments", message: "cannot be read", cause: reason)
            }
            manifest = try ImageManifest(json: json, segments: segments)
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
