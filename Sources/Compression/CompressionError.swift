import Diagnostics

/// A stream that is damaged, or a library that is not there.
public struct CompressionError: ExplainedError, Equatable {
    public let kind: FailureKind
    public let subject: String
    public let message: String

    init(_ subject: String, _ message: String, kind: FailureKind = .corrupt) {
        self.kind = kind
        self.subject = subject
        self.message = message
    }
}
