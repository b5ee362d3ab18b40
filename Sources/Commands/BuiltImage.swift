import DebianArchive
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

    /// What Debian says of the package of a segment; nil for a segment of no package.
    func stanza(of segment: ImageManifest.Segment) throws -> ControlStanza? {
        let control = try physical(segment.part).removingLastComponent().appending("control")
        guard case .bytes(let bytes) = HostFiles.content(control.string) else { return nil }
        // The package's own stanza; its list of configuration files follows after an empty line.
        let text = String(decoding: bytes, as: UTF8.self)
        let stanza = text.range(of: "\n\n").map { String(text[..<$0.lowerBound]) } ?? text
        return try ControlStanza.parse(stanza, source: control.string).first
    }

    /// Bytes of file contents once unpacked.
    var unpackedBytes: Int { manifest.segments.reduce(0) { $0 + $1.summary.unpackedBytes } }
}
