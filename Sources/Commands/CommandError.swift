import Diagnostics

/// What a verb itself finds wrong; errors of the stages below pass through as they are.
struct CommandError: ExplainedError {
    var kind: FailureKind = .failed
    var subject: String
    var message: String
    var cause: String?
    var remedy: String?
}
