import StoreModel
import SystemModel
import Testing

@testable import Proofs

@Suite struct BillTests {
    private static func package(_ name: String, _ digit: Character) -> LockedPackage {
        LockedPackage(
            name: name, version: "1:2.0~rc1+b1", architecture: "amd64", poolPath: "pool/main/s/src/\(name)_2_amd64.deb",
            archive: "debian", size: 1, sha256: String(repeating: digit, count: 64))
    }

    @Test func `ingredients are found through all that is none`() {
        let record = BuildRecord(
            system: "s",
            steps: [
                .init(derivation: "0", builder: "builtin:fetch", package: Self.package("tool", "0")),
                .init(derivation: "1", builder: "builtin:unpack", inputs: [0]),
                .init(derivation: "2", builder: "builtin:fetch", package: Self.package("bash", "1")),
                .init(
                    derivation: "3", builder: "builtin:recipe", inputs: [1],
                    recipe: .init(name: "r", version: "", licence: "MIT", source: nil, patches: [])),
                .init(derivation: "4", builder: "builtin:segment", inputs: [1, 2, 3]),
            ])
        let found = record.ingredients()
        #expect(found.of == [[], [0], [], [0], [0, 2, 3]])
        #expect(found.ofAll == [0, 2, 3])
    }

    @Test func `a plan's steps are written down but for the settings and the image`() throws {
        var plan = BuildPlan()
        let package = Self.package("bash", "a")
        let fetch = try plan.add(
            Derivation(
                name: "bash.deb", builder: "builtin:fetch",
                outputHash: .init(method: .flat, digest: try Digest(sha256Hex: package.sha256))))
        let segment = try plan.add(Derivation(name: "bash", builder: "builtin:segment", inputDerivations: [fetch]))
        _ = try plan.add(Derivation(name: "image", builder: "builtin:image", inputDerivations: [segment]))
        let output = try StorePath(baseName: "\(String(repeating: "1", count: 32))-bash")
        let record = BuildRecord(of: plan, system: "s", outputs: [segment: output], packages: [package]) { _ in nil }
        #expect(record.steps.map(\.builder) == ["builtin:fetch", "builtin:segment"])
        #expect(record.steps.map(\.inputs) == [[], [0]])
        #expect(record.steps.map(\.output) == [nil, output.baseName])
        #expect(record.steps[0].package == package)
    }

    @Test(arguments: [
        ("0123456789abcdef0123456789abcdef", true), ("0123456789abcdef0123456789abcdef.3k.new", false),
        ("0123456789abcdef0123456789abcdeg", false), ("", false),
    ])
    func `a record's name is told from a file that another is just writing`(name: String, isKey: Bool) {
        #expect(BuildRecord.isKey(name) == isKey)
    }

    @Test func `a package URL escapes what the specification says`() {
        let component = Component(
            .debianPackage(architecture: "amd64", source: "src", sourceVersion: "1:2.0~rc1"), name: "libstdc++6",
            version: "1:2.0~rc1+b1", use: .runtime)
        #expect(
            component.packageURL
                == "pkg:deb/debian/libstdc%2B%2B6@1:2.0~rc1%2Bb1?arch=amd64&upstream=src%401:2.0~rc1")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_763_856_000, "2025-11-23T00:00:00Z"),
        (4_102_444_799, "2099-12-31T23:59:59Z"),
    ])
    func `a time is written in UTC`(seconds: Int, text: String) { #expect(timestamp(seconds) == text) }

    @Test func `each document follows from the bill alone, and another image has another name`() {
        func bill(_ digest: String) -> Bill {
            Bill(
                system: "s", generation: 1, image: "/nix/store/x-s", imageDigest: digest, created: 1, toolVersion: "1",
                components: [
                    Component(.part, name: "b", version: "", use: .runtime, object: ("/nix/store/b", "02")),
                    Component(.part, name: "a", version: "", use: .build, object: ("/nix/store/a", "01")),
                ])
        }
        for format in Bill.Format.allCases {
            #expect(bill("0").text(format) == bill("0").text(format))
            #expect(bill("0").text(format) != bill("1").text(format))
        }
        #expect(bill("0").components.map(\.name) == ["b", "a"])
        #expect(bill("0").limited(to: .runtime).components.map(\.name) == ["b"])
    }
}
