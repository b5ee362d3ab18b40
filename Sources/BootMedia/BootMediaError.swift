import Diagnostics

/// A system of which no bootable medium can be made.
public struct BootMediaError: ExplainedError {
    public var kind: FailureKind
    public var subject: String
    public var message: String
    public var cause: String?
    public var remedy: String?

    public init(
        kind: FailureKind = .usage, subject: String, message: String, cause: String? = nil, remedy: String? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }
}
