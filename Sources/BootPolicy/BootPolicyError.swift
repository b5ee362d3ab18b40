import Diagnostics

/// A system or template that no firmware could be given.
public typealias BootPolicyError = DomainError<BootPolicyDomain>

/// The domain of `BootPolicyError`.
public enum BootPolicyDomain: ErrorDomain {
    public static let usualKind = FailureKind.usage
}
