import BootPolicy
import BootProtocols
import Dispatch
import Logging

/// A Nix binary cache below `/binary-cache/`, read only.
///
/// Its answers are made one after the other on a thread of their own: what asks a disk must not hold up a machine that boots.
final class OfferedCache: Sendable {
    static let prefix = "/binary-cache/"

    private let file: @Sendable (String) throws -> BootFile?
    private let queue = DispatchQueue(label: "bootferry.binary-cache")

    init(_ file: @escaping @Sendable (String) throws -> BootFile?) { self.file = file }

    /// Gives the answer to a request for a path that begins with `prefix`.
    func answer(
        _ request: HTTP.Request, _ path: String, logger: Logger, _ give: @escaping @Sendable (HTTPResponse) -> Void
    ) {
        queue.async { [file] in
            do {
                guard let found = try file(String(path.dropFirst(Self.prefix.utf8.count))) else {
                    return give(.plain(404, "the cache has no such file\n"))
                }
                give(HTTPResponder.give(found, ofAttempt: BootFileName.noAttempt, path, request))
            } catch {
                // What it says is for who runs the server.
                logger.warning("the binary cache cannot answer", metadata: ["file": "\(path)", "error": "\(error)"])
                give(.plain(500, "the cache cannot answer\n"))
            }
        }
    }
}
