import Diagnostics

/// A system that cannot be planned from its lock.
public struct PlanningError: ExplainedError {
    public var kind: FailureKind { .usage }
    public var subject: String
    public var message: String
    public var remedy: String?

    public init(subject: String, message: String, remedy: String? = nil) {
        self.subject = subject
        self.message = message
        self.remedy = remedy
    }
}
