import Foundation
import Testing

@testable import PackageLocking

@Suite struct MirrorCredentialTests {
    /// Those of apt_auth.conf(5), for `https://example.org/debian`.
    @Test(arguments: [
        ("example.org", true), ("example.org/deb", true), ("example.org/debian", true), ("example.org/debian/", true),
        ("https://example.org", true), ("http://example.org", false), ("example.org:443", false),
        ("example.org/deb/", false), ("example.org/ubuntu", false), ("example.orga", false), ("example.net", false),
    ])
    func `an entry is for the addresses that the manual says`(machine: String, isFor: Bool) {
        let entries = MirrorCredential.parse("machine \(machine) login apt password debian")
        #expect(entries.map { $0.isFor("https://example.org/debian/pool/x") } == [isFor])
    }

    @Test func `words stand in any lines, and an entry without a protocol is not sent in the clear`() {
        let entries = MirrorCredential.parse(
            """
            # ours
            machine example.org
              login apt
              password p#1 # not a part
            default machine http://[::1]:8080/debian login b password c
            machine nobody.example password x
            machine
            """)
        #expect(entries.map(\.login) == ["apt", "b"])
        #expect(entries.map(\.password) == ["p#1", "c"])
        #expect(!entries[0].isFor("http://example.org/debian/pool/x"))
        #expect(entries[0].isFor("https://example.org:8443/debian/pool/x"))
        #expect(entries[1].isFor("http://[::1]:8080/debian/pool/x"))
        #expect(!entries[1].isFor("http://[::1]:8081/debian/pool/x"))
    }
}
