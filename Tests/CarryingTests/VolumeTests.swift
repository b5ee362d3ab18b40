import Foundation
import LocalStore
import MediumModel
import StoreModel
import SystemModel
import SystemPackage
import Testing

@testable import Carrying

/// An export that is carried on several volumes.
@Suite struct VolumeTests {
    private let sites: TwoSites
    private var made: FilePath { sites.folder.appending("volumes") }
    private let size = 1 << 20

    init() throws { sites = try TwoSites() }

    /// Objects that need one another, so large that a volume of 1 MiB has some of them.
    private func publish() throws -> Generation {
        var needs: [StorePath] = []
        for number in 0..<6 { needs.append(try sites.add("part-\(number)", bytes: 150_000, needs: needs)) }
        return try sites.home.publish(sites.add("lab-node-image", needs: needs), as: "lab-node", madeFrom: nil)
    }

    @discardableResult
    private func export(
        _ generation: Generation, to folders: VolumeExport.Folders? = nil, size: Int? = 1 << 20
    ) throws -> VolumeExport.Report {
        let export = VolumeExport(
            store: sites.home, folders: folders ?? .made(in: made), key: sites.key, ring: sites.ring,
            settings: sites.settings, volumeSize: size)
        return try export.run([generation], now: 1_700_000_002) { _, _ in }
    }

    private func media(_ folders: [FilePath]) throws -> MediumSet { try MediumSet(folders, ring: sites.ring) }

    private func faults(_ folders: [FilePath]) throws -> [String] {
        try media(folders).faults(width: 2) { _, _ in }.map(\.description)
    }

    private func take(_ folders: [FilePath]) throws -> Carrying.Import.Report {
        let importing = Import(store: sites.site, media: try media(folders), width: 2)
        return try importing.run(try importing.plan()) { _, _ in }
    }

    private func sizes(_ folder: FilePath) throws -> [String: Int] {
        let files = FileManager.default
        let names = files.enumerator(atPath: folder.string)?.compactMap { $0 as? String } ?? []
        return try Dictionary(
            uniqueKeysWithValues: names.compactMap { name -> (String, Int)? in
                let attributes = try files.attributesOfItem(atPath: folder.pushing(FilePath(name)).string)
                guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
                return (name, attributes[.size] as? Int ?? 0)
            })
    }

    @Test func `each volume keeps to its size, says what it is, and together they are whole in any order`() throws {
        let generation = try publish()
        let report = try export(generation)
        let folders = report.volumes.map(\.folder)
        #expect(folders.map { $0.lastComponent?.string } == ["volume-1", "volume-2", "volume-3"])
        #expect(report.written == 7)
        for (index, volume) in report.volumes.enumerated() {
            let sizes = try sizes(volume.folder)
            #expect(sizes.values.reduce(0) { $0 + ($1 + 32_767) / 32_768 * 32_768 } <= size)
            #expect(Set(sizes.keys) == Set(volume.manifest.files.keys).union(["medium-manifest-\(index + 1)"]))
            #expect(volume.manifest.volume?.count == folders.count)
            #expect(try faults([volume.folder]) == [])
        }
        #expect(try faults(folders.reversed()) == [])
        let taken = try take([folders[2], folders[0], folders[1]])
        #expect(taken.faults == [])
        #expect(taken.imported.count == 7)
        #expect(try sites.site.generations() == [generation])
        #expect(try sites.site.verify(width: 2) == [])
        #expect(try sites.site.collectGarbage().objects == [])
    }

    @Test func `copied into one folder they are one medium`() throws {
        let generation = try publish()
        let folders = try export(generation).volumes.map(\.folder)
        let merged = sites.folder.appending("merged")
        let copy = Process()
        copy.executableURL = URL(filePath: "/bin/sh")
        copy.arguments =
            ["-c", "mkdir \"$0\"; for v; do cp -r \"$v\"/. \"$0\"; done", merged.string] + folders.map(\.string)
        try copy.run()
        copy.waitUntilExit()
        #expect(try faults([merged]) == [])
        try Data("more".utf8).write(to: URL(filePath: merged.appending("nar/more.nar.zst").string))
        #expect(try Set(faults([merged])).count == folders.count)
        #expect(try take([merged]).generations == [generation])
    }

