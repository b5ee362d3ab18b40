import Carrying
import Foundation
import LocalStore
import MediumModel
import StoreModel
import SystemModel
import SystemPackage
import Testing

@Suite struct MediumTests {
    @Test func `a generation arrives whole, under its own number, and a second import has nothing to do`() throws {
        let sites = try TwoSites()
        _ = try sites.publish()
        let second = try sites.home.publish(sites.add("lab-node-image-2"), as: "lab-node", madeFrom: nil)
        #expect(second.number == 2)
        try sites.export([second, try #require(try sites.home.generation(1, of: "lab-node"))])
        #expect(try sites.faults() == [])
        let report = try sites.takeAll()
        #expect(report.faults == [])
        #expect(report.imported.count == 5)
        #expect(try sites.site.generations() == sites.home.generations())
        #expect(try sites.site.verify(width: 2) == [])
        for path in report.imported {
            let (here, there) = (try sites.site.registration(of: path), try sites.home.registration(of: path))
            #expect(here?.fingerprint == there?.fingerprint)
            #expect(here?.contentAddress == there?.contentAddress)
            #expect(here?.signatures.map(\.keyName) == ["home-1"])
        }
        #expect(try sites.takeAll().imported == [])
        #expect(try sites.site.collectGarbage().objects == [])
    }

    @Test func `a byte changed in any file is named with that file, and everything sound is taken`() throws {
        let sites = try TwoSites()
        let generation = try sites.publish()
        try sites.export([generation])
        for name in try sites.files() where name != "medium-manifest" {
            let sound = try Data(contentsOf: sites.url(name))
            for offset in [0, sound.count / 2, sound.count - 1] {
                try sites.flip(name, at: offset)
                #expect(try sites.faults().map(\.file) == [name], "\(name) at \(offset)")
                try sound.write(to: sites.url(name))
            }
        }
        let middle = try sites.information(
            of: try #require(sites.home.allValidPaths().first { $0.name.hasSuffix("middle") }))
        try sites.flip(middle.url, at: 40)
        let report = try sites.takeAll()
        #expect(report.faults.map(\.file) == [middle.url])
        #expect(report.imported.map(\.name).sorted() == ["lab-node-low", "lab-node-other"])
        #expect(report.hindered.map(\.name).sorted() == ["lab-node-image", "lab-node-middle"])
        #expect(report.generations == [])
        #expect(try sites.site.verify(width: 2) == [])
        try sites.flip(middle.url, at: 40)
        #expect(try sites.takeAll().imported.map(\.name).sorted() == ["lab-node-image", "lab-node-middle"])
        #expect(try sites.site.generations().map(\.number) == [1])
    }

    @Test func `every missing, cut or lengthened file is named at once`() throws {
        let sites = try TwoSites()
        try sites.export([try sites.publish()])
        let names = try sites.files().filter { $0 != "medium-manifest" }
        for (number, name) in names.enumerated() {
            let bytes = try Data(contentsOf: sites.url(name))
            switch number % 3 {
            case 0: try FileManager.default.removeItem(at: sites.url(name))
            case 1: try bytes.dropLast().write(to: sites.url(name))
            default: try (bytes + [0]).write(to: sites.url(name))
            }
        }
        #expect(Set(try sites.faults().map(\.file)).isSuperset(of: names.filter { $0.hasSuffix(".narinfo") }))
        // What a narinfo would have named is read as a file of its own.
        #expect(Set(try sites.faults().map(\.file)) == Set(names))
    }

    @Test func `a medium that nobody trusted signed is refused by name`() throws {
        let sites = try TwoSites()
        try sites.export([try sites.publish()])
        func refusal() throws -> String {
            let fault = try #require(try sites.faults().first { $0.file == "medium-manifest" })
            let error = #expect(throws: CarryingError.self) { try sites.takeAll() }
            #expect(error?.message.hasPrefix(fault.message) ?? false)
            #expect(error?.remedy != nil)
            return fault.message
        }
        let whole = try String(contentsOf: sites.url("medium-manifest"), encoding: .utf8)
        let signature = try #require(whole.range(of: "Sig: "))
        try Data(whole[..<signature.lowerBound].utf8).write(to: sites.url("medium-manifest"))
        #expect(try refusal() == "is not signed")
        try sites.signAnew(by: try SigningKey(name: "stranger", seed: Array(9..<41)))
        #expect(try refusal() == "is signed by 'stranger', which is not trusted here")
        try sites.signAnew(by: try SigningKey(name: "home-1", seed: Array(9..<41)))
        #expect(try refusal().hasPrefix("the signature that names the key 'home-1' is not that key's"))
        try sites.signAnew()
        try sites.ring.revoke("home-1")
        #expect(try refusal() == "is signed by the key 'home-1', which was revoked")
        #expect(try sites.site.allValidPaths() == [])
    }

    @Test func `what no file of the medium may hold is carried in parts`() throws {
        let sites = try TwoSites()
        sites.settings.largestFile = ExportSettings.smallestPart
        try sites.export([try sites.publish(bytes: 300_000)])
        let parts = try sites.files().filter { $0.contains(".part") }
        #expect(parts.count == 5)
        #expect(try sites.faults() == [])
        let third = try Data(contentsOf: sites.url(parts[2]))
        try FileManager.default.removeItem(at: sites.url(parts[2]))
        #expect(try sites.faults().map(\.file) == [parts[2]])
        #expect(try sites.takeAll().faults.map(\.file) == [parts[2]])
        try third.write(to: sites.url(parts[2]))
        #expect(try sites.takeAll().faults == [])
        #expect(try sites.site.verify(width: 2) == [])
        #expect(try sites.export([try #require(try sites.home.latestGeneration(of: "lab-node"))]).written == 0)
    }

    @Test func `an interrupted export goes on with what is whole`() throws {
        let sites = try TwoSites()
        let generation = try sites.publish()
        let first = try sites.export([generation])
        #expect((first.written, first.kept) == (4, 0))
        let manifest = try Data(contentsOf: sites.url("medium-manifest"))
        try FileManager.default.removeItem(at: sites.url("medium-manifest"))
        let image = try sites.information(of: StorePath(parsing: generation.image))
        try Data(contentsOf: sites.url(image.url)).dropLast(7).write(to: sites.url(image.url))
        try Data("half".utf8).write(to: sites.url("nar/x.1.unfinished"))
        let again = try sites.export([generation])
        #expect((again.written, again.kept) == (1, 3))
        #expect(try Data(contentsOf: sites.url("medium-manifest")) == manifest)
        #expect(try sites.faults() == [])
        #expect(try sites.export([generation]).written == 0)
    }

    @Test func `what is damaged is written anew, and its old archive goes`() throws {
        let sites = try TwoSites()
        let generation = try sites.publish(bytes: 100_000)
        try sites.export([generation])
        let before = try sites.files()
        let image = try sites.information(of: StorePath(parsing: generation.image))
        try sites.flip(image.url, at: 20)
        sites.settings.level = 19
        #expect(try sites.export([generation]).written == 1)
        #expect(try sites.files().count == before.count)
        #expect(try sites.faults() == [])
    }

    @Test func `an export adds to a medium of the same hand, and to no other's`() throws {
        let sites = try TwoSites()
        try sites.export([try sites.publish()])
        try sites.export([try sites.publish("ioc")])
        #expect(try sites.faults() == [])
        #expect(try sites.takeAll().generations.map(\.system) == ["ioc", "lab-node"])
        try sites.signAnew(by: try SigningKey(name: "stranger", seed: Array(9..<41)))
        let error = #expect(throws: CarryingError.self) { try sites.export([try sites.publish()]) }
        #expect(error?.remedy == "export to an empty folder")
    }

    @Test func `what the site has is left out, and asked for there`() throws {
        let sites = try TwoSites()
        let generation = try sites.publish()
        let low = try #require(sites.home.allValidPaths().first { $0.name.hasSuffix("low") })
        try sites.export([generation], base: [low])
        #expect(try sites.faults() == [])
        let refused = try sites.takeAll()
        #expect(refused.faults.map(\.file) == ["\(low.hashPart).narinfo"])
        #expect(refused.faults.first?.message.contains("the inventory that this was exported for had it") ?? false)
        try sites.export([generation])
        #expect(try sites.takeAll().generations.count == 1)
    }

    @Test func `an object that is damaged at home is not exported`() throws {
        let sites = try TwoSites()
        let generation = try sites.publish()
        let program = try sites.home.physicalPath(ofLogical: generation.image).appending("bin/program")
        chmod(program.string, 0o644)
        try Data(sites.randomBytes(1000)).write(to: URL(filePath: program.string))
        let error = #expect(throws: CarryingError.self) { try sites.export([generation]) }
        #expect(error?.message.hasPrefix("is damaged in the store") ?? false)
        #expect(try sites.files().filter { $0.contains("unfinished") || $0 == "medium-manifest" } == [])
    }

    @Test func `a number that is taken at the site gives way to the next one`() throws {
        let sites = try TwoSites()
        let scratch = try sites.site.makeScratch()
        try Data("other".utf8).write(to: URL(filePath: scratch.path.appending("x").string))
        let image = try sites.site.addContentAddressed(scratch.path.appending("x"), name: "image")
        _ = try sites.site.publish(image, as: "lab-node", madeFrom: nil)
        try sites.export([try sites.publish()])
        #expect(try sites.takeAll().generations.map(\.number) == [2])
        #expect(try sites.takeAll().generations.map(\.number) == [2])
    }
}
