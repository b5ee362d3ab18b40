import BootPolicy
import BootProtocols
import Diagnostics
import LinuxCalls
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

        public init(http: Int = 8080, tftp: Int = TFTP.port) {
            self.http = http
            self.tftp = tftp
        }
    }

    /// What one client, and all together, may take.
    public struct Limits: Sendable, Equatable {
        public var transfers = 4096
        public var transfersPerClient = 16
        public var connections = 8192
        public var connectionsPerClient = 64
        /// TFTP requests a second of one client, of which two seconds' worth may come at once; more are not answered.
        public var requestsPerSecond = 200
        /// Seconds without a byte before an HTTP connection is closed.
        public var idleSeconds = 60

        public init() {}

        /// The same, lowered to what so many descriptors allow: each transfer and connection takes a socket and a file.
        func fitting(descriptors: Int) -> Limits {
            // The rest of the process: store, leases, event loops, a terminal.
            let pairs = max(0, descriptors - 256) / 2
            var limits = self
            limits.transfers = min(transfers, max(16, pairs / 3))
            limits.connections = min(connections, max(16, pairs / 3 * 2))
            return limits
        }
    }

    public var interface: String
    /// Nil takes the interface's first address.
    public var serverAddress: IPv4Address?
    public var mode: Mode
    public var ports: Ports
    /// Answer IPv6 router solicitations with "no router here", which saves iPXE 13 s a boot; never in proxy mode.
    public var routerAdvertisements: Bool
    /// Be a full DHCP server even where another one answers.
    public var isAuthoritative: Bool
    public var router: IPv4Address?
    public var nameServers: [IPv4Address]
    public var leaseSeconds: Int
    public var uefiLoader: BootPolicy.UEFILoader
    /// What every machine gets; nil for nothing.
    public var everyone: ServedSystem?
    public var nodes: [MACAddress: ServedSystem]
    public var templates: NetbootTemplates
    /// Where the store's objects lie: what `/nix/store` stands for in boot files.
    public var storeDirectory: FilePath
    /// Leases survive a restart here; nil forgets them.
    public var leaseDatabase: FilePath?
    /// The folder in which every boot's record is kept; nil forgets them.
    public var bootLog: FilePath?
    /// What may be given out of each system, where it has changed since the last call, else nil. Asked at the start and
    /// every two seconds after, on a thread that may block.
    public var generations: (@Sendable () throws -> [String: ServedGenerations]?)?
    /// The administrator's page; nil for none.
    public var page: PageConfiguration?
    /// The group of a node that is in one, for rollouts.
    public var groups: [MACAddress: String] = [:]
    public var limits: Limits
    /// Send every TFTP transfer from the one port, for clients behind a NAT or a firewall that knows no other.
    public var tftpSinglePort = false

    public init(
        interface: String, serverAddress: IPv4Address? = nil, mode: Mode, ports: Ports = Ports(),
        routerAdvertisements: Bool = false, isAuthoritative: Bool = false, router: IPv4Address? = nil,
        nameServers: [IPv4Address] = [], leaseSeconds: Int = 3600, uefiLoader: BootPolicy.UEFILoader = .uki,
        everyone: ServedSystem?, nodes: [MACAddress: ServedSystem] = [:], templates: NetbootTemplates,
        storeDirectory: FilePath, leaseDatabase: FilePath? = nil, bootLog: FilePath? = nil, limits: Limits = Limits()
    ) {
        self.interface = interface
        self.serverAddress = serverAddress
        self.mode = mode
        self.ports = ports
        self.routerAdvertisements = routerAdvertisements
        self.isAuthoritative = isAuthoritative
        self.router = router
        self.nameServers = nameServers
        self.leaseSeconds = leaseSeconds
        self.uefiLoader = uefiLoader
        self.everyone = everyone
        self.nodes = nodes
        self.templates = templates
        self.storeDirectory = storeDirectory
        self.leaseDatabase = leaseDatabase
        self.bootLog = bootLog
        self.limits = limits
    }
}

/// Why a boot server does not start, or stopped.
public struct NetbootServerError: ExplainedError {
    public var kind: FailureKind
    public var subject: String
    public var message: String
    public var cause: String?
    public var remedy: String?
    /// Set where another DHCP server is the reason.
    public var otherServer: IPv4Address?

    public init(
        kind: FailureKind = .host, subject: String, message: String, cause: String? = nil, remedy: String? = nil,
        otherServer: IPv4Address? = nil
    ) {
        self.otherServer = otherServer
        self.kind = kind
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }
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
