import BootProtocols
import Diagnostics

/// A diskless machine of a site, as written: who it is, and what it gets. What its group says is not yet laid under it;
/// `Site.settings(of:)` does that.
public struct Node: Sendable, Equatable {
    /// What the site file calls it; the hostname where none is given.
    public var name: String
    /// Where it was written.
    public var position: SourcePosition
    public var identity: NodeIdentity
    /// The address it always gets, as a full DHCP server gives them.
    public var address: IPv4Address?
    /// The name of its group.
    public var group: String?
    public var settings: NodeChoices
    /// True where it stands in the nodes file, which `bootferry node` writes.
    public var isAdopted: Bool

    public init(
        name: String, position: SourcePosition, identity: NodeIdentity, address: IPv4Address? = nil,
        group: String? = nil, settings: NodeChoices = NodeChoices(), isAdopted: Bool = false
    ) {
        self.name = name
        self.position = position
        self.identity = identity
        self.address = address
        self.group = group
        self.settings = settings
        self.isAdopted = isAdopted
    }
}

/// How a machine is told from others: any of these that it sends is enough.
public struct NodeIdentity: Sendable, Equatable {
    /// Every card it may boot from.
    public var macs: [MACAddress]
    /// SMBIOS's UUID, which firmware sends as DHCP's option 97.
    public var uuid: MachineUUID?
    /// SMBIOS's serial number: DHCP has none, so only iPXE can be asked for it.
    public var serial: String?

    public init(macs: [MACAddress] = [], uuid: MachineUUID? = nil, serial: String? = nil) {
        self.macs = macs
        self.uuid = uuid
        self.serial = serial
    }
}

/// What a node or a group of nodes may choose; nil and empty leave it to the group, then to the system.
public struct NodeChoices: Sendable, Equatable {
    /// The name of a system of the site.
    public var system: String?
    public var hostname: String?
    /// Whether UEFI HTTP Boot is named an `https` URL; nil leaves it to the group, then to the site.
    public var https: Bool?
    /// Words for the kernel's command line, after the system's own and the group's.
    public var kernelParameters: [String]
    /// Files of its own, laid over the system's; sorted by path.
    public var files: [NodeFile]

    public init(
        system: String? = nil, hostname: String? = nil, https: Bool? = nil, kernelParameters: [String] = [],
        files: [NodeFile] = []
    ) {
        self.system = system
        self.hostname = hostname
        self.https = https
        self.kernelParameters = kernelParameters
        self.files = files
    }
}

/// A file that a node has besides its system's.
public struct NodeFile: Sendable, Equatable {
    public var file: SystemFile
    /// Given to the node once a boot, and never without that boot's token.
    public var isSecret: Bool
    /// Where it was written.
    public var position: SourcePosition

    public init(file: SystemFile, isSecret: Bool, position: SourcePosition = .init(file: "", line: 0, column: 0)) {
        self.file = file
        self.isSecret = isSecret
        self.position = position
    }
}

/// Nodes that share what they get.
public struct NodeGroup: Sendable, Equatable {
    public var name: String
    public var position: SourcePosition
    public var settings: NodeChoices

    public init(name: String, position: SourcePosition, settings: NodeChoices) {
        self.name = name
        self.position = position
        self.settings = settings
    }
}
