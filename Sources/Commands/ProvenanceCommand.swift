import ArgumentParser
import BootPolicy
import Building
import Carrying
import Foundation
import OpenSSL
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry provenance`: how a generation was made, signed.
struct ProvenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provenance", abstract: "Write how a generation was made, signed with this site's key.",
        discussion: """
            SLSA provenance v1: an in-toto statement in a DSSE envelope, signed by Ed25519. It vouches for the image and for the
            files that 'build --output' writes of it, and names every package, source and patch with its digest, and every step
            of the build. Whoever trusts the key checks it with 'verify-provenance', or with any tool that knows DSSE.

              bootferry key generate example.org-1
              bootferry provenance lab-node --output lab-node.dsse.json
            """)

    @OptionGroup var which: GenerationOptions
    @Option(help: ArgumentHelp("The key to sign with; the only one there is by default.", valueName: "name"))
    var key: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file.", valueName: "file"))
    var output: String?

    func run() async throws {
        let image = try which.image()
        let key = try KeyStore(image.store.directory).signingKey(key)
        let record = try image.requiredBuildRecord()
        let bill = try await image.bill(record)
        let files = try await onBlockingThread { try image.subjects() }
        let statement = Provenance.statement(
            of: bill, image.manifest, files: files, record: record, builder: key.name)
        try write(document: try Envelope(statement: statement, by: key).text, to: output)
    }
}

extension BuiltImage {
    /// The files that it is given out as, with their digests.
    func subjects() throws -> [Provenance.Subject] {
        let files = [
            ("vmlinuz", BootFile(extents: [.whole(manifest.kernel)])), ("initramfs.img", .initramfs(of: manifest)),
        ]
        return try files.map { name, file in
            let digest = SHA256()
            for extent in file.extents {
                switch extent {
                case .literal(let bytes): digest.update(bytes)
                case .stored(let logical, let offset, let length):
                    let source = try FileDescriptor.open(
                        store.physicalPath(ofLogical: logical), .readOnly, options: .closeOnExec)
                    try source.closeAfter { try digest.update(source, from: offset, count: length) }
                }
            }
            return .init(name: name, digest: ["sha256": Digest(finishing: digest).hex])
        }
    }
}

extension SHA256 {
    /// Takes in a part of a file, or all there is of it.
    func update(_ file: FileDescriptor, from offset: Int, count: Int) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        var (position, left) = (offset, count)
        while left > 0 {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, left)])
            let taken = try file.read(fromAbsoluteOffset: Int64(position), into: room)
            if taken == 0 { break }
            update(UnsafeRawBufferPointer(rebasing: room[..<taken]))
            position += taken
            left -= taken
        }
    }
}
