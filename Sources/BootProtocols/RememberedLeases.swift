/// What a lease database holds: the leases of every range that a server lends from.
public struct RememberedLeases: Codable, Equatable, Sendable {
    public var version: Int?
    public var leases: [Leases.Lease]

    public init(_ leases: [Leases.Lease]) {
        version = 1
        self.leases = leases
    }
}
