import BootProtocols
import Diagnostics

/// The nodes and networks that one boot server serves: a `site.yaml` and the nodes file beside it, checked whole.
public struct Site: Sendable, Equatable {
    /// The site file as it was asked for.
    public var path: String
    /// Where adopted nodes are kept; the file need not be there.
    public var nodesPath: String
    /// In the order written.
    public var networks: [SiteNetwork]
    public var systems: [SiteSystem]
    public var groups: [NodeGroup]
    /// Those of the site file, then those of the nodes file.
    public var nodes: [Node] { didSet { index = NodeIndex(nodes) } }
    public var unknown: UnknownMachines
    public var httpPort: Int
    public var tftpPort: Int
    /// What HTTPS is served with; nil for HTTP alone.
    public var https: SiteHTTPS?
    /// Whether UEFI HTTP Boot is named `https` URLs where neither a node nor its group says.
    public var offersHTTPS: Bool
    public var uefiLoader: UEFILoader
    private(set) var index: NodeIndex

    public init(
        path: String, nodesPath: String = "", networks: [SiteNetwork], systems: [SiteSystem] = [],
        groups: [NodeGroup] = [], nodes: [Node] = [], unknown: UnknownMachines = .init(answer: .nothing),
        httpPort: Int = SiteDefaults.httpPort, tftpPort: Int = SiteDefaults.tftpPort,
        https: SiteHTTPS? = nil, offersHTTPS: Bool = false, uefiLoader: UEFILoader = .uki
    ) {
        self.path = path
        self.nodesPath = nodesPath
        self.networks = networks
        self.systems = systems
        self.groups = groups
        self.nodes = nodes
        self.unknown = unknown
        self.httpPort = httpPort
        self.tftpPort = tftpPort
        self.https = https
        self.offersHTTPS = offersHTTPS
        self.uefiLoader = uefiLoader
        index = NodeIndex(nodes)
    }

    /// The node that a machine is, and by which sign it was known; the card's address goes before the UUID, and that
    /// before the serial number.
    public func node(mac: MACAddress?, uuid: MachineUUID? = nil, serial: String? = nil) -> (node: Node, by: NodeSign)? {
        if let place = mac.flatMap({ index.macs[$0] }) { return (nodes[place], .mac) }
        // Firmware writes it in either byte order.
        if let uuid, let place = index.uuids[uuid] ?? index.uuids[uuid.swapped] { return (nodes[place], .uuid) }
        if let place = serial.flatMap({ index.serials[$0] }) { return (nodes[place], .serial) }
        return nil
    }

    public func node(named name: String) -> Node? { index.names[name].map { nodes[$0] } }

    /// What `node` gets once its group's choices are laid under its own.
    public func settings(of node: Node) -> NodeChoices {
        let own = node.settings
        guard let group = groups.first(where: { $0.name == node.group })?.settings else {
            return NodeChoices(
                system: own.system, hostname: own.hostname ?? node.name, https: own.https,
                kernelParameters: own.kernelParameters, files: own.files)
        }
        let overlaid = Set(own.files.map(\.file.path))
        return NodeChoices(
            system: own.system ?? group.system, hostname: own.hostname ?? node.name, https: own.https ?? group.https,
            kernelParameters: group.kernelParameters + own.kernelParameters,
            files: (group.files.filter { !overlaid.contains($0.file.path) } + own.files)
                .sorted { $0.file.path < $1.file.path })
    }

    /// True where a machine may have to be asked for its serial number.
    public var hasSerials: Bool { !index.serials.isEmpty }
}

/// What a node was known by.
public enum NodeSign: String, Sendable, Codable {
    case mac = "MAC address"
    case uuid = "UUID"
    case serial = "serial number"
}

/// What UEFI machines that speak PXE are given.
public enum UEFILoader: String, Sendable, Codable, CaseIterable {
    /// The system itself as a unified kernel image: one file, no loader between.
    case uki
    /// iPXE, which fetches kernel and initramfs by HTTP.
    case ipxe
}

/// What HTTPS is served with.
public struct SiteHTTPS: Sendable, Equatable {
    /// A file, and where it was written.
    public struct File: Sendable, Equatable {
        /// Absolute, or seen from where the site file was.
        public var path: String
        public var position: SourcePosition

        public init(path: String, position: SourcePosition) {
            self.path = path
            self.position = position
        }
    }

    public var port: Int
    /// PEM: the server's certificate, then those that vouch for it.
    public var certificate: File
    /// PEM: its private key; perhaps in the same file.
    public var key: File

    public init(port: Int = SiteDefaults.httpsPort, certificate: File, key: File) {
        self.port = port
        self.certificate = certificate
        self.key = key
    }
}

/// A system that a site serves, and where it is configured.
public struct SiteSystem: Sendable, Equatable {
    public var name: String
    /// A path, absolute or seen from where the site file was; or the name of a system that Bootferry ships.
    public var source: String
    public var position: SourcePosition

    public init(name: String, source: String, position: SourcePosition) {
        self.name = name
        self.source = source
        self.position = position
    }
}

/// What a machine gets that is none of the nodes.
public struct UnknownMachines: Sendable, Equatable {
    public enum Answer: String, Sendable, CaseIterable {
        /// An address where this server gives them, and nothing to boot.
        case nothing
        case system
        /// A choice among the site's systems on the machine's screen.
        case menu
    }

    public var answer: Answer
    /// The system itself, or what the menu boots when nobody chooses.
    public var system: String?
    /// How long the menu waits, in seconds; 0 for ever.
    public var menuSeconds: Int

    public init(answer: Answer, system: String? = nil, menuSeconds: Int = SiteDefaults.menuSeconds) {
        self.answer = answer
        self.system = system
        self.menuSeconds = menuSeconds
    }
}

/// Where nodes are found by what they say of themselves.
struct NodeIndex: Sendable, Equatable {
    var macs: [MACAddress: Int] = [:]
    var uuids: [MachineUUID: Int] = [:]
    var serials: [String: Int] = [:]
    var names: [String: Int] = [:]

    init(_ nodes: [Node]) {
        for (place, node) in nodes.enumerated() {
            for mac in node.identity.macs { macs[mac] = place }
            if let uuid = node.identity.uuid { uuids[uuid] = place }
            if let serial = node.identity.serial { serials[serial] = place }
            names[node.name] = place
        }
    }
}

/// What holds where nothing is written.
public enum SiteDefaults {
    public static let httpPort = 8080
    public static let httpsPort = 8443
    public static let tftpPort = 69
    public static let leaseSeconds = 3600
    public static let menuSeconds = 30
    static let nodesFile = "nodes.yaml"
}
