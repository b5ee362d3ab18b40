import Diagnostics
import Fetching
import Foundation
import MediumModel
import StoreModel

/// Somebody's Nix binary cache, by its address: what it says of derivations and objects.
struct RemoteCache: Sendable {
    /// Without a slash at its end.
    let url: String
    let fetcher: Fetcher

    /// An address as a person gives it: `http://`, `https://` or `file://`, or a folder of this host.
    init(_ text: String, in folder: String, patience: FetchPatience) throws(SubstitutionError) {
        var text = text
        if text.hasPrefix("/") { text = "file://\(text)" }
        if !text.contains("://") { text = "file://\(folder)/\(text)" }
        while text.hasSuffix("/") { text.removeLast() }
        guard let scheme = ["http://", "https://", "file:///"].first(where: { text.hasPrefix($0) }),
            text.utf8.count > scheme.utf8.count, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !text.contains("?")
        else {
            throw SubstitutionError(
                "'\(text.prefix(300))'", "is no address of a binary cache", kind: .usage,
                remedy: "such as http://10.77.0.1:8080/binary-cache, https://…, file:///media/stick")
        }
        url = text
        var fetcher = Fetcher()
        fetcher.patience = patience
        fetcher.pause = .milliseconds(200)
        fetcher.width = 8
        self.fetcher = fetcher
    }

    /// Where a file of the cache is; nil for a name that leads elsewhere.
    func address(of name: String) -> String? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isWithin =
            name.utf8.count <= 500 && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"?#%\\:".utf8.contains($0) }
        return isWithin ? "\(url)/\(name)" : nil
    }

    /// Throws unless it is a cache of `/nix/store`.
    func checkInformation() async throws {
        let address = "\(url)/nix-cache-info"
        guard let bytes = try await fetcher.contents(of: [address], limit: 1 << 16)[address] else {
            throw SubstitutionError("'\(url)'", "is no binary cache: it has no nix-cache-info")
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let directory = lines.first { $0.hasPrefix("StoreDir: ") }?.dropFirst(10)
        guard let directory, directory == StorePath.directory else {
            throw SubstitutionError(
                "'\(url)'", "is a cache of '\(directory?.prefix(100) ?? "")', expected \(StorePath.directory)")
        }
    }

    /// The files' contents, by what they are of; what the cache does not have is absent.
    func contents<Subject: Hashable & Sendable>(
        of files: [Subject: String], limit: Int
    ) async throws -> [Subject: [UInt8]] {
        let addresses = files.compactMapValues { address(of: $0) }
        let found = try await fetcher.contents(of: Array(addresses.values), limit: limit)
        return addresses.compactMapValues { found[$0] }
    }
}

/// Why what others built cannot be had.
public typealias SubstitutionError = DomainError<SubstitutionDomain>

/// The domain of `SubstitutionError`.
public enum SubstitutionDomain: ErrorDomain {
    public static let usualKind = FailureKind.unreachable
}
