import BootPolicy
import BootProtocols
import LinuxCalls
import NIOPosix
import SystemModel

/// A network of the site on this host: its interface found, its address and ranges known, `auto` decided.
struct SettledNetwork: Sendable {
    var written: SiteNetwork
    var interface: NetworkInterface
    var address: IPv4Address
    /// An address within the site's IPv6 prefix, where there is one.
    var ipv6: (prefix: IPv6Prefix, address: IPv6Address)?
    /// The interface's own first, then those behind relays.
    var subnets: [Subnet]
    /// Full, proxy or off.
    var dhcp: SiteNetwork.DHCPMode
    /// The server that `auto` found.
    var otherServer: IPv4Address?

    var mac: MACAddress? { interface.hardwareAddress.flatMap(MACAddress.init(bytes:)) }

    /// - Throws: `NetbootServerError` where the interface is missing, down or without an address, where a range is not in
    ///   its network, and where a full server would disturb another.
    init(_ written: SiteNetwork, pool: NIOThreadPool, now: @escaping @Sendable () -> Duration) async throws {
        self.written = written
        interface = try Self.find(written.interface)
        guard let found = interface.address else {
            throw NetbootServerError(
                subject: "interface \"\(interface.name)\"", message: "has no IPv4 address to serve from",
                remedy: "give it one: ip address add 10.77.0.1/24 dev \(interface.name)")
        }
        address = written.address ?? IPv4Address(value: found.value)
        dhcp = written.dhcp
        if let prefix = written.ipv6Prefix {
            guard
                let own = try interface.address(in: Array(prefix.address.bytes.prefix(8))).flatMap(
                    IPv6Address.init(bytes:))
            else {
                throw NetbootServerError(
                    subject: "interface \"\(interface.name)\"",
                    message: "has no address in its `ipv6-prefix` \(prefix)",
                    remedy: "give it one: ip address add \(prefix.address)1/64 dev \(interface.name)")
            }
            ipv6 = (prefix, own)
        }
        let own = IPv4Network(containing: address, prefixLength: found.prefixLength)
        subnets = [Subnet(network: own, serverAddress: address, lending: written.lending)]
        subnets += written.relayed.map {
            Subnet(network: $0.network, serverAddress: address, lending: $0.lending, isOwn: false)
        }
        try checkRanges(own)
        if let mac, dhcp == .auto || (dhcp == .full && !written.isAuthoritative) {
            let (name, address) = (interface.name, address)
            otherServer = try await pool.runIfActive {
                try DHCPProbe.run(
                    interface: name, mac: mac, address: address,
                    transaction: UInt32(truncatingIfNeeded: Int64(now() / .microseconds(1))), now: now)
            }
        }
        if let otherServer, dhcp == .full {
            throw NetbootServerError(
                subject: "interface \"\(interface.name)\"",
                message: "another DHCP server answers there: \(otherServer)",
                remedy: "serve beside it as a proxy, or stop it; `authoritative` serves all the same")
        }
        if dhcp == .auto { dhcp = otherServer == nil ? .full : .proxy }
        if dhcp == .full, subnets[0].lending.ranges.isEmpty, written.relayed.isEmpty {
            guard let range = Subnet.upperHalf(of: own, without: address) else {
                throw NetbootServerError(
                    kind: .usage, subject: "interface \"\(interface.name)\"",
                    message: "its network \(own) has no room to choose a range by itself", remedy: "name the range")
            }
            subnets[0].lending.ranges = [range]
        }
    }

    private static func find(_ name: String) throws -> NetworkInterface {
        guard !name.isEmpty else {
            throw NetbootServerError(
                kind: .usage, subject: "", message: "no network interface was named, so nothing is served",
                remedy: "name one: --interface eth1")
        }
        let interface = try NetworkInterface(named: name)
        guard interface.isUp else {
            throw NetbootServerError(
                subject: "interface \"\(interface.name)\"", message: "is down",
                remedy: "ip link set \(interface.name) up")
        }
        return interface
    }

    private func checkRanges(_ own: IPv4Network) throws {
        guard dhcp == .full || dhcp == .auto else { return }
        for range in written.lending.ranges {
            for end in [range.lowerBound, range.upperBound] where !own.contains(end) {
                throw NetbootServerError(
                    kind: .usage, subject: "range \(range.lowerBound)-\(range.upperBound)",
                    message: "\(end) is not in the network \(own) of \"\(interface.name)\"")
            }
        }
        for relayed in written.relayed where relayed.network.overlaps(own) {
            throw NetbootServerError(
                kind: .usage, subject: "relayed network \(relayed.network)",
                message: "overlaps \(own), the network of \"\(interface.name)\" itself")
        }
    }

    /// DHCPv6, where the site asks for it and the interface is Ethernet.
    var responder6: DHCPv6Responder? {
        guard let (prefix, address) = ipv6, let mac else { return nil }
        return DHCPv6Responder(
            prefix: prefix, serverAddress: address, card: mac, leaseSeconds: written.lending.leaseSeconds)
    }
}
