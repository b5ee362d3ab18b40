import Diagnostics

/// A build that did not succeed.
public typealias BuildError = DomainError<BuildDomain>

/// The domain of `BuildError`.
public enum BuildDomain: ErrorDomain {
    public static let usualKind = FailureKind.failed
}
