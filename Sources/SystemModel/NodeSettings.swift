/// The part of a resolved system that the settings segment is made from: everything that needs no package.
///
/// Travels as JSON in a derivation's environment, so a change of any value makes a new segment; bytes of files
/// are inside, so that nothing of the build host is read later.
public struct NodeSettings: Codable, Sendable, Equatable {
    /// A file of the node; exactly one of `text`, `source` and `linkTarget` is there.
    public struct File: Codable, Sendable, Equatable {
        /// Absolute in the node's root.
        public var path: String
        public var text: String?
        /// A file in the store, by logical path: what the build host's own files become, so that no plan holds their bytes.
        public var source: String?
        public var linkTarget: String?
        public var mode: Int
        public var owner: String
        public var group: String

        /// Whether systemd looks here for its units, so that one may be enabled which no package carries.
        public var isUnit: Bool {
            ["/etc", "/usr/lib", "/lib"].contains { path.hasPrefix("\($0)/systemd/system/") }
        }

        public init(
            path: String, text: String? = nil, source: String? = nil, linkTarget: String? = nil, mode: Int,
            owner: String, group: String
        ) {
            self.path = path
            self.text = text
            self.source = source
            self.linkTarget = linkTarget
            self.mode = mode
            self.owner = owner
            self.group = group
        }
    }

    /// The system's name, for the node to say at the end of its boot.
    public var system: String
    /// The node's name.
    public var hostname: String
    /// Accounts besides those of packages.
    public var users: [UserAccount]
    /// What the user put into the system.
    public var files: [File]
    /// DHCP, or fixed addresses by interface, for systemd-networkd; nil in a system of recipes, which has none.
    public var network: NetworkSettings?
    /// Such as `Europe/Berlin`.
    public var timeZone: String
    /// A POSIX locale name.
    public var locale: String

    public init(
        system: String, hostname: String, users: [UserAccount], files: [File], network: NetworkSettings?,
        timeZone: String, locale: String
    ) {
        self.system = system
        self.hostname = hostname
        self.users = users
        self.files = files
        self.network = network
        self.timeZone = timeZone
        self.locale = locale
    }

    /// The settings of `system`; `hostFiles` gives the logical store path of each of its files of the build host.
    public init(of system: ResolvedSystem, hostFiles: [String: String]) {
        self.init(
            system: system.name, hostname: system.hostname, users: system.users,
            files: system.files.map { file in
                var settled = File(path: file.path, mode: file.mode, owner: file.owner, group: file.group)
                switch file.source {
                case .text(let text): settled.text = text
                case .file(let path): settled.source = hostFiles[path]
                case .link(let target): settled.linkTarget = target
                }
                return settled
            },
            network: system.recipes.isEmpty ? system.network : nil, timeZone: system.timeZone, locale: system.locale)
    }
}
