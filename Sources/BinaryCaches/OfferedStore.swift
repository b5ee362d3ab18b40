import BootPolicy
import LocalStore
import MediumModel
import StoreModel

/// The store as a Nix binary cache for others: each of its files is made when it is asked for, and nothing can be written.
///
///     nix-cache-info
///     HASH.narinfo                        one object, signed by this site's key
///     nar/HASH.nar                        its archive, uncompressed: a list of ranges of the store's files
///     build-trace-v2/DERIVATION/out.doi   what a derivation made, signed too
///
/// Blocking; Sendable, for several threads at once.
public struct OfferedStore: Sendable {
    private let store: LocalStore
    private let key: SigningKey

    /// Reads the records once, so that they stay open to a process that gives up its rights later.
    public init(_ store: LocalStore, signingBy key: SigningKey) throws {
        self.store = store
        self.key = key
        _ = try store.roots()
        _ = try store.registration(ofHashPart: String(repeating: "0", count: StorePath.hashPartCount))
    }

    /// What the cache's file of this name is; nil where there is none.
    public func file(named name: String) throws -> BootFile? {
        if name == "nix-cache-info" {
            return text("StoreDir: \(StorePath.directory)\nWantMassQuery: 1\nPriority: 40\n", "text/x-nix-cache-info")
        }
        if let hashPart = Self.hashPart(name, after: "", before: ".narinfo") {
            return try store.registration(ofHashPart: hashPart).map {
                try text(information(of: $0).text, "text/x-nix-narinfo")
            }
        }
        if let hashPart = Self.hashPart(name, after: "nar/", before: ".nar") {
            return try store.registration(ofHashPart: hashPart).map(archive)
        }
        guard let derivation = BuildTraceEntry.derivation(ofFileName: name),
            let output = try store.realisation(of: derivation)
        else { return nil }
        let entry = try BuildTraceEntry(Realisation(derivation: derivation, output: output), by: key)
        return BootFile(extents: [.literal(try entry.content())], contentType: "application/json")
    }

    private func information(of registration: PathRegistration) throws -> NARInfo {
        var registration = registration
        if !registration.signatures.contains(where: { key.publicKey.isValid($0, of: registration.fingerprint) }) {
            registration.signatures.append(try key.sign(registration.fingerprint))
        }
        return NARInfo(
            registration: registration, url: "nar/\(registration.path.hashPart).nar", compression: "none",
            fileHash: registration.narHash, fileSize: registration.narSize)
    }

    private func archive(of registration: PathRegistration) throws -> BootFile {
        let layout = try store.archiveLayout(of: registration.path)
        guard layout.size == registration.narSize else {
            throw LocalStoreError(
                "'\(registration.path)'",
                "is damaged: its archive has \(layout.size) bytes, expected \(registration.narSize)",
                kind: .corrupt, remedy: "bootferry verify --repair")
        }
        return BootFile(
            extents: layout.pieces.map {
                switch $0 {
                case .bytes(let bytes): .literal(bytes)
                case .file(let path, let size): .stored(path: path, offset: 0, length: size)
                }
            }, contentType: "application/x-nix-nar")
    }

    private func text(_ text: String, _ type: String) -> BootFile {
        BootFile(extents: [.literal(Array(text.utf8))], contentType: type)
    }

    private static func hashPart(_ name: String, after prefix: String, before suffix: String) -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count == prefix.utf8.count + StorePath.hashPartCount + suffix.utf8.count
        else { return nil }
        let part = name.dropFirst(prefix.count).dropLast(suffix.count)
        return part.utf8.allSatisfy(Nix32.isDigit) ? String(part) : nil
    }
}
