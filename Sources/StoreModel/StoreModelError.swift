import Diagnostics

/// A store path, digest, derivation or record that is not what Nix's rules say.
public typealias StoreModelError = DomainError<StoreModelDomain>

/// The domain of `StoreModelError`.
public enum StoreModelDomain: ErrorDomain {
    public static let usualKind = FailureKind.corrupt
}
