import Testing

@testable import DebianArchive

@Suite struct ControlStanzaTests {
    @Test func `stanzas, continuations and comments are read, and written back as they were`() throws {
        let text = """
            Package: one
            Description: short
             long line
             .
              indented

            # a comment
            Package: two
            Conffiles:
             /etc/two 0123

            """
        let stanzas = try ControlStanza.parse("\n\n" + text, source: "status")
        #expect(stanzas.map { $0["package"] } == ["one", "two"])
        #expect(stanzas[0]["Description"] == "short\nlong line\n.\n indented")
        #expect(
            stanzas.map(\.text).joined(separator: "\n") == text.replacing("# a comment\n", with: ""))
    }

    @Test(arguments: [
        (" x", "a continuation line with no field before it"),
        ("no colon", "expected `Field: value`, found `no colon`"),
        ("A: 1\na: 2", "the field `a` is given twice"), (": x", "expected `Field: value`, found `: x`"),
    ])
    func `a broken stanza is an error with its line`(text: String, message: String) {
        let error = #expect(throws: DebianArchiveError.self) { try ControlStanza.parse("\n" + text, source: "s") }
        #expect(error?.message == message)
        #expect(error?.subject.hasPrefix("s:") == true)
    }

    @Test func `the stanza of the pseudo-package reads back`() throws {
        let stanzas = try ControlStanza.parse(InstalledPseudoPackage.stanza, source: "constant")
        #expect(stanzas.count == 1)
        #expect(stanzas[0]["Provides"] == "linux-initramfs-tool")
        #expect(InstalledPseudoPackage.stanza.hasSuffix("\n\n"))
    }

    @Test func `a line of apt's printed addresses becomes a package`() throws {
        let digest = String(repeating: "0a", count: 32)
        let packages = try DebianPackage.parse(
            printedURIs: """
                Reading package lists...
                'http://m/debian/pool/main/libc/libcap2/libcap2_2.75-10%2bdeb13u1_amd64.deb' \
                libcap2_1%3a2.75-10+deb13u1_amd64.deb 28988 SHA256:\(digest)
                """)
        #expect(packages.map(\.name) == ["libcap2"])
        #expect(packages[0].version == "1:2.75-10+deb13u1")
        #expect(packages[0].architecture == "amd64")
        #expect(packages[0].uri == "http://m/debian/pool/main/libc/libcap2/libcap2_2.75-10+deb13u1_amd64.deb")
        #expect(packages[0].size == 28988)
        #expect(packages[0].sha256 == digest)
    }

    @Test(arguments: [
        "'http://m/a_1_all.deb' a_1_all.deb 5 MD5Sum:00", "'http://m/a_1_all.deb' a_1_all.deb -5 SHA256:00", "'", "''",
        "'x' a_1_all.deb 1", "'http://m/%zz' a_1_all.deb 5 SHA256:\(String(repeating: "0", count: 64))",
        "'http://m/a' a.deb 5 SHA256:\(String(repeating: "0", count: 64))",
    ])
    func `a line that apt would not print is an error`(line: String) {
        #expect(throws: DebianArchiveError.self) { try DebianPackage.parse(printedURIs: line) }
    }

    @Test func `the host's archives are known from its lists, and from what it would download`() {
        let targets = IndexTarget.parse(
            "http://m/debian\tDebian\tDebian\tbookworm\tPackages\nhttp://m/debian/\tDebian\tDebian\tbookworm\tSources\nx\n"
        )
        #expect(targets.map(\.repository) == ["http://m/debian/"])
        #expect(targets.map(\.label) == ["Debian"])
        let suites = ArchiveSuite.parse(
            printedURIs: """
                'http://m/debian/dists/bookworm/InRelease' m_debian_dists_bookworm_InRelease 0
                'http://m/debian-security/dists/bookworm-security/InRelease' m_debian-security_InRelease 0
                'http://m/debian/dists/bookworm/main/binary-amd64/Packages.xz' m_debian_Packages 0
                """)
        #expect(
            suites == [
                ArchiveSuite(root: "http://m/debian/", suite: "bookworm"),
                ArchiveSuite(root: "http://m/debian-security/", suite: "bookworm-security"),
            ])
    }
}
