import FileFormats
import Foundation
import LocalStore
import OpenSSL
import StoreModel
import SystemModel
import SystemPackage
import TestSupport

/// A state directory with small systems in it, made without a build, and the program that carries them.
struct CarriedStore {
    let store: LocalStore
    let program: BootferryProgram
    let folder: FilePath
    /// Whether what it adds names its own store path.
    private var namesItself = true
    var medium: FilePath { folder.appending("medium") }

    init(in folder: FilePath, _ name: String) throws {
        self.folder = folder
        let state = folder.appending(name)
        store = try LocalStore(opening: StateDirectory(state), now: { 1_700_000_000 })
        program = BootferryProgram(stateDirectory: state)
    }

    /// One whose objects a nix takes.
    init(in folder: FilePath, _ name: String, for nix: RealNix) async throws {
        try self.init(in: folder, name)
        namesItself = try await nix.takesSelfReferences()
    }

    init(_ program: BootferryProgram, in folder: FilePath) throws {
        self.folder = folder
        self.program = program
        store = try LocalStore(opening: StateDirectory(program.stateDirectory), now: { 1_700_000_000 })
    }

    /// Adds a folder of one random file and one that names what it needs.
    func add(_ name: String, bytes: Int, needs: [StorePath] = []) throws -> StorePath {
        let scratch = try store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let tree = scratch.path.appending("tree")
        try FileManager.default.createDirectory(atPath: tree.string, withIntermediateDirectories: true)
        let own = namesItself ? "/nix/store/\(String(repeating: "3", count: 32))-\(name)" : ""
        let words = needs.map { "\($0)\n" }.joined() + own
        try Data(words.utf8).write(to: URL(filePath: tree.appending("needs").string))
        let random = try FileDescriptor.open("/dev/urandom", .readOnly)
        let content = try random.closeAfter {
            try [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
                while count < bytes {
                    let room = UnsafeMutableBufferPointer(rebasing: buffer[count...])
                    count += try random.read(into: UnsafeMutableRawBufferPointer(room))
                }
            }
        }
        try Data(content).write(to: URL(filePath: tree.appending("content").string))
        return try store.addContentAddressed(
            tree, name: name, candidates: Set(needs), selfHashPart: String(repeating: "3", count: 32))
    }

    /// Takes in an object whose path says nothing of its content, as nix's own builds are.
    func addInputAddressed(_ name: String, like path: StorePath) throws -> StorePath {
        let own = try StorePath(baseName: "\(String(repeating: "v", count: 32))-\(name)")
        var archive: [UInt8] = []
        try store.writeArchive(of: path) { archive += $0 }
        let registration = PathRegistration(
            path: own, narHash: .sha256(of: archive), narSize: archive.count, references: [path])
        try store.importObject(registration) { write in
            var reader = NAR.Reader(archive)
            while let event = try reader.next() { try write(event) }
        }
        return own
    }

    /// Makes a generation of `count` objects, all of which its image needs.
    func publish(_ system: String, objects count: Int, bytes: Int) throws -> Generation {
        let objects = try (0..<count).map { try add("\(system)-\($0)", bytes: bytes) }
        let image = try add("\(system)-image", bytes: 100, needs: objects)
        return try store.publish(image, as: system, madeFrom: nil)
    }

    /// Runs a verb that must succeed; gives its output.
    @discardableResult
    func run(_ arguments: String...) async throws -> String {
        let outcome = try await program.run(arguments)
        guard outcome.succeeded else {
            throw VerbFailed(
                description: "\(arguments): \(outcome.status)\n\(outcome.output)\(outcome.messages)")
        }
        return outcome.output
    }
}

/// A verb that had to succeed and did not.
struct VerbFailed: Error, CustomStringConvertible {
    var description: String
}
