import Testing

@testable import DebianArchive

struct SourceStanzaTests {
    private static let text = """
        Package: hello
        Version: 1:2.10-3
        Directory: pool/updates/main/h/hello
        Files:
         d41d8cd98f00b204e9800998ecf8427e 10 hello_2.10-3.dsc
        Checksums-Sha256:
         \(String(repeating: "a", count: 64)) 10 hello_2.10-3.dsc
         \(String(repeating: "b", count: 64)) 20 hello_2.10.orig.tar.gz
        """

    private func read(_ text: String) throws -> SourceStanza {
        try SourceStanza(#require(ControlStanza.parse(text, source: "test").first))
    }

    @Test func `name, version, place and files are read`() throws {
        let source = try read(Self.text)
        #expect(source.name == "hello" && source.version == "1:2.10-3")
        #expect(source.directory == "pool/updates/main/h/hello")
        #expect(source.files.map(\.name) == ["hello_2.10-3.dsc", "hello_2.10.orig.tar.gz"])
        #expect(source.files.map(\.size) == [10, 20])
        #expect(source.files[1].sha256 == String(repeating: "b", count: 64))
    }

    @Test(arguments: [
        ("Version: 1:2.10-3", "Version: a b"), ("Directory: pool/updates/main/h/hello", "Directory: ../x"),
        ("Directory: pool/updates/main/h/hello", "Directory: /etc"), (" 20 hello_2.10.orig.tar.gz", " 20 ../hello"),
        (" 20 hello_2.10.orig.tar.gz", " 20 a/b"), (" 20 hello_2.10.orig.tar.gz", " -1 hello"),
        (" 20 hello_2.10.orig.tar.gz", " 20"), ("bbbbbbbb", "xbbbbbbb"), ("Package: hello", "Source: hello"),
        ("Checksums-Sha256", "Checksums-Sha1"),
    ])
    func `anything else is refused`(_ found: String, _ spoiled: String) {
        #expect(throws: DebianArchiveError.self) { try read(Self.text.replacing(found, with: spoiled)) }
    }
}
