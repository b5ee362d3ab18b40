import Diagnostics

/// A system that cannot be planned from its lock.
public typealias PlanningError = DomainError<PlanningDomain>

/// The domain of `PlanningError`.
public enum PlanningDomain: ErrorDomain {
    public static let usualKind = FailureKind.usage
}
