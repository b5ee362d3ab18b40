import Carrying
import FileFormats
import Foundation
import LocalStore
import StoreModel
import SystemPackage
import Testing

/// Streams of `nix-store --export`: what we write is what we take, and what nobody proves is refused by name.
@Suite struct NixStreamTests {
    private let sites: TwoSites
    private let image: StorePath
    private var file: FilePath { sites.folder.appending("x.nix-export") }

    init() throws {
        sites = try TwoSites()
        image = try StorePath(parsing: sites.publish(bytes: 100_000).image)
    }

    private func export(_ roots: Set<StorePath>, base: Set<StorePath> = []) throws -> [UInt8] {
        _ = try NixStreamExport(store: sites.home, output: .file(file)).run(roots, base: base) { _, _ in }
        return Array(try Data(contentsOf: URL(filePath: file.string)))
    }

    private func take(_ stream: [UInt8], keeping paths: Set<StorePath>? = nil) throws -> Carrying.Import.Report {
        try Data(stream).write(to: URL(filePath: file.string))
        let incoming = try IncomingBytes(file)
        _ = try incoming.isNixExport()
        return try NixStreamImport(store: sites.site).run(incoming, keeping: paths) { _ in }
    }

    /// The objects of a stream, each with its mark, archive and claim.
    private func objects(of stream: [UInt8]) throws -> [(bytes: [UInt8], path: StorePath)] {
        var rest = stream[...]
        var reader = NixExport.Reader { limit in
            defer { rest = rest.dropFirst(limit) }
            return rest.prefix(limit)
        }
        var objects: [(bytes: [UInt8], path: StorePath)] = []
        var start = 0
        while try reader.beginObject() {
            try reader.readArchive { _ in }
            let path = try reader.endObject().path
            objects.append((Array(stream[start..<reader.offset]), path))
            start = reader.offset
        }
        return objects
    }

    private func path(ending suffix: String) throws -> StorePath {
        try #require(sites.home.allValidPaths().first { $0.name.hasSuffix(suffix) })
    }

    @Test func `a closure arrives whole, what names itself too, and is kept from collection`() throws {
        let stream = try export([image])
        let report = try take(stream)
        #expect(report.faults == [])
        #expect(Set(report.imported) == Set(try sites.home.closure(of: [image]).order))
        #expect(try sites.site.verify(width: 2) == [])
        #expect(try sites.site.registration(of: image)?.contentAddress != nil)
        #expect(Array(try sites.site.roots().values) == [image])
        let again = try take(stream)
        #expect((again.imported.count, again.there) == (0, 4))
    }

    @Test func `texts and fetched files prove themselves too`() throws {
        let note = try sites.home.addText(Array("see \(image)".utf8), name: "note", references: [image])
        let scratch = try sites.home.makeScratch()
        let content = Data("fetched".utf8)
        try content.write(to: URL(filePath: scratch.path.appending("f").string))
        let flat = try sites.home.addFlat(
            scratch.path.appending("f"), name: "fetched.deb", digest: .sha256(of: Array(content)))
        #expect(try take(try export([note, flat])).faults == [])
        #expect(try sites.site.registration(of: note)?.contentAddress == .text(.sha256(of: "see \(image)")))
        #expect(try sites.site.registration(of: flat)?.contentAddress == .fixed(.flat, .sha256(of: "fetched")))
    }

    @Test func `a flipped byte of an object's content is refused by the object's name, and what needs it is hindered`()
        throws
    {
        let stream = try export([image])
        let low = try path(ending: "low")
        let objects = try objects(of: stream)
        let start = try #require(objects.firstIndex { $0.path == low })
        var flipped = stream
        // In the middle of a file of 100,000 bytes.
        flipped[objects[..<start].reduce(0) { $0 + $1.bytes.count } + 50_000] ^= 1
        let report = try take(flipped)
        #expect(report.faults.map(\.file) == ["\(low)"])
        #expect(report.faults.first?.message.hasPrefix("is not proved: its path does not follow") ?? false)
        #expect(Set(report.hindered) == [try path(ending: "middle"), image])
        #expect(report.imported == [try path(ending: "other")])
        #expect(try sites.site.verify(width: 2) == [])
    }

