import Foundation
import Testing

@testable import SystemModel

@Suite struct ReferenceTests {
    @Test func `docs/configuration.md is what the tables say`() throws {
        let url = RepositoryFiles.root.appending(path: "docs/configuration.md")
        if ProcessInfo.processInfo.environment["BOOTFERRY_WRITE_REFERENCE"] != nil {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(ConfigurationReference.page().utf8).write(to: url)
        }
        #expect(
            try String(contentsOf: url, encoding: .utf8) == ConfigurationReference.page(),
            "make it again: BOOTFERRY_WRITE_REFERENCE=1 swift test --filter ReferenceTests")
    }

    @Test func `the schemas are JSON with every key of the tables`() throws {
        for (text, fields) in [
            (ConfigurationReference.systemSchema(), SystemFields.table),
            (ConfigurationReference.platformSchema(), PlatformFields.table.fields),
            (ConfigurationReference.boardSchema(), BoardFields.table.fields),
            (ConfigurationReference.recipeSchema(), RecipeFields.table.fields),
            (ConfigurationReference.siteSchema(), SiteFields.table.fields),
        ] {
            let schema = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(Set(properties.keys) == Set(fields.map(\.key)))
        }
    }

    @Test func `a platform file with mistakes is refused with all of them`() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try Platform.read(
                "p.yaml", files: RepositoryFiles.texts(["p.yaml": "version: 1\nname: X\nqemu: {program: _x}\n"]))
        }
        #expect(error.problems.count == 4)
        #expect(
            error.description.contains(
                "p.yaml:3:17: `qemu.program`: expected a word (letters, digits, `_`, `-`, `.`), found `_x`"))
        let idle = try #require(throws: ConfigurationError.self) {
            try Platform.read(
                "p.yaml",
                files: RepositoryFiles.texts([
                    "p.yaml": "version: 1\nname: x\nqemu: {program: x, package: qemu, firmware: {a: {arguments: []}}}\n"
                ]))
        }
        #expect(idle.description.contains("expected `debian-architecture` or `target`, found neither"))
        let text = """
            version: 1
            name: x
            debian-architecture: x
            boots: {uefi: {architectures: [11], stub: a.stub, ipxe: a.efi}}
            loaders: {a.efi: {package: ipxe, path: a.efi}}
            qemu: {program: x, package: qemu, firmware: {a: {arguments: []}}}
            """
        let lacking = try #require(throws: ConfigurationError.self) {
            try Platform.read("p.yaml", files: RepositoryFiles.texts(["p.yaml": text]))
        }
        #expect(
            lacking.description.contains(
                "`boots.uefi.stub`: expected a name of `loaders` (`a.efi`), found `a.stub`"))
    }
}
