import MediumModel
import SeededRandomness
import StoreModel
import SystemModel
import Testing

@Suite struct MediumManifestTests {
    static let digits = String(repeating: "0", count: 32)
    static let image = "\(digits)-lab-node-image"

    static func sample() throws -> MediumManifest {
        var manifest = MediumManifest(created: 1_700_000_000)
        manifest.generations = [
            Generation(system: "lab-node", number: 12, image: "/nix/store/\(image)", created: 1_600_000_000)
        ]
        manifest.roots = [try StorePath(baseName: "\(digits)-a")]
        manifest.base = [try StorePath(baseName: "\(digits)-b")]
        manifest.files = [
            "nix-cache-info": .init(digest: .sha256(of: "x"), size: 1),
            "nar/\(digits).nar.zst": .init(digest: .sha256(of: "y"), size: 77),
        ]
        return manifest
    }

    static let text = """
        Bootferry-Medium: 1
        Created: 1700000000
        Generation: lab-node 12 1600000000 \(image)
        Root: \(digits)-a
        Base: \(digits)-b
        File: a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa 77 nar/\(digits).nar.zst
        File: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 nix-cache-info

        """

    @Test func `it is written as its description says, and read back`() throws {
        #expect(try Self.sample().text == Self.text)
        #expect(try MediumManifest(parsing: Self.text) == Self.sample())
        #expect(try Self.sample().allRoots().map(\.name).sorted() == ["a", "lab-node-image"])
    }

    @Test func `a volume says which of how many it is, and what the others have`() throws {
        var manifest = try Self.sample()
        let elsewhere = [
            try StorePath(baseName: "\(Self.digits)-d"): 1, try StorePath(baseName: "\(Self.digits)-c"): 3,
        ]
        manifest.volume = .init(number: 2, count: 3, set: .sha256(of: "set"), elsewhere: elsewhere)
        let created = "Created: 1700000000\n"
        let text = Self.text.replacing(created, with: created + "Volume: 2 3 \(Digest.sha256(of: "set").hex)\n")
            .replacing("File: a1", with: "Elsewhere: 3 \(Self.digits)-c\nElsewhere: 1 \(Self.digits)-d\nFile: a1")
        #expect(manifest.text == text)
        #expect(try MediumManifest(parsing: text) == manifest)
        for (from, to) in [
            ("Volume: 2 3", "Volume: 4 3"), ("Volume: 2 3", "Volume: 0 3"), ("Volume: 2 3", "Volume: 2 1000"),
            ("Elsewhere: 3", "Elsewhere: 2"), ("Elsewhere: 3", "Elsewhere: 4"), ("Volume: 2", "Volum: 2"),
        ] { #expect(throws: StoreModelError.self) { try MediumManifest(parsing: text.replacing(from, with: to)) } }
        // The set's digest is of all but itself.
        let digest = MediumManifest.digest(ofVolumes: [manifest])
        manifest.volume?.set = digest
        #expect(MediumManifest.digest(ofVolumes: [manifest]) == digest)
        manifest.files = [:]
        #expect(MediumManifest.digest(ofVolumes: [manifest]) != digest)
    }

    @Test(arguments: [("medium-manifest-1", 1), ("medium-manifest-999", 999)])
    func `a volume's manifest has its number in its name`(name: String, number: Int) {
        #expect(MediumManifest.volumeNumber(ofFile: name) == number)
        #expect(MediumManifest.fileName(ofVolume: number) == name)
    }

    @Test(arguments: [
        "medium-manifest", "medium-manifest-", "medium-manifest-0", "medium-manifest-01", "medium-manifest-1000",
        "medium-manifest-1.new", "medium-manifest-+1",
    ]) func `no other file is taken for a volume's manifest`(name: String) {
        #expect(MediumManifest.volumeNumber(ofFile: name) == nil)
    }

    @Test(arguments: [
        "../x", "/x", "a//b", "a/../b", "a/./b", ".x", "x.", "A", "a:b", "a b", "a\\b", "é", "", "a/b/c/d", "nar/..",
    ])
    func `no name leads elsewhere or is another's in capitals`(name: String) {
        #expect(throws: StoreModelError.self) { try MediumManifest.checkName(name) }
        let text = "Bootferry-Medium: 1\nCreated: 1\nFile: \(Digest.sha256(of: "x").hex) 1 \(name)\n"
        #expect(throws: StoreModelError.self) { try MediumManifest(parsing: text) }
    }

    @Test(arguments: [
        ("Created: 1700000000", "Created: -1"), ("Created: 1700000000", "Created: 01"), ("Medium: 1", "Medium: 2"),
        ("lab-node 12", "../etc 12"), ("lab-node 12", "lab-node 0"), ("Root: ", "Rood: "), (" 77 ", " +77 "),
        ("Root: \(digits)-a\nBase: \(digits)-b", "Base: \(digits)-b\nRoot: \(digits)-a"), ("Created", "created"),
        ("Root: \(digits)-a\n", "Root: \(digits)-a\nRoot: \(digits)-a\n"), ("info\n", "info"), (" 1 nix", " 1  nix"),
    ])
    func `what would not be written is not read`(from: String, to: String) {
        let spoiled = Self.text.replacing(from, with: to)
        #expect(spoiled != Self.text)
        #expect(throws: StoreModelError.self) { try MediumManifest(parsing: spoiled) }
    }

    @Test func `cut anywhere, or with bytes changed, it is refused or another value, and never traps`() throws {
        let bytes = Array(Self.text.utf8)
        for count in 0..<bytes.count {
            let cut = String(decoding: bytes[..<count], as: UTF8.self)
            if let read = try? MediumManifest(parsing: cut) { #expect(read.text == cut) }
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            var changed = bytes
            for _ in 0..<3 {
                changed[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let text = String(decoding: changed, as: UTF8.self)
            if let read = try? MediumManifest(parsing: text) { #expect(read.text == text) }
        }
    }

    @Test func `its signature is of all above it`() throws {
        let key = try SigningKey(name: "home-1", seed: Array(0..<32))
        let ring = try KeyRing(trusted: [key.publicKey])
        let signed = try SignedText(Self.text, by: key)
        let read = try SignedText(parsing: Array(signed.whole.utf8), of: "x")
        #expect(read == signed)
        #expect(ring.judge(read.signatures, of: read.text) == .valid(by: "home-1"))
        for place in stride(from: 0, to: Self.text.utf8.count, by: 7) {
            var bytes = Array(signed.whole.utf8)
            bytes[place] ^= 1
            guard let spoiled = try? SignedText(parsing: bytes, of: "x") else { continue }
            #expect(ring.judge(spoiled.signatures, of: spoiled.text) == .wrong(key: "home-1"))
        }
    }
}
