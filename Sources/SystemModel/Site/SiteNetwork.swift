import BootProtocols
import Diagnostics

/// One interface that a site serves on, and what its clients are told.
public struct SiteNetwork: Sendable, Equatable {
    public enum DHCPMode: String, Sendable, CaseIterable {
        /// A proxy where another DHCP server answers, else full.
        case auto
        /// Gives out addresses; refused where another server answers, unless authoritative.
        case full
        /// Boot data beside the DHCP server that is there.
        case proxy
        /// TFTP and HTTP only.
        case off
    }

    public var interface: String
    /// Where it was written.
    public var position: SourcePosition
    /// Nil takes the interface's first address.
    public var address: IPv4Address?
    public var dhcp: DHCPMode
    /// Be a full server even where another one answers.
    public var isAuthoritative: Bool
    /// What a machine on the interface's own network gets.
    public var lending: AddressLending
    /// Answer IPv6 router solicitations with "no router here"; never as a proxy.
    public var routerAdvertisements: Bool
    /// Networks whose DHCP relay sends its requests here.
    public var relayed: [RelayedNetwork]
    /// Boot over IPv6 too, with addresses of this network; nil leaves IPv6 alone.
    public var ipv6Prefix: IPv6Prefix?

    public init(
        interface: String, position: SourcePosition = .init(file: "", line: 0, column: 0), address: IPv4Address? = nil,
        dhcp: DHCPMode = .auto, isAuthoritative: Bool = false, lending: AddressLending = AddressLending(),
        routerAdvertisements: Bool = false, relayed: [RelayedNetwork] = [], ipv6Prefix: IPv6Prefix? = nil
    ) {
        self.interface = interface
        self.position = position
        self.address = address
        self.dhcp = dhcp
        self.isAuthoritative = isAuthoritative
        self.lending = lending
        self.routerAdvertisements = routerAdvertisements
        self.relayed = relayed
        self.ipv6Prefix = ipv6Prefix
    }
}

/// A network behind a relay (RFC 1542): chosen by the relay's address in `giaddr`.
public struct RelayedNetwork: Sendable, Equatable {
    public var network: IPv4Network
    public var position: SourcePosition
    public var lending: AddressLending

    public init(
        network: IPv4Network, position: SourcePosition = .init(file: "", line: 0, column: 0), lending: AddressLending
    ) {
        self.network = network
        self.position = position
        self.lending = lending
    }
}

/// The addresses of one network, and what goes with each.
public struct AddressLending: Sendable, Equatable {
    /// Sorted, apart from each other. Empty: the upper half of the interface's network, or none behind a relay.
    public var ranges: [ClosedRange<IPv4Address>]
    public var router: IPv4Address?
    public var nameServers: [IPv4Address]
    public var domain: String?
    public var leaseSeconds: Int

    public init(
        ranges: [ClosedRange<IPv4Address>] = [], router: IPv4Address? = nil, nameServers: [IPv4Address] = [],
        domain: String? = nil, leaseSeconds: Int = SiteDefaults.leaseSeconds
    ) {
        self.ranges = ranges
        self.router = router
        self.nameServers = nameServers
        self.domain = domain
        self.leaseSeconds = leaseSeconds
    }
}
