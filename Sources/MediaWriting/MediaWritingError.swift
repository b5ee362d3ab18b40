import Diagnostics

/// A medium that cannot be written, or must not be.
public typealias MediaWritingError = DomainError<MediaWritingDomain>

/// The domain of `MediaWritingError`.
public enum MediaWritingDomain: ErrorDomain {
    public static let usualKind = FailureKind.host
}
