import Diagnostics

/// A store path, digest, derivation or record that is not what Nix's rules say.
public struct StoreModelError: ExplainedError, Equatable {
    public let kind: FailureKind
    public let subject: String
    public let message: String
    public let remedy: String?

    public init(_ subject: String, _ message: String, kind: FailureKind = .corrupt, remedy: String? = nil) {
        self.kind = kind
        self.subject = subject
        self.message = message
        self.remedy = remedy
    }
}
