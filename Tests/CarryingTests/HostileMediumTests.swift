import Carrying
import FileFormats
import Foundation
import LocalStore
import MediumModel
import OpenSSL
import StoreModel
import SystemModel
import SystemPackage
import Testing

/// Media made by who means ill: some with a trusted key, some as plain caches without a manifest.
@Suite struct HostileMediumTests {
    @Test(arguments: ["../../etc/passwd", "/etc/passwd", "nar/../nix-cache-info", "nar//x", "a/b/c/d/e/f/g/h/i"])
    func `an address that leads elsewhere is a fault`(url: String) throws {
        let (sites, image) = try exported()
        var info = try sites.information(of: image)
        info.url = url
        try sites.write(info)
        try sites.signAnew()
        #expect(try sites.takeAll().faults.count == 1)
        #expect(!(try sites.faults().isEmpty))
        try removeManifest(sites)
        #expect(
            try sites.takeAll().faults.contains {
                $0.message == "is no name within the medium" || $0.message == "is missing"
            })
        #expect(try !sites.site.isValid(image))
    }

    @Test func `links are not followed`() throws {
        let (sites, image) = try exported()
        let url = try sites.information(of: image).url
        let elsewhere = sites.folder.appending("elsewhere")
        try FileManager.default.moveItem(at: sites.url(url), to: URL(filePath: elsewhere.string))
        try FileManager.default.createSymbolicLink(atPath: sites.url(url).path, withDestinationPath: elsewhere.string)
        #expect(try sites.faults() == [MediumFault(url, "is a symbolic link, expected a regular file")])
        #expect(try sites.takeAll().faults == [MediumFault(url, "is a symbolic link, expected a regular file")])
        try FileManager.default.removeItem(at: sites.url(url))
        mkfifo(sites.url(url).path, 0o644)
        #expect(try sites.takeAll().faults == [MediumFault(url, "is no regular file")])
        try FileManager.default.removeItem(at: sites.url(url))
        try FileManager.default.moveItem(at: sites.url("nar"), to: URL(filePath: sites.folder.appending("nar").string))
        try FileManager.default.createSymbolicLink(
            atPath: sites.url("nar").path, withDestinationPath: sites.folder.appending("nar").string)
        #expect(try sites.takeAll().faults.first?.message == "leads over 'nar', which is no folder")
    }

    @Test func `a wrong FileHash, size or NarHash is refused by name, though all is signed`() throws {
        let (sites, image) = try exported()
        let sound = try sites.information(of: image)
        func fault(_ change: (inout NARInfo) throws -> Void) throws -> String {
            var info = sound
            try change(&info)
            info.registration.signatures = [try sites.key.sign(info.registration.fingerprint)]
            try sites.write(info)
            try sites.signAnew()
            let faults = try sites.takeAll().faults
            #expect(faults.count == 1)
            #expect(try sites.faults().contains { faults.contains($0) })
            return faults.first?.message ?? ""
        }
        #expect(try fault { $0.fileHash = .sha256(of: "x") }.contains("FileHash"))
        #expect(try fault { $0.fileSize = 7 }.contains("expected 7 by its narinfo"))
        #expect(try fault { $0.registration.narHash = .sha256(of: "x") }.contains("NarHash"))
        #expect(try fault { $0.registration.narSize -= 8 }.contains("its NarSize"))
        #expect(try fault { $0.registration.narSize += 8 }.contains("by NarSize"))
        #expect(try fault { $0.compression = "rot13" }.contains("'rot13', of which nothing is known here"))
        #expect(try fault { $0.compression = "none" }.contains("NAR byte"))
        #expect(try !sites.site.isValid(image))
    }

    @Test func `an archive out of order, or with more behind it, is refused though every digest fits`() throws {
        let (sites, _) = try exported()
        try removeManifest(sites)
        var unsorted: [UInt8] = []
        var writer = NAR.Writer { unsorted += $0 }
        try writer.write(.beginDirectory)
        for name in ["a", "b"] {
            try writer.write(.entry(name: Array(name.utf8)))
            try writer.write(.symlink(target: [120]))
        }
        try writer.write(.endDirectory)
        try writer.finish()
        let sorted = unsorted
        for place in unsorted.indices
        where unsorted[place] == 97 && unsorted[place - 8..<place].elementsEqual([1, 0, 0, 0, 0, 0, 0, 0]) {
            unsorted[place] = 99
        }
        #expect(unsorted != sorted)
        for (bytes, message) in [
            (unsorted, "entries are sorted"), (sorted + [0, 0, 0, 0, 0, 0, 0, 0], "after its archive's end"),
        ] {
            let path = try StorePath(baseName: "\(String(repeating: "1", count: 32))-x")
            var registration = PathRegistration(path: path, narHash: .sha256(of: bytes), narSize: bytes.count)
            registration.signatures = [try sites.key.sign(registration.fingerprint)]
            try Data(bytes).write(to: sites.url("nar/x.nar"))
            try sites.write(
                NARInfo(
                    registration: registration, url: "nar/x.nar", compression: "none", fileHash: .sha256(of: bytes),
                    fileSize: bytes.count))
            let faults = try sites.takeAll([path]).faults
            #expect(faults.map(\.file) == ["nar/x.nar"])
            #expect(faults.first?.message.contains(message) ?? false, "\(faults)")
            #expect(try !sites.site.isValid(path))
        }
    }

    @Test func `unsigned objects come only where they are asked for and their content proves them`() throws {
        let (sites, image) = try exported()
        try removeManifest(sites)
        for path in try sites.home.closure(of: [image]).order {
            var info = try sites.information(of: path)
            info.registration.signatures = []
            try sites.write(info)
        }
        let refused = try sites.takeAll()
        #expect(refused.imported == [])
        #expect(refused.faults.count == 4)
        #expect(refused.faults.allSatisfy { $0.message.contains("--path /nix/store/") })
        #expect(try sites.takeAll([image]).faults == [])
        #expect(try sites.site.verify(width: 2) == [])
        #expect(try sites.site.roots().values.contains(image))
    }

    @Test func `content that is not what its address says is refused, whoever made the narinfo`() throws {
        let (sites, image) = try exported()
        try removeManifest(sites)
        let other = try #require(sites.home.allValidPaths().first { $0.name.hasSuffix("other") })
        let middle = try #require(sites.home.allValidPaths().first { $0.name.hasSuffix("middle") })
        // The archive of one object under the name and content address of another, its NarHash and FileHash fitting.
        for victim in [other, middle] {
            var info = try sites.information(of: victim)
            let donor = try sites.information(of: image)
            info.url = donor.url
            info.fileHash = donor.fileHash
            info.fileSize = donor.fileSize
            info.registration.narHash = donor.registration.narHash
            info.registration.narSize = donor.registration.narSize
            info.registration.signatures = []
            try sites.write(info)
        }
        let faults = try sites.takeAll([image]).faults
        #expect(faults.count == 2)
        #expect(faults.allSatisfy { $0.message.contains("by its content address") }, "\(faults)")
        #expect(try !sites.site.isValid(other))
        #expect(try !sites.site.isValid(middle))
    }

    @Test func `every object that is missing is named with who needs it`() throws {
        let (sites, image) = try exported()
        let gone = try sites.home.allValidPaths().filter { $0.name.hasSuffix("other") || $0.name.hasSuffix("low") }
        for path in gone { try FileManager.default.removeItem(at: sites.url("\(path.hashPart).narinfo")) }
        #expect(Set(try sites.takeAll().faults.map(\.file)) == Set(gone.map { "\($0.hashPart).narinfo" }))
        try removeManifest(sites)
        let faults = try sites.takeAll([image]).faults
        #expect(faults.count == 2)
        #expect(faults.allSatisfy { $0.message.contains(", which /nix/store/") })
        #expect(try sites.faults().filter { $0.message.contains(", which /nix/store/") }.count == 2)
    }

    private func exported() throws -> (TwoSites, StorePath) {
        let sites = try TwoSites()
        let generation = try sites.publish()
        try sites.export([generation])
        return (sites, try StorePath(parsing: generation.image))
    }

    private func removeManifest(_ sites: TwoSites) throws {
        try FileManager.default.removeItem(at: sites.url("medium-manifest"))
    }
}
