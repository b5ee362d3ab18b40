import StoreModel
import SystemModel

extension BuildPlan {
    /// A plan that only fetches, each file by its digest; it has no target.
    public init(fetching packages: [LockedPackage]) throws {
        var draft = PlanDraft()
        for package in packages { _ = try draft.fetch(package) }
        self = draft.plan
    }
}