    @Test func `a reference left out, added or to itself denied is refused: the path says what there are`() throws {
        let stream = try export([image])
        for name in ["middle", "image"] {
            let victim = try path(ending: name)
            let registration = try #require(try sites.home.registration(of: victim))
            for change in 0..<3 {
                var claim = NixExport.Claim(path: victim, references: registration.references)
                switch change {
                case 0: claim.references.remove(try #require(claim.references.min()))
                case 1: claim.references.insert(try path(ending: "other"))
                default: claim.references.formSymmetricDifference([victim])
                }
                guard claim.references != registration.references else { continue }
                var other: [UInt8] = []
                for object in try objects(of: stream) {
                    let isVictim = object.path == victim
                    let own = NixExport.Claim(path: victim, references: registration.references).bytes
                    other += isVictim ? object.bytes.dropLast(own.count) + claim.bytes : object.bytes
                }
                let report = try take(other + NixExport.end)
                #expect(report.faults.contains { $0.file == "\(victim)" && $0.message.contains("is not proved") })
                #expect(try !sites.site.isValid(victim))
            }
        }
    }

    @Test func `what stands before all that it needs is refused, with what it lacks`() throws {
        let objects = try objects(of: export([image]))
        let report = try take(objects.reversed().flatMap(\.bytes) + NixExport.end)
        #expect(report.imported.count == 2)
        #expect(report.faults.count == 3)
        #expect(report.faults.allSatisfy { $0.message.contains("which /nix/store/") })
        #expect(try sites.site.verify(width: 2) == [])
    }

    @Test func `what is left out as the reader's own must be there`() throws {
        let low = try path(ending: "low")
        let rest = try export([image], base: [low])
        #expect(try take(rest).faults.map(\.file) == ["\(low)"])
        #expect(try take(try export([low])).faults == [])
        #expect(try take(rest).faults == [])
        #expect(try sites.site.isValid(image))
    }

    @Test func `a path that says nothing of its content is refused, whoever asks for it`() throws {
        let own = try StorePath(baseName: "\(String(repeating: "v", count: 32))-plain")
        var archive: [UInt8] = []
        try sites.home.writeArchive(of: image) { archive += $0 }
        let stream = NixExport.objectMark + archive + NixExport.Claim(path: own).bytes + NixExport.end
        for paths in [nil, [own]] as [Set<StorePath>?] {
            let report = try take(stream, keeping: paths)
            #expect(report.faults.map(\.file) == ["\(own)"])
            #expect(report.imported == [])
        }
    }

    @Test func `of a stream that breaks off, what came whole stays`() throws {
        let stream = try export([image])
        let first = try objects(of: stream)[0]
        let report = try take(Array(stream.prefix(first.bytes.count + 100)))
        #expect(report.imported == [first.path])
        #expect(report.faults.first?.message.contains("ends early") ?? false, "\(report.faults)")
        #expect(try take(stream).faults == [])
        #expect(try take(stream + [0]).faults.map(\.file) == [file.string])
    }

    @Test func `only what is asked for is kept from collection, and what did not come is named`() throws {
        let stream = try export([image])
        let (low, absent) = (try path(ending: "low"), try StorePath(baseName: "\(String(repeating: "1", count: 32))-x"))
        let report = try take(stream, keeping: [low, absent])
        #expect(report.faults.map(\.file) == ["\(absent)"])
        #expect(Array(try sites.site.roots().values) == [low])
    }

    @Test func `an object that is damaged at home has no name in the stream`() throws {
        let program = sites.home.physicalPath(of: try path(ending: "other")).appending("bin/program")
        chmod(program.string, 0o644)
        try Data([1, 2, 4]).write(to: URL(filePath: program.string))
        let error = #expect(throws: CarryingError.self) { try export([image]) }
        #expect(error?.message.hasPrefix("is damaged in the store") ?? false)
        #expect(!FileManager.default.fileExists(atPath: file.string))
    }
}
