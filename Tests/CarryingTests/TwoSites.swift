import Carrying
import Foundation
import LocalStore
import MediumModel
import SeededRandomness
import StoreModel
import SystemModel
import SystemPackage

/// A store where systems are made, one where they are carried to, and a medium between them; gone with the value.
final class TwoSites {
    let folder: FilePath
    let home: LocalStore
    let site: LocalStore
    var medium: FilePath { folder.appending("medium") }
    let key: SigningKey
    var ring: KeyRing
    var settings = ExportSettings()
    var program: CarriedProgram?
    private var generator = SeededGenerator(seed: 50)

    init() throws {
        folder = FilePath(FileManager.default.temporaryDirectory.path).appending("bootferry-media-\(UUID().uuidString)")
        home = try LocalStore(opening: StateDirectory(folder.appending("home")), now: { 1_700_000_000 })
        site = try LocalStore(opening: StateDirectory(folder.appending("site")), now: { 1_700_000_001 })
        key = try SigningKey(name: "home-1", seed: Array(0..<32))
        ring = try KeyRing(trusted: [key.publicKey])
        settings.width = 2
    }

    deinit {
        // Objects are read-only trees.
        let removal = Process()
        removal.executableURL = URL(filePath: "/bin/sh")
        removal.arguments = ["-c", "chmod -R u+w \"$0\"; rm -rf \"$0\"", folder.string]
        try? removal.run()
        removal.waitUntilExit()
    }

    /// Adds a tree of files to the store at home; `needs` are written into one of them.
    func add(_ name: String, bytes: Int = 1000, needs: [StorePath] = [], namesItself: Bool = false) throws -> StorePath
    {
        let scratch = try home.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let tree = scratch.path.appending("tree")
        let files = FileManager.default
        try files.createDirectory(atPath: tree.appending("bin").string, withIntermediateDirectories: true)
        let own = namesItself ? String(repeating: "3", count: 32) : nil
        let words = needs.map(\.description).joined(separator: "\n") + (own.map { "\n/nix/store/\($0)-\(name)" } ?? "")
        try Data(words.utf8).write(to: URL(filePath: tree.appending("needs").string))
        try Data(randomBytes(bytes)).write(to: URL(filePath: tree.appending("bin/program").string))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tree.appending("bin/program").string)
        try files.createSymbolicLink(atPath: tree.appending("link").string, withDestinationPath: "bin/program")
        try Data().write(to: URL(filePath: tree.appending("empty").string))
        return try home.addContentAddressed(tree, name: name, candidates: Set(needs), selfHashPart: own)
    }

    func randomBytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255, using: &generator) } }

    /// A generation whose image needs two objects, of which one needs a third and names itself.
    func publish(_ system: String = "lab-node", bytes: Int = 1000) throws -> Generation {
        let low = try add("\(system)-low", bytes: bytes)
        let middle = try add("\(system)-middle", needs: [low], namesItself: true)
        let other = try add("\(system)-other", bytes: 3)
        let image = try add("\(system)-image", needs: [middle, other])
        return try home.publish(image, as: system, madeFrom: nil)
    }

    var export: Export {
        Export(store: home, folder: medium, key: key, ring: ring, settings: settings, program: program)
    }

    @discardableResult
    func export(_ generations: [Generation], base: Set<StorePath> = []) throws -> Carrying.Export.Report {
        try export.withFolder {
            let plan = try export.plan(generations, base: base) { _, _ in }
            return try export.run(plan, now: 1_700_000_002) { _, _ in }
        }
    }

    func faults() throws -> [MediumFault] { try Medium(medium, ring: ring).faults(width: 2) { _, _ in } }

    @discardableResult
    func takeAll(_ paths: Set<StorePath>? = nil) throws -> Carrying.Import.Report {
        let importing = Import(store: site, media: MediumSet(try Medium(medium, ring: ring)), width: 2)
        return try importing.run(try importing.plan(paths)) { _, _ in }
    }

    /// Every file of the medium, by name.
    func files() throws -> [String] {
        let all = FileManager.default.enumerator(atPath: medium.string)?.compactMap { $0 as? String } ?? []
        return all.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: medium.pushing(FilePath($0)).string, isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }

    func url(_ name: String) -> URL { URL(filePath: medium.pushing(FilePath(name)).string) }

    /// What an object's narinfo says.
    func information(of path: StorePath) throws -> NARInfo {
        try NARInfo(parsing: String(decoding: Data(contentsOf: url("\(path.hashPart).narinfo")), as: UTF8.self))
    }

    func write(_ info: NARInfo) throws {
        try Data(info.text.utf8).write(to: url("\(info.registration.path.hashPart).narinfo"))
    }

    /// Signs a manifest of what is on the medium now, as who makes a hostile one with a trusted key would.
    func signAnew(by key: SigningKey? = nil, _ change: (inout MediumManifest) -> Void = { _ in }) throws {
        let old = try SignedText(parsing: Array(Data(contentsOf: url("medium-manifest"))), of: "medium-manifest")
        var manifest = try MediumManifest(parsing: old.text)
        for name in manifest.files.keys {
            guard let bytes = try? Data(contentsOf: url(name)) else { continue }
            manifest.files[name] = .init(digest: .sha256(of: Array(bytes)), size: bytes.count)
        }
        change(&manifest)
        try Data(try SignedText(manifest.text, by: key ?? self.key).whole.utf8).write(to: url("medium-manifest"))
    }

    func flip(_ name: String, at offset: Int) throws {
        var bytes = try Data(contentsOf: url(name))
        bytes[offset] ^= 1
        try bytes.write(to: url(name))
    }
}
