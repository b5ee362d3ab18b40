import BinaryCaches
import Building
import Fetching
import Foundation
import ImageAssembly
import PackageLocking
import StoreModel
import SystemPackage

/// Realises plans in a workspace, with whatever must be fetched from a mirror.
struct PlanRunner: Sendable {
    let workspace: Workspace
    let mirror: MirrorOptions
    /// Whether what failed builds worked in stays.
    var keepsFailed = false
    /// Asked for what others built.
    var substituters: [CacheSubstituter] = []

    /// Asked once: it is read from the control group's files.
    private static let processors = ProcessInfo.processInfo.activeProcessorCount

    /// Builds, with progress on the terminal.
    func realise(_ plan: BuildPlan) async throws -> StorePath {
        try await withProgress { try await $0.realise(plan) }
    }

    /// Builds what the plan's target takes in, with progress on the terminal; see `Realiser.prepare`.
    func prepare(_ plan: BuildPlan) async throws -> Derivation {
        try await withProgress { try await $0.prepare(plan) }
    }

    private func withProgress<Value>(_ body: (Realiser) async throws -> Value) async throws -> Value {
        let progress = BuildProgress(terminal: workspace.terminal)
        defer {
            progress.finish()
            for line in substituters.compactMap(\.summary) { workspace.terminal.message(line) }
        }
        return try await body(
            realiser {
                progress.show($0)
            } onBytes: {
                progress.fetched($0)
            })
    }

    func realiser(
        events: @escaping @Sendable (BuildEvent) -> Void, onBytes: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> Realiser {
        let mirrors = MirrorsOnce(options: mirror)
        var builders = imageBuilders
        builders["builtin:fetch"] =
            mirror.offline
            ? OfflineFetchBuilder()
            : FetchBuilder(
                directory: workspace.store.directory.path.appending("fetch"),
                mirrors: { try await mirrors.source(archive: $0, poolPath: $1) }, onBytes: onBytes)
        // One more than there are cores: a build waits for the disk to sync what it made for a tenth of its time.
        var realiser = Realiser(
            store: workspace.store, builders: builders,
            width: .init(fetches: 6, builds: Self.processors + 1), onEvent: events)
        realiser.keepsFailed = keepsFailed
        realiser.substituters = substituters
        return realiser
    }
}

/// The mirrors, asked of apt when the first file must be fetched, and once.
private actor MirrorsOnce {
    let options: MirrorOptions
    private var list: Task<MirrorList, any Error>?

    init(options: MirrorOptions) { self.options = options }

    func source(archive: String, poolPath: String) async throws -> FetchSource {
        let task = list ?? Task { [options] in try await options.list() }
        list = task
        let mirrors = try await task.value
        let urls = mirrors.urls(archive: archive, poolPath: poolPath)
        let credentials = urls.compactMap { url in
            mirrors.credentials.first { $0.isFor(url) }.map {
                (url, FetchCredential(user: $0.login, password: $0.password))
            }
        }
        return FetchSource(
            urls: urls, proxy: mirrors.proxy,
            credentials: Dictionary(credentials, uniquingKeysWith: { first, _ in first }))
    }
}
