import Foundation
import OpenSSL
import Testing

/// What may be given as certificate and key, and what is said of the rest.
@Suite(.enabled(if: Laboratory.finds(["openssl"]), "needs openssl"))
struct TLSServerTests {
    /// What OpenSSL makes with a command line in a folder of its own: the files' contents, by name.
    private static func made(_ script: String) throws -> [String: [UInt8]] {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "bootferry-tls-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let done = try Laboratory.run("bash", ["-c", "cd \(folder.path) && \(script)"])
        try #require(done.status == 0, "\(done.output)")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).reduce(into: [:]) {
            $0[$1] = Array(try Data(contentsOf: folder.appending(path: $1)))
        }
    }

    private static let both = """
        openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 9 -subj /CN=x \
            -addext subjectAltName=IP:10.77.0.1,IP:fd00:77::1 2>/dev/null
        """

    private static func refusal(_ certificate: [UInt8], _ key: [UInt8]) -> TLSServer.Refusal? {
        do {
            _ = try TLSServer(certificate: certificate, key: key)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a certificate tells whom it is made out to, and when it holds`() throws {
        let files = try Self.made(Self.both)
        let server = try TLSServer(
            certificate: try #require(files["certificate"]), key: try #require(files["key"]))
        #expect(server.isFor(address: [10, 77, 0, 1]) && !server.isFor(address: [10, 77, 0, 2]))
        #expect(server.isFor(address: [0xfd, 0, 0, 0x77] + [UInt8](repeating: 0, count: 11) + [1]))
        let now = Int(Date().timeIntervalSince1970)
        #expect(server.validity(at: now + 60) == .valid)
        #expect(server.validity(at: now - 86400) == .notYet && server.validity(at: now + 10 * 86400) == .over)
    }

    @Test func `certificate and key may share a file, and a chain may follow`() throws {
        let files = try Self.made("\(Self.both); cat key certificate certificate >all")
        let all = try #require(files["all"])
        #expect(Self.refusal(all, all) == nil)
    }

    @Test func `what does not serve is refused in words, and nobody is asked for a passphrase`() throws {
        let files = try Self.made(
            """
            \(Self.both); openssl genrsa -out other 2048 2>/dev/null
            openssl rsa -in key -aes128 -passout pass:secret -out locked 2>/dev/null
            openssl req -x509 -newkey rsa:1024 -nodes -keyout weak-key -out weak -days 9 -subj /CN=x 2>/dev/null
            """)
        func file(_ name: String) throws -> [UInt8] { try #require(files[name]) }
        let (certificate, key) = (try file("certificate"), try file("key"))
        #expect(Self.refusal([], key) == .certificate("expected a certificate in PEM, found none"))
        #expect(Self.refusal(key, key) == .certificate("expected a certificate in PEM, found none"))
        guard case .key = Self.refusal(certificate, certificate) else {
            Issue.record("a certificate was taken for a key")
            return
        }
        #expect(
            Self.refusal(certificate, try file("locked")) == .key("the key has a passphrase, which nobody is asked for")
        )
        #expect(Self.refusal(certificate, try file("other")) == .key("key values mismatch"))
        #expect(Self.refusal(try file("weak"), try file("weak-key")) == .certificate("ee key too small"))
        var broken = certificate
        broken[200] ^= 0x11
        guard case .certificate = Self.refusal(broken, key) else {
            Issue.record("a broken certificate was taken")
            return
        }
        let many = [[UInt8]](repeating: certificate, count: 17).flatMap(\.self)
        #expect(Self.refusal(many, key) == .certificate("more than 16 certificates"))
    }
}
