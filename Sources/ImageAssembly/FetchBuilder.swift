import Building
import Fetching
import Glibc
import StoreModel
import SystemPackage

/// Where a file may be had, and how the mirrors are reached.
public struct FetchSource: Sendable {
    /// The likeliest first.
    public var urls: [String]
    /// For http addresses.
    public var proxy: String?
    /// By address, where a mirror asks for one.
    public var credentials: [String: FetchCredential]

    public init(urls: [String], proxy: String?, credentials: [String: FetchCredential] = [:]) {
        self.urls = urls
        self.proxy = proxy
        self.credentials = credentials
    }
}

/// `builtin:fetch`: a file by digest, from whatever mirror has it.
///
/// Environment: `archive` and `poolPath` (where a mirror has it), `size`, `package` (for messages).
public struct FetchBuilder: Builder {
    /// Where partial files wait to be resumed.
    public var directory: FilePath
    /// Asked for only when something must be fetched.
    public var mirrors: @Sendable (_ archive: String, _ poolPath: String) async throws -> FetchSource
    /// Bytes that arrived since the last call.
    public var onBytes: @Sendable (Int) -> Void
    /// One for all packages, so that they share connections.
    private let fetcher = Fetcher()

    public init(
        directory: FilePath, mirrors: @escaping @Sendable (String, String) async throws -> FetchSource,
        onBytes: @escaping @Sendable (Int) -> Void
    ) {
        self.directory = directory
        self.mirrors = mirrors
        self.onBytes = onBytes
    }

    public func build(_ request: BuildRequest) async throws {
        guard let digest = request.derivation.outputHash?.digest, let size = Int(try request.require("size")) else {
            throw BuildError(subject: request.derivation.name, message: "has no digest or size to fetch by")
        }
        let source = try await mirrors(request.require("archive"), request.require("poolPath"))
        let item = FetchItem(
            name: try request.require("package"), urls: source.urls, size: size, sha256: digest.hex,
            credentials: source.credentials)
        var fetcher = fetcher
        fetcher.proxy = source.proxy
        if mkdir(directory.string, 0o755) != 0, errno != EEXIST {
            throw Tree.failure(directory, "could not be made")
        }
        let counter = ByteCounter(onBytes)
        try await fetcher.fetch([item], into: directory, progress: { counter.reached($0.bytes) })
        let fetched = directory.appending(digest.hex)
        guard rename(fetched.string, request.output.string) == 0 else {
            throw Tree.failure(fetched, "could not be moved to '\(request.output)'")
        }
    }
}
