import Diagnostics

/// What a verb itself finds wrong; errors of the stages below pass through as they are.
typealias CommandError = DomainError<CommandDomain>

/// The domain of `CommandError`.
enum CommandDomain: ErrorDomain {
    static let usualKind = FailureKind.failed
}
