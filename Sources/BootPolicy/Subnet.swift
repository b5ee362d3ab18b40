import BootProtocols
import SystemModel

/// A network that a responder answers for: the interface's own, or one behind a relay.
public struct Subnet: Sendable, Equatable {
    public var network: IPv4Network
    /// What clients there ask, and what they are told their server is.
    public var serverAddress: IPv4Address
    public var lending: AddressLending
    /// False for networks that only a relay reaches.
    public var isOwn: Bool

    public init(network: IPv4Network, serverAddress: IPv4Address, lending: AddressLending, isOwn: Bool = true) {
        self.network = network
        self.serverAddress = serverAddress
        self.lending = lending
        self.isOwn = isOwn
    }

    public init(
        serverAddress: IPv4Address, prefixLength: Int, router: IPv4Address? = nil, nameServers: [IPv4Address] = [],
        leaseSeconds: Int = SiteDefaults.leaseSeconds
    ) {
        self.init(
            network: IPv4Network(containing: serverAddress, prefixLength: prefixLength), serverAddress: serverAddress,
            lending: AddressLending(router: router, nameServers: nameServers, leaseSeconds: leaseSeconds))
    }

    /// Addresses no client may have: the network's own, its broadcast's, and those of the machines named here.
    var reserved: Set<IPv4Address> {
        var reserved: Set = [serverAddress]
        reserved.formUnion(lending.nameServers)
        if let router = lending.router { reserved.insert(router) }
        // Networks of one or two machines have neither (RFC 3021).
        if network.prefixLength <= 30 { reserved.formUnion([network.address, network.broadcast]) }
        return reserved
    }

    /// The upper half of the network without its broadcast address and without the server's own; nil where it is too
    /// small or too large to choose by.
    public static func upperHalf(of network: IPv4Network, without server: IPv4Address) -> ClosedRange<IPv4Address>? {
        guard (8...29).contains(network.prefixLength) else { return nil }
        let half = network.address.value + (UInt32(1) << UInt32(32 - network.prefixLength)) / 2
        // A range is searched address by address: 65,536 are plenty.
        let last = min(network.broadcast.value - 1, half + 0xffff)
        return IPv4Address(value: half + (half == server.value ? 1 : 0))...IPv4Address(value: last)
    }
}
