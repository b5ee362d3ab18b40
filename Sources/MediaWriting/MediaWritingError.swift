import Diagnostics

/// A medium that cannot be written, or must not be.
public struct MediaWritingError: ExplainedError {
    public var kind: FailureKind
    public var subject: String
    public var message: String
    public var cause: String?
    public var remedy: String?

    public init(
        kind: FailureKind = .host, subject: String, message: String, cause: String? = nil, remedy: String? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }
}
