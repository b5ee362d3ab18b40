import Diagnostics

/// A stream that is damaged, or a library that is not there.
public typealias CompressionError = DomainError<CompressionDomain>

/// The domain of `CompressionError`.
public enum CompressionDomain: ErrorDomain {
    public static let usualKind = FailureKind.corrupt
}
