import ArgumentParser
import OpenSSL
import SystemModel

/// HTTPS for one system on the command line; a site file says the same with keys of these names.
struct QuickHTTPSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve HTTPS too: a PEM file with the server's certificate and those that vouch for it.", valueName: "file")
    )
    var httpsCertificate: String?
    @Option(help: ArgumentHelp("The certificate's private key in PEM; the same file by default.", valueName: "file"))
    var httpsKey: String?
    @Option(help: ArgumentHelp("The port for HTTPS; 8443 by default.", valueName: "port"))
    var httpsPort: Int?
    @Flag(help: "Name https URLs to UEFI HTTP Boot, whose firmware must then trust the certificate.")
    var https = false

    var given: [(String, Bool)] {
        [
            ("--https-certificate", httpsCertificate != nil), ("--https-key", httpsKey != nil),
            ("--https-port", httpsPort != nil), ("--https", https),
        ]
    }

    func validate() throws {
        if httpsCertificate == nil, let option = given.first(where: \.1)?.0 {
            throw ValidationError("there is no HTTPS without --https-certificate, which \(option) needs")
        }
        if let httpsPort, !(1...65535).contains(httpsPort) {
            throw ValidationError("--https-port takes a number from 1 to 65535, found \(httpsPort)")
        }
    }

    /// What the site file would say.
    func settings(beside httpPort: Int) throws -> SiteHTTPS? {
        guard let httpsCertificate else { return nil }
        func file(_ path: String) -> SiteHTTPS.File {
            .init(path: path, position: .init(file: path, line: 1, column: 1))
        }
        let port = httpsPort ?? SiteDefaults.httpsPort
        guard port != httpPort else {
            throw ValidationError("\(port) is the port for HTTP, too: choose an --https-port")
        }
        return SiteHTTPS(port: port, certificate: file(httpsCertificate), key: file(httpsKey ?? httpsCertificate))
    }
}

extension SiteSource {
    /// The largest certificate or key file that is read, in bytes.
    private static let largestPEM = 1 << 20

    /// What HTTPS is served with, its files read now; nil where the site has none.
    static func tls(for site: Site) throws -> TLSServer? {
        guard let https = site.https else { return nil }
        let certificate = try content(of: https.certificate, "https-certificate")
        let key = try content(of: https.key, "https-key")
        // OpenSSL's own word for this is "unsupported".
        guard String(decoding: key, as: UTF8.self).contains("PRIVATE KEY-----") else {
            throw problem(https.key, "https-key", "expected a private key in PEM, found none")
        }
        do {
            return try TLSServer(certificate: certificate, key: key)
        } catch {
            switch error {
            case .certificate(let reason): throw problem(https.certificate, "https-certificate", reason)
            case .key(let reason): throw problem(https.key, "https-key", reason)
            }
        }
    }

    private static func content(of file: SiteHTTPS.File, _ key: String) throws -> [UInt8] {
        do {
            _ = try HostFiles.regularFile(file.path)
        } catch let error as CommandError {
            throw problem(file, key, error.cause ?? error.message)
        }
        switch HostFiles.content(file.path, limit: largestPEM) {
        case .bytes(let bytes):
            guard bytes.count <= largestPEM else { throw problem(file, key, "over \(largestPEM) bytes") }
            return bytes
        case .missing: throw problem(file, key, "no such file")
        case .unreadable(let reason): throw problem(file, key, reason)
        }
    }

    private static func problem(_ file: SiteHTTPS.File, _ key: String, _ reason: String) -> CommandError {
        CommandError(kind: .usage, subject: "\(file.position)", message: "`\(key)`: `\(file.path)`: \(reason)")
    }
}
