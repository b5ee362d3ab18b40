import Diagnostics

/// A name and its password, for HTTP's basic authentication (RFC 7617).
public struct FetchCredential: Sendable, Equatable {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}

/// One file to fetch, known by its digest.
public struct FetchItem: Sendable, Equatable {
    /// For messages: a package's name.
    public var name: String
    /// Where it may be had (http, https, file), the likeliest first.
    public var urls: [String]
    /// Bytes.
    public var size: Int
    /// Lower-case hexadecimal, 64 digits.
    public var sha256: String

    /// What says the size and digest, for messages.
    public var pledge = "what is locked"

    /// Who fetches, by address, where a mirror asks for it; sent to that host alone, not where it redirects to.
    public var credentials: [String: FetchCredential]

    public init(
        name: String, urls: [String], size: Int, sha256: String, credentials: [String: FetchCredential] = [:]
    ) {
        self.name = name
        self.urls = urls
        self.credentials = credentials
        self.size = size
        self.sha256 = sha256
    }

    /// As the first address calls it.
    var fileName: Substring? { urls.first?.split(separator: "/").last }
}

/// How far a fetch has come.
public struct FetchProgress: Sendable, Equatable {
    /// Bytes that need no fetching any more: those of finished files, of partial ones, and received now.
    public var bytes: Int
    /// Bytes of all files.
    public var totalBytes: Int
    /// Files that are whole.
    public var files: Int
    /// Files in all.
    public var totalFiles: Int
}

/// Why one file or several could not be fetched.
public struct FetchError: JoinableError {
    /// Kinds of failure that callers tell apart.
    public enum Code: Sendable {
        /// No mirror has the file any more.
        case notFound
        /// Every mirror's bytes are other ones than those locked.
        case corrupt
        case unreachable
        /// The disk refused the bytes.
        case disk
        case failed
    }

    /// Which kind.
    public let code: Code
    public let subject: String
    public let message: String
    public let cause: String?
    public let remedy: String?

    init(_ code: Code, _ subject: String, _ message: String, cause: String? = nil, remedy: String? = nil) {
        self.code = code
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    /// How many failures are told of in their own words.
    private static let shownFailures = 20

    /// Several failures as one, in the words of each.
    public init(joining failures: [FetchError]) {
        guard failures.count > 1, let first = failures.first else {
            self = failures.first ?? FetchError(.failed, "", "nothing failed")
            return
        }
        code = first.code
        let more = failures.count > Self.shownFailures ? ["…"] : []
        let shown = failures.prefix(Self.shownFailures)
        subject = (Self.unique(shown.map(\.subject)) + more).joined(separator: ", ")
        message = "\(failures.count) files could not be fetched"
        cause = (shown.map { "\($0.subject): \($0.message)" } + more).joined(separator: "\n    ")
        let missing = Self.unique(failures.filter { $0.code == .notFound }.map(\.subject))
        remedy = missing.isEmpty ? first.remedy : Self.newLock(for: missing)
    }

    /// What to do about packages that are gone: a system's are locked by name, those of recipes all at once.
    static func newLock(for names: [String]) -> String {
        "bootferry lock --update \(names.joined(separator: " ")); for recipes: bootferry recipe lock --update"
    }

    /// A source package is several files of one name.
    private static func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    public var kind: FailureKind {
        switch code {
        case .notFound: .failed
        case .corrupt: .corrupt
        case .unreachable: .unreachable
        case .disk: .host
        case .failed: .failed
        }
    }
}
