import Building
import Diagnostics
import StoreModel

/// `builtin:fetch` where nothing may be fetched: what is not in the store is an error that names it.
struct OfflineFetchBuilder: Builder {
    func build(_ request: BuildRequest) async throws { throw AbsentFiles([request.derivation]) }
}

/// Files of an archive that are not in the store, and that nobody may fetch.
struct AbsentFiles: JoinableError {
    /// Of `builtin:fetch`.
    private let derivations: [Derivation]
    private let howToGet: String

    init(
        _ derivations: [Derivation],
        remedy: String = "import a medium that was exported --with-sources, or run 'bootferry fetch' with a network"
    ) {
        self.derivations = derivations.sorted { $0.name < $1.name }
        howToGet = remedy
    }

    init(joining errors: [AbsentFiles]) {
        self.init(
            errors.flatMap(\.derivations), remedy: errors.first?.howToGet ?? "run 'bootferry fetch' with a network")
    }

    var kind: FailureKind { .failed }
    var subject: String {
        derivations.count == 1 ? "'\(derivations[0].name)'" : "\(derivations.count) files"
    }
    var message: String { "not in the store, and nothing may be fetched" }
    /// Each with what it is known by.
    var cause: String? {
        derivations.map { derivation in
            let size = derivation.environment["size"].map { ", \($0) bytes" } ?? ""
            let digest = derivation.outputHash.map { ", sha256 \($0.digest.hex)" } ?? ""
            return "\(derivation.name)\(size)\(digest)"
        }.joined(separator: "\n    ")
    }
    var remedy: String? { howToGet }
}
