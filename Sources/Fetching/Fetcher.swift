import Dispatch
import Synchronization
import SystemPackage

/// Fetches files by digest: several at a time, resumed where they were left, nothing under its name before it is whole.
///
/// A file in the making is `SHA256.partial` in the target directory, a whole one `SHA256`. The process may be killed
/// at any time: the next fetch goes on from there. Copies of a fetcher share its connections. Proxies come from the environment (`http_proxy`, `https_proxy`,
/// `no_proxy`) or from `proxy`.
public struct Fetcher: Sendable {
    /// Transfers at a time.
    public var width = 6
    /// The pause before a first repetition; it doubles with each one that follows.
    public var pause: Duration = .milliseconds(500)
    /// How long a server is waited for.
    public var patience = FetchPatience()
    /// For http addresses; nil leaves it to the environment.
    public var proxy: String?

    /// Kept open from one fetch to the next.
    let connections = ConnectionPool()

    public init(proxy: String? = nil) { self.proxy = proxy }

    /// Fetches every item into `directory`, which must exist.
    ///
    /// - Parameters:
    ///   - progress: called from another thread, ten times a second at most, and once at the end.
    ///   - completed: called from that thread as soon as an item's file is whole, those there from the start
    ///     included.
    /// - Throws: `FetchError` naming every item that failed, `CancellationError`; what arrived is kept.
    public func fetch(
        _ items: [FetchItem], into directory: FilePath,
        progress: @escaping @Sendable (FetchProgress) -> Void = { _ in },
        completed: @escaping @Sendable (FetchItem, FilePath) -> Void = { _, _ in }
    ) async throws {
        let flag = CancellationFlag()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                // libcurl's loop blocks: a thread of its own keeps it off the cooperative pool.
                DispatchQueue(label: "bootferry.fetching").async {
                    continuation.resume(
                        with: Result {
                            var session = try FetchSession(
                                fetcher: self, directory: directory, progress: progress, completed: completed)
                            try session.run(items, flag: flag)
                        })
                }
            }
        } onCancel: {
            flag.isSet.store(true, ordering: .relaxed)
        }
    }
}

/// Set when the task that waits for a fetch was cancelled.
final class CancellationFlag: Sendable {
    let isSet = Atomic(false)
}
