import DebianArchive
import SystemModel

/// Where packages are fetched from: the roots of the Debian archives.
public struct MirrorList: Sendable, Equatable {
    /// Roots of `debian`, each ending in a slash; the first is the one that apt solves with.
    public var archive: [String]
    /// Roots of `debian-security`; empty where the mirror has none.
    public var security: [String]
    /// apt's `Acquire::http::Proxy`, where set.
    public var proxy: String?
    /// Of apt's `auth.conf`; the first that is for an address counts.
    public var credentials: [MirrorCredential]

    public init(
        archive: [String], security: [String], proxy: String? = nil, credentials: [MirrorCredential] = []
    ) {
        self.credentials = credentials
        self.archive = archive.map(Self.withSlash)
        self.security = security.map(Self.withSlash)
        self.proxy = proxy
    }

    /// The mirror that a person named: the root of `debian`, with `debian-security` beside it.
    ///
    /// `http://mirror/debian` has its security archive at `http://mirror/debian-security`; a root of another name
    /// is taken to have none.
    public init(named url: String, proxy: String? = nil, credentials: [MirrorCredential] = []) {
        let root = Self.withSlash(url)
        let security = root.hasSuffix("/debian/") ? ["\(root.dropLast(1))-security/"] : []
        self.init(archive: [root], security: security, proxy: proxy, credentials: credentials)
    }

    /// What the host's own apt uses.
    ///
    /// - Throws: `LockingError` where apt is missing or knows no Debian archive.
    public static func ofHost() async throws(LockingError) -> MirrorList {
        // Quick, and right before the first `apt update` too: Debian's archive is the one with a `-updates` suite.
        let planned = try await AptProgram.run("apt-get", ["update", "--print-uris"])
        let suites = ArchiveSuite.parse(printedURIs: planned.output).filter { $0.root.contains("debian") }
        var archive = suites.filter { $0.suite.hasSuffix("-updates") }.map(\.root)
        var security = suites.filter { $0.suite.hasSuffix("-security") }.map(\.root)
        if archive.isEmpty {
            let answer = try await AptProgram.run("apt-get", ["indextargets", "--format", IndexTarget.format])
            let targets = IndexTarget.parse(answer.output)
            archive = targets.filter { $0.label == "Debian" }.map(\.repository)
            security = targets.filter { $0.label == "Debian-Security" }.map(\.repository)
        }
        let isFetchable = { (root: String) in ["http://", "https://", "file:/"].contains { root.hasPrefix($0) } }
        archive = archive.filter(isFetchable)
        security = security.filter(isFetchable)
        guard !archive.isEmpty else {
            throw LockingError(
                .noMirror, "apt", "the host's configuration names no Debian archive",
                remedy: "name one: --mirror http://MIRROR/debian")
        }
        return MirrorList(
            archive: unique(archive), security: unique(security),
            proxy: try await hostProxy(), credentials: try await hostCredentials())
    }

    /// apt's proxy for http, where the host configures one.
    public static func hostProxy() async throws(LockingError) -> String? {
        let answer = try await AptProgram.run("apt-config", ["dump", "--format", "%v%n", "Acquire::http::Proxy"])
        let first = answer.output.split(separator: "\n").first.map(String.init)
        return first.flatMap { $0.hasPrefix("http") ? $0 : nil }
    }

    /// The logins for mirrors that the host's apt has.
    public static func hostCredentials() async throws(LockingError) -> [MirrorCredential] {
        try await MirrorCredential.ofHost()
    }

    /// Where a file of the pool may be had, the likeliest first; empty when no mirror has its archive.
    public func urls(archive name: String, poolPath: String) -> [String] {
        (name == "debian-security" ? security : archive).map { $0 + Self.percentEncoded(poolPath) }
    }

    /// The archive and the path in it that an address of apt's means; nil for an address outside the mirrors.
    func location(of uri: String) -> (archive: String, path: String)? {
        for (name, roots) in [("debian-security", security), ("debian", archive)] {
            for root in roots where uri.hasPrefix(root) { return (name, String(uri.dropFirst(root.count))) }
        }
        return nil
    }

    private static func withSlash(_ url: String) -> String { url.hasSuffix("/") ? url : url + "/" }

    private static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }

    /// RFC 3986: all but unreserved characters and the slash escaped.
    private static func percentEncoded(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }
}