    @Test func `one after another in their order, each brings what it completes`() throws {
        let generation = try publish()
        let folders = try export(generation).volumes.map(\.folder)
        var imported = 0
        for folder in folders {
            let report = try take([folder])
            #expect(report.faults == [])
            #expect(report.imported.count > 0)
            #expect(report.generations == (folder == folders.last ? [generation] : []))
            imported += report.imported.count
        }
        #expect(imported == 7)
        #expect(try sites.site.verify(width: 2) == [])
        #expect(try sites.site.roots().keys.filter { $0.hasPrefix("imported-") } == [])
    }

    @Test func `a volume that is missing is named with what is needed of it, and what is whole comes`() throws {
        let generation = try publish()
        let folders = try export(generation).volumes.map(\.folder)
        let alone = try take([folders[2]])
        #expect(alone.imported == [])
        #expect(alone.faults.map(\.file) == ["medium-manifest-1", "medium-manifest-2"])
        #expect(alone.faults.first?.description.hasPrefix("volume 1, 'medium-manifest-1': is missing, with ") ?? false)
        let without = try take([folders[2], folders[0]])
        #expect(without.faults.map(\.volume) == [2])
        #expect(without.imported.count > 0)
        #expect(without.generations == [])
        #expect(try take(folders).generations == [generation])
    }

    @Test func `volumes of two exports, one twice, and a medium beside a volume are refused by name`() throws {
        let folders = try export(try publish()).volumes.map(\.folder)
        let other = sites.folder.appending("others")
        let others = try export(try publish(), to: .made(in: other)).volumes.map(\.folder)
        func refusal(_ folders: [FilePath]) throws -> String {
            try #require(#expect(throws: CarryingError.self) { try media(folders) }).description
        }
        let mixed = try refusal([folders[0], others[1]])
        #expect(mixed.contains("'\(others[1])': is volume 2 of 3 of the export "), "\(mixed)")
        #expect(mixed.contains("'\(folders[0])' is volume 1 of 3 of the export "), "\(mixed)")
        #expect(try refusal([folders[0], folders[0]]).contains("is volume 1 once more"))
        try sites.export([try sites.publish("ioc")])
        #expect(try refusal([folders[0], sites.medium]).contains("is a medium by itself"))
        #expect(try refusal([sites.medium, sites.medium]).contains("is no volume"))
    }

