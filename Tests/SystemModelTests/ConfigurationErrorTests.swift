import Diagnostics
import Foundation
import SeededRandomness
import Testing

@testable import SystemModel

@Suite struct ConfigurationErrorTests {
    @Test func `one pass over a deliberately awful configuration reports everything, in words that were read`() throws {
        let folder = "Tests/SystemModelTests/Fixtures/awful"
        let error = try #require(throws: ConfigurationError.self) {
            try SystemConfiguration.read(
                "system.yaml", directory: "/", platforms: [RepositoryFiles.platform()],
                files: RepositoryFiles.reader(folder))
        }
        let expected = try String(
            contentsOf: RepositoryFiles.root.appending(path: "\(folder)/expected.txt"), encoding: .utf8)
        #expect(error.description + "\n" == expected)
        #expect(error.kind == .usage)
    }

    @Test(arguments: [
        ("version: 1\n\tx: 1\n", "a/system.yaml:2:1: a tab where YAML wants spaces"),
        (
            "version: 1\nname: 'open\n",
            "a/system.yaml:3:1: not YAML: found unexpected end of stream while scanning a quoted scalar that begins at line 2"
        ),
        ("", "a/system.yaml:1:1: the file is empty, expected a record"),
        ("# only a comment\n", "a/system.yaml:1:1: the file is empty, expected a record"),
        ("version: 1\n---\nversion: 1\n", "a/system.yaml:2:1: a second document begins here, expected one in a file"),
        ("version: 1\nname: a\u{0}b\n", "a/system.yaml:2:8: not YAML: control characters are not allowed"),
    ])
    func `broken syntax has its position`(text: String, message: String) throws {
        #expect(try complaints(text) == [message])
    }

    @Test func `bytes that are no UTF-8 have their position`() throws {
        var problems: [ConfigurationProblem] = []
        let bytes = [UInt8]("version: 1\nname: ".utf8) + [0xc3, 0x28]
        #expect(YAMLReader.read(bytes, file: "f", problems: &problems) == nil)
        #expect(problems.map(\.description) == ["f:2:7: not valid UTF-8"])
    }

    @Test func `a file over the limit and nesting without end are refused`() throws {
        #expect(
            try complaints(String(repeating: "#", count: YAMLReader.maximumSize + 1)) == [
                "a/system.yaml:1:1: the file has 1048577 bytes, expected at most 1048576"
            ])
        for opening in ["[", "{a: ", "- "] {
            let found = try complaints(
                "version: 1\nx: " + (opening == "- " ? "\n" : "") + String(repeating: opening, count: 100_000))
            #expect(found.count == 1)
            #expect(found[0].contains("nest"), "\(found)")
        }
    }

    @Test func `an alias bomb is refused before it goes off`() throws {
        var text = "version: 1\na0: &a0 [x, x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        let found = try complaints(text)
        #expect(found.contains { $0.contains("anchors (`&name`) are not read") })
        #expect(found.contains { $0.contains("aliases (`*name`) are not read") })
    }

    @Test func `a broken file among the imports hides nothing in the others`() throws {
        let found = try complaints(
            "version: 1\nimports: [b.yaml, c.yaml]\nhostnam: x\n",
            ["a/b.yaml": "version: 1\nname: 'open\n", "a/c.yaml": "version: 1\nlocale: [x]\n"])
        #expect(found.count == 3)
        #expect(found[1] == "a/c.yaml:2:9: `locale`: expected a locale, found a list")
        #expect(found[2] == "a/system.yaml:3:1: `hostnam`: unknown key; did you mean `hostname`?")
    }

    @Test func `every truncation and thousands of mutations of a configuration are read or refused, never a trap`()
        throws
    {
        let whole = [UInt8](
            try Data(
                contentsOf: RepositoryFiles.root.appending(path: "Tests/SystemModelTests/Fixtures/everything.yaml")))
        let platform = try RepositoryFiles.platform()
        func read(_ bytes: [UInt8]) {
            let configuration = try? SystemConfiguration.read("a/s.yaml", directory: "/", platforms: [platform]) { _ in
                .bytes(bytes)
            }
            _ = configuration?.resolve().rendered()
            _ = configuration?.rendered()
        }
        for count in stride(from: 0, to: whole.count, by: 3) { read(Array(whole[..<count])) }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<1500 {
            read(random.mutated(whole, most: 5, tokens: MutationTokens.yaml))
        }
    }

    @Test func `a relative system file without a folder must say its name`() throws {
        let platform = try RepositoryFiles.platform()
        let error = try #require(throws: ConfigurationError.self) {
            try SystemConfiguration.read("system.yaml", directory: "/", platforms: [platform]) { _ in
                .bytes([UInt8]("version: 1\n".utf8))
            }
        }
        #expect(
            error.description
                == "system.yaml:1:1: `name`: the key is missing, and the folder's name is not a system name")
    }
}
