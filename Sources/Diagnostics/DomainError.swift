/// What an error is of: a module, mostly. It has no values; it tells one module's errors from another's.
public protocol ErrorDomain: Sendable {
    /// What most of its errors are.
    static var usualKind: FailureKind { get }
}

/// An error with nothing but its five fields: a module names its own by a `typealias` and a domain.
public struct DomainError<Domain: ErrorDomain>: ExplainedError, Equatable {
    public var kind: FailureKind
    public var subject: String
    public var message: String
    public var cause: String?
    public var remedy: String?

    public init(
        kind: FailureKind = Domain.usualKind, subject: String, message: String, cause: String? = nil,
        remedy: String? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    /// The same, for those that are thrown in many places.
    public init(
        _ subject: String, _ message: String, kind: FailureKind = Domain.usualKind, cause: String? = nil,
        remedy: String? = nil
    ) {
        self.init(kind: kind, subject: subject, message: message, cause: cause, remedy: remedy)
    }
}
