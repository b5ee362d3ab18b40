import ArgumentParser
import Building
import Carrying
import Foundation
import LocalStore
import OpenSSL
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry verify-provenance`: whether an envelope and what it vouches for fit.
struct VerifyProvenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-provenance", abstract: "Check the signature of a provenance, and what it vouches for.",
        discussion: """
            The signature must be by a key that is trusted here ('bootferry key trust'). Files that are named must be ones that
            it vouches for; where none is, the image must be in this store, and all its files are read again.

              bootferry verify-provenance lab-node.dsse.json
              bootferry verify-provenance lab-node.dsse.json out/vmlinuz out/initramfs.img
            """)

    @Argument(help: ArgumentHelp("The envelope.", valueName: "envelope"))
    var envelope: String
    @Argument(help: ArgumentHelp("Files that it must vouch for.", valueName: "file"))
    var files: [String] = []
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var system: String
        var generation: Int
        /// The key.
        var signedBy: String
        /// What was held against it.
        var verified: [String]
    }

    func run() async throws {
        let store = try Workspace.openStore(options)
        let signed = try Envelope(parsing: HostFiles.bytes(FilePath(envelope), limit: 1 << 26), of: envelope)
        let verdict = signed.verdict(by: try KeyStore(store.directory).ring())
        guard case .valid(let signer) = verdict else {
            throw CommandError(
                kind: .corrupt, subject: "'\(envelope)'", message: verdict.fault ?? "", remedy: verdict.remedy)
        }
        let provenance = try Provenance(parsing: signed.payload, of: envelope)
        let named = files
        let verified = try await onBlockingThread {
            try named.isEmpty ? Self.image(provenance, in: store) : named.map { try Self.file($0, provenance) }
        }
        let report = Report(
            system: provenance.system, generation: provenance.generation, signedBy: signer, verified: verified)
        let terminal = Terminal(quiet: options.quiet)
        if options.json { return terminal.result(try encodeJSON(report)) }
        for name in verified { terminal.result("\(name): as '\(signer)' says it was made") }
    }

    /// Holds a file of the host against it.
    private static func file(_ name: String, _ provenance: Provenance) throws -> String {
        let digest = SHA256()
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(FilePath(name), .readOnly, options: .closeOnExec)
        } catch {
            throw CommandError(kind: .usage, subject: name, message: "cannot be read", cause: "\(error)")
        }
        try file.closeAfter { try digest.update(file, from: 0, count: .max) }
        let found = Digest(finishing: digest).hex
        guard provenance.subjects.contains(where: { $0.digest["sha256"] == found }) else {
            throw CommandError(
                kind: .corrupt, subject: name,
                message: "has SHA-256 \(found), which is of nothing that the provenance vouches for: "
                    + provenance.subjects.map(\.name).joined(separator: ", "),
                remedy: "compare the system and the generation: \(provenance.system) \(provenance.generation)")
        }
        return name
    }

    /// Holds the image in the store against it.
    private static func image(_ provenance: Provenance, in store: LocalStore) throws -> [String] {
        guard let itself = provenance.subjects.first(where: { $0.digest[Provenance.archiveDigest] != nil }),
            let path = try? StorePath(parsing: itself.name), try store.isValid(path)
        else {
            throw CommandError(
                kind: .usage, subject: provenance.system, message: "the image that it vouches for is not in this store",
                remedy: "import it, or name files: bootferry verify-provenance ENVELOPE vmlinuz initramfs.img")
        }
        // Its number does not matter here: only the manifest is read.
        let generation = Generation(
            system: provenance.system, number: provenance.generation, image: path.description, created: 0)
        let image = try BuiltImage(path: path, generation: generation, store: store)
        let archive = SHA256()
        try store.writeArchive(of: path) { archive.update($0) }
        let found =
            [.init(name: itself.name, digest: [Provenance.archiveDigest: Digest(finishing: archive).hex])]
            + (try image.subjects())
        for subject in provenance.subjects where !found.contains(subject) {
            let here = found.first { $0.name == subject.name }?.digest.values.first ?? "nothing"
            throw CommandError(
                kind: .corrupt, subject: subject.name,
                message: "expected \(subject.digest.values.sorted().joined(separator: ", ")), found \(here)",
                remedy: "bootferry verify")
        }
        return provenance.subjects.map(\.name)
    }
}
