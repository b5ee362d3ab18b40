import DebianArchive
import Foundation
import LocalStore
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// Gathers what an image is made of from what its build left: each segment has its package's control stanza beside it and its
/// copyright file inside, the record has the steps, and the store every object's digest. Blocking.
struct BillOfImage {
    let image: BuiltImage
    /// Nil where only what runs can be told, without the digests of packages.
    let record: BuildRecord?

    func gather() throws -> Bill {
        let ingredients = record.map { Ingredients($0, image) }
        var components = try segments(ingredients)
        if let ingredients { components += try ingredients.components(beside: components) }
        return Bill(
            system: image.manifest.system, generation: image.generation.number, image: image.path.description,
            imageDigest: try digest(of: image.path), created: Self.time(of: image.generation),
            toolVersion: BootferryCommand.configuration.version, components: components)
    }

    /// When a document says that it was made: with its generation, or as SOURCE_DATE_EPOCH says.
    static func time(of generation: Generation) -> Int {
        ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap { Int($0) } ?? generation.created
    }

    private func digest(of path: StorePath) throws -> String {
        if let found = try image.store.registration(of: path) { return found.narHash.hex }
        throw CommandError(
            kind: .corrupt, subject: path.description, message: "is not in the store", remedy: "bootferry verify")
    }

    /// What is in the image: packages, and what Bootferry made; recipes' outputs only where no record has them.
    private func segments(_ ingredients: Ingredients?) throws -> [Component] {
        var packages: [Component] = []
        var others: [Component] = []
        var stanzas: [ControlStanza] = []
        var copyrights: [String: Copyright] = [:]
        for segment in image.manifest.segments {
            let path = try StorePath.split(segment.part.path).path
            let object = (path: path.description, narDigest: try digest(of: path))
            let size = segment.summary.unpackedBytes
            guard let stanza = try image.stanza(of: segment), let name = stanza["Package"] else {
                if ingredients?.isRecipe(segment.summary.name) == true { continue }
                others.append(
                    Component(
                        ingredients?.isClosure(path) == true ? .nixClosure : .part, name: segment.summary.name,
                        version: "", use: .runtime, object: object, unpackedBytes: size))
                continue
            }
            stanzas.append(stanza)
            copyrights[name] = try Copyright.find(of: name, in: try image.physical(segment.part))
            let package = ingredients?.package(ofSegment: path)
            packages.append(
                Component(
                    stanza, name, object: object, file: package.map { ("\($0.archive)/\($0.poolPath)", $0.sha256) },
                    unpackedBytes: size))
        }
        let graph = DependencyGraph(stanzas)
        let identifiers = Dictionary(packages.map { ($0.name, $0.identifier) }) { first, _ in first }
        for index in packages.indices {
            let name = packages[index].name
            packages[index].needs = Set(graph.needs(of: name).compactMap { identifiers[$0] })
                .subtracting([packages[index].identifier])
            packages[index].licence = Copyright.licence(of: name) { copyrights[$0] }
        }
        return packages + others
    }
}

extension Component {
    /// A Debian package that is in the image.
    fileprivate init(
        _ stanza: ControlStanza, _ name: String, object: (path: String, narDigest: String),
        file: (path: String, sha256: String)?, unpackedBytes: Int
    ) {
        // `Source: bash (5.2.37-2)`; without one, the package's own name and version.
        let words = (stanza["Source"] ?? name).split(separator: " ")
        let version = stanza["Version"] ?? ""
        let kind = Kind.debianPackage(
            architecture: stanza["Architecture"] ?? "all", source: String(words.first ?? Substring(name)),
            sourceVersion: words.count > 1 ? String(words[1].dropFirst().dropLast()) : version)
        self.init(
            kind, name: name, version: version, use: .runtime, homepage: stanza["Homepage"],
            maintainer: stanza["Maintainer"], object: object, file: file, unpackedBytes: unpackedBytes)
    }
}