    @Test func `what is damaged is named with its volume, and a volume's manifest keeps its name`() throws {
        let folders = try export(try publish()).volumes.map(\.folder)
        let name = try #require(sizes(folders[1]).keys.filter { $0.hasPrefix("nar/") }.min())
        let path = URL(filePath: folders[1].pushing(FilePath(name)).string)
        var bytes = try Data(contentsOf: path)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: path)
        #expect(try faults(folders).map { $0.hasPrefix("volume 2, '\(name)': is damaged") } == [true])
        let report = try take(folders)
        #expect(report.faults.map(\.volume) == [2])
        #expect(report.faults.map(\.file) == [name])
        try FileManager.default.moveItem(
            atPath: folders[0].appending("medium-manifest-1").string,
            toPath: folders[0].appending("medium-manifest-2").string)
        let renamed = #expect(throws: CarryingError.self) { try media(folders) }
        #expect(renamed?.message == "belongs into 'medium-manifest-1'")
    }

    @Test func `a volume that promises what another has not is found out, though all are signed`() throws {
        let volumes = try export(try publish()).volumes
        var manifests = volumes.map(\.manifest)
        let path = try #require(manifests[0].volume?.elsewhere.filter { $0.value == 2 }.keys.min())
        let name = "\(path.hashPart).narinfo"
        manifests[1].files[name] = nil
        try FileManager.default.removeItem(atPath: volumes[1].folder.appending(name).string)
        func sign() throws {
            for (index, manifest) in manifests.enumerated() {
                try Data(SignedText(manifest.text, by: sites.key).whole.utf8).write(
                    to: URL(filePath: volumes[index].folder.appending("medium-manifest-\(index + 1)").string))
            }
        }
        try sign()
        let digest = #expect(throws: CarryingError.self) { try media(volumes.map(\.folder)) }
        #expect(digest?.message.contains("says that the volumes have the digest") ?? false)
        let set = MediumManifest.digest(ofVolumes: manifests)
        for index in manifests.indices { manifests[index].volume?.set = set }
        try sign()
        let found = try faults(volumes.map(\.folder))
        #expect(found.contains { $0.hasPrefix("volume 2, '\(name)': is missing: volume 1 says that ") }, "\(found)")
        #expect(try take(volumes.map(\.folder)).faults.contains { $0.message.hasPrefix("is missing: \(path)") })
    }

    @Test func `an export that was interrupted goes on, and puts what was damaged where there is room`() throws {
        let generation = try publish()
        let folders = try export(generation).volumes.map(\.folder)
        let name = try #require(sizes(folders[0]).filter { $0.key.hasPrefix("nar/") }.max { $0.value < $1.value }?.key)
        try Data("cut".utf8).write(to: URL(filePath: folders[0].pushing(FilePath(name)).string))
        try Data("half".utf8).write(to: URL(filePath: folders[1].appending("nar/x.1.unfinished").string))
        for (index, folder) in folders.enumerated() {
            try FileManager.default.removeItem(atPath: folder.appending("medium-manifest-\(index + 1)").string)
        }
        let report = try export(generation)
        #expect(report.written == 1 && report.kept == 6)
        #expect(report.volumes.map(\.folder) == folders)
        #expect(try faults(folders) == [])
        #expect(try export(generation).written == 0)
        #expect(try take(folders).generations == [generation])
    }

    @Test func `volumes that are full ask for one more, and keep what they have`() throws {
        let generation = try publish()
        let given = ["a", "b", "c", "d"].map { sites.folder.appending($0) }
        let full = #expect(throws: CarryingError.self) { try export(generation, to: .given(Array(given[..<2]))) }
        #expect(full?.message.hasPrefix("the volumes are full: ") ?? false)
        let report = try export(generation, to: .given(given))
        #expect(report.kept > 0)
        #expect(report.volumes.map(\.folder) == Array(given[..<3]))
        #expect(!FileManager.default.fileExists(atPath: given[3].string))
        #expect(try faults(Array(given[..<3])) == [])
        let large = #expect(throws: CarryingError.self) {
            try export(generation, to: .made(in: sites.folder.appending("small")), size: 500_000)
        }
        #expect(large?.message.contains("has no place on a volume of 500000 bytes") ?? false)
    }

    @Test func `a folder that has something else is no volume of an export`() throws {
        let generation = try publish()
        let volumes = try export(generation).volumes.map(\.folder)
        let other = try sites.publish("ioc")
        func refusal(_ body: () throws -> Void) -> String {
            #expect(throws: CarryingError.self, performing: body)?.message ?? ""
        }
        #expect(refusal { try export(other) } == "is a volume of another export")
        try sites.export([other])
        #expect(refusal { try export(other, to: .given([sites.medium])) }.hasPrefix("is a medium by itself"))
        try FileManager.default.removeItem(at: sites.url("medium-manifest"))
        #expect(refusal { try export(generation, to: .given([sites.medium])) }.contains("is no part of this export"))
        let single = Export(
            store: sites.home, folder: volumes[0], key: sites.key, ring: sites.ring, settings: sites.settings)
        #expect(refusal { _ = try single.plan([generation]) { _, _ in } } == "has a volume of an export to several")
    }
}
