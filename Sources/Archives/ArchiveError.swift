import Diagnostics

/// An archive that could not be read.
public typealias ArchiveError = DomainError<ArchiveDomain>

/// The domain of `ArchiveError`.
public enum ArchiveDomain: ErrorDomain {
    public static let usualKind = FailureKind.corrupt
}
