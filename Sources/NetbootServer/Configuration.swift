import BootPolicy
import BootProtocols
import Diagnostics
import LinuxCalls
import OpenSSL
import SystemModel
import SystemPackage

/// What a boot server serves, where, and how. Nothing is served without a named interface.
public struct NetbootConfiguration: Sendable {
    public enum Mode: Sendable, Equatable {
        /// DHCP with addresses of this range, on a network where no other server answers.
        case full(range: ClosedRange<IPv4Address>)
        /// Boot data beside the DHCP server that is there.
        case proxy
        /// TFTP and HTTP only.
        case off
    }

    public struct Ports: Sendable, Equatable {
        public var dhcp = DHCP.serverPort
        public var proxy = DHCP.proxyPort
        public var tftp = TFTP.port
        /// 0 lets the kernel choose.
        public var http = 8080
        /// Heeded where there is a certificate; 0 lets the kernel choose.
        public var https = 8443

        public init(http: Int = 8080, https: Int = 8443, tftp: Int = TFTP.port) {
            self.http = http
            self.https = https
            self.tftp = tftp
        }
    }

    /// What one client, and all together, may take.
    public struct Limits: Sendable, Equatable {
        public var transfers = 16_384
        public var transfersPerClient = 16
        public var connections = 16_384
        public var connectionsPerClient = 64
        /// Of HTTPS: each holds what is encrypted and not yet sent.
        public var secureConnections = 4096
        /// TLS handshakes a second of one client, of which two seconds' worth may come at once.
        public var handshakesPerSecond = 50
        /// TFTP requests a second of one client, of which two seconds' worth may come at once; more are not answered.
        public var requestsPerSecond = 200
        /// Seconds without a byte before an HTTP connection is closed.
        public var idleSeconds = 60

        public init() {}

        /// The same, lowered to what so many descriptors allow: each transfer and connection takes a socket.
        func fitting(descriptors: Int) -> Limits {
            // The rest of the process: store, leases, event loops, a terminal; and the store's files, each open once for all.
            let sockets = max(0, descriptors - 256 - min(1024, descriptors / 4))
            var limits = self
            limits.transfers = min(transfers, max(16, sockets / 3))
            limits.connections = min(connections, max(16, sockets / 3 * 2))
            limits.secureConnections = min(secureConnections, limits.connections)
            return limits
        }
    }

    /// The networks, and who gets what there.
    public var site: Site
    /// The site's systems, by name.
    public var systems: [String: ServedSystem]
    public var ports: Ports
    public var templates: NetbootTemplates
    /// Where the store's objects lie: what `/nix/store` stands for in boot files.
    public var storeDirectory: FilePath
    /// Leases survive a restart here; nil forgets them.
    public var leaseDatabase: FilePath?
    /// Who has asked is kept here; nil forgets them.
    public var sightings: FilePath?
    /// The folder in which every boot's record is kept; nil forgets them.
    public var bootLog: FilePath?
    /// What may be given out of each system, where it has changed since the last call, else nil. Asked at the start and
    /// every two seconds after, on a thread that may block.
    public var generations: (@Sendable () throws -> [String: ServedGenerations]?)?
    /// What nodes get of their own; nil gives them their systems alone.
    public var provisions: NodeProvisions?
    /// Who the nodes are, where that has changed since the last call, else nil; asked as `generations` is.
    public var nodes: (@Sendable () throws -> ServedNodes?)?
    /// The administrator's page; nil for none.
    public var page: PageConfiguration?
    /// The files of a Nix binary cache, by name; nil for none of that name. It is asked on a thread that may block. Nil for no
    /// cache.
    public var binaryCache: (@Sendable (_ name: String) throws -> BootFile?)?
    /// What HTTPS is served with; nil for HTTP alone.
    public var tls: TLSServer?
    public var limits: Limits
    /// Send every TFTP transfer from the one port, for clients behind a NAT or a firewall that knows no other.
    public var tftpSinglePort = false
    /// What the process gives up, for good, once its sockets are bound; nil gives up nothing.
    public var rights: RightsGivenUp?

    public init(
        site: Site, systems: [String: ServedSystem], ports: Ports? = nil, templates: NetbootTemplates,
        storeDirectory: FilePath, leaseDatabase: FilePath? = nil, sightings: FilePath? = nil, bootLog: FilePath? = nil,
        limits: Limits = Limits()
    ) {
        self.bootLog = bootLog
        self.site = site
        self.systems = systems
        self.ports =
            ports
            ?? Ports(
                http: site.httpPort, https: site.https?.port ?? SiteDefaults.httpsPort, tftp: site.tftpPort)
        self.templates = templates
        self.storeDirectory = storeDirectory
        self.leaseDatabase = leaseDatabase
        self.sightings = sightings
        self.limits = limits
    }

    /// One interface, and one system for every machine there, or nothing for any.
    public init(
        interface: String, serverAddress: IPv4Address? = nil, mode: Mode, ports: Ports = Ports(),
        routerAdvertisements: Bool = false, isAuthoritative: Bool = false, router: IPv4Address? = nil,
        nameServers: [IPv4Address] = [], leaseSeconds: Int = 3600, uefiLoader: BootPolicy.UEFILoader = .uki,
        everyone: ServedSystem?, templates: NetbootTemplates, storeDirectory: FilePath,
        leaseDatabase: FilePath? = nil, bootLog: FilePath? = nil, limits: Limits = Limits()
    ) {
        var site = Site.serving(everyone?.manifest.system, uefiLoader: uefiLoader)
        var lending = AddressLending(router: router, nameServers: nameServers, leaseSeconds: leaseSeconds)
        let dhcp: SiteNetwork.DHCPMode
        switch mode {
        case .full(let range):
            dhcp = .full
            lending.ranges = [range]
        case .proxy: dhcp = .proxy
        case .off: dhcp = .off
        }
        site.networks = [
            SiteNetwork(
                interface: interface, address: serverAddress, dhcp: dhcp, isAuthoritative: isAuthoritative,
                lending: lending, routerAdvertisements: routerAdvertisements)
        ]
        self.init(
            site: site, systems: everyone.map { [$0.manifest.system: $0] } ?? [:], ports: ports, templates: templates,
            storeDirectory: storeDirectory, leaseDatabase: leaseDatabase, bootLog: bootLog, limits: limits)
    }
}

/// Who a site's machines are, and what they get: the part of a site that may change while its server runs.
public struct ServedNodes: Sendable {
    public var nodes: [Node]
    public var groups: [NodeGroup]
    public var unknown: UnknownMachines
    /// What nodes get of their own.
    public var provisions: NodeProvisions?

    public init(of site: Site, provisions: NodeProvisions?) {
        nodes = site.nodes
        groups = site.groups
        unknown = site.unknown
        self.provisions = provisions
    }
}

/// Why a boot server does not start, or stopped.
public typealias NetbootServerError = DomainError<NetbootServerDomain>

/// The domain of `NetbootServerError`.
public enum NetbootServerDomain: ErrorDomain {
    public static let usualKind = FailureKind.host
}

/// What a server reads from outside itself: the time and randomness, which tests replace.
public struct NetbootSurroundings: Sendable {
    /// Since the Unix epoch; it never goes back.
    public var now: @Sendable () -> Duration
    /// A new boot attempt's identifier: 1 to 32 of `0-9a-z`, never twice the same.
    public var newIdentifier: @Sendable () -> String

    public init(now: @escaping @Sendable () -> Duration, newIdentifier: @escaping @Sendable () -> String) {
        self.now = now
        self.newIdentifier = newIdentifier
    }
}
