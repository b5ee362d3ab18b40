import Diagnostics

/// A system of which no bootable medium can be made.
public typealias BootMediaError = DomainError<BootMediaDomain>

/// The domain of `BootMediaError`.
public enum BootMediaDomain: ErrorDomain {
    public static let usualKind = FailureKind.usage
}
