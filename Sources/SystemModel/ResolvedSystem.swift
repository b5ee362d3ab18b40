/// What a system configuration means: imports merged, every default filled in, every value checked.
///
/// A value for the planner; nothing in it knows where it was written.
public struct ResolvedSystem: Codable, Sendable, Equatable {
    /// The system's name: the `name:` key, by default the name of the folder that holds the configuration.
    public var name: String
    /// The platform's name.
    public var platform: String
    /// The board's name, where it is for one alone.
    public var board: String?
    /// Where its packages come from.
    public var base: DebianBase
    /// Debian packages asked for by name, sorted, without duplicates; their dependencies are the lock's affair.
    public var packages: [String]
    /// Nix closures that are packages too: their store paths, sorted, without duplicates.
    public var closures: [String]
    /// Recipes whose outputs the system is made of instead of packages, in the order written; empty for a Debian system.
    public var recipes: [String]
    /// The Debian package that carries `/boot/vmlinuz-*`, usually a metapackage; nil in a system of recipes.
    public var kernelPackage: String?
    /// The recipe that makes the kernel; nil in a Debian system.
    public var kernelRecipe: String?
    /// Added to the kernel's command line.
    public var kernelParameters: [String]
    /// The node's name.
    public var hostname: String
    /// Accounts besides those of packages.
    public var users: [UserAccount]
    /// Units switched on and off.
    public var services: ServiceSelection
    /// Put into the image after all packages.
    public var files: [SystemFile]
    /// DHCP, or fixed addresses by interface.
    public var network: NetworkSettings
    /// A name under `/usr/share/zoneinfo`.
    public var timeZone: String
    /// A POSIX locale name; `C.UTF-8` needs no package.
    public var locale: String
    /// What is not left out to save RAM.
    public var keep: Set<KeptExtra>
    /// How the root file system comes about.
    public var root: RootKind
    /// The RAM of the smallest node this system is for, in MiB; the planner refuses what it cannot hold.
    public var memory: Int

    public init(
        name: String, platform: String, board: String? = nil, base: DebianBase, packages: [String],
        closures: [String] = [], recipes: [String] = [],
        kernelPackage: String?, kernelRecipe: String? = nil,
        kernelParameters: [String], hostname: String, users: [UserAccount], services: ServiceSelection,
        files: [SystemFile], network: NetworkSettings, timeZone: String, locale: String,
        keep: Set<KeptExtra>, root: RootKind, memory: Int
    ) {
        self.name = name
        self.platform = platform
        self.board = board
        self.base = base
        self.packages = packages
        self.closures = closures
        self.recipes = recipes
        self.kernelPackage = kernelPackage
        self.kernelRecipe = kernelRecipe
        self.kernelParameters = kernelParameters
        self.hostname = hostname
        self.users = users
        self.services = services
        self.files = files
        self.network = network
        self.timeZone = timeZone
        self.locale = locale
        self.keep = keep
        self.root = root
        self.memory = memory
    }
}

/// Where the packages come from.
public struct DebianBase: Codable, Sendable, Equatable {
    /// A Debian code name, such as `trixie`.
    public var suite: String
    /// `main`, `contrib`, `non-free`, `non-free-firmware`; sorted.
    public var components: [String]

    public init(suite: String, components: [String]) {
        self.suite = suite
        self.components = components
    }
}

/// A person (or `root`) who may log in.
public struct UserAccount: Codable, Sendable, Equatable {
    public var name: String
    /// nil takes the next free number from 1000 in the order written; `root` is always 0.
    public var uid: Int?
    /// A crypt(5) hash; nil locks the password.
    public var passwordHash: String?
    public var sshKeys: [String]
    /// Supplementary groups, which must exist in the configured system.
    public var groups: [String]
    public var shell: String
    public var home: String

    public init(
        name: String, uid: Int?, passwordHash: String?, sshKeys: [String], groups: [String],
        shell: String, home: String
    ) {
        self.name = name
        self.uid = uid
        self.passwordHash = passwordHash
        self.sshKeys = sshKeys
        self.groups = groups
        self.shell = shell
        self.home = home
    }
}

/// systemd units switched on and off besides what Debian's packages choose.
public struct ServiceSelection: Codable, Sendable, Equatable {
    public var enabled: [String]
    public var disabled: [String]

    public init(enabled: [String], disabled: [String]) {
        self.enabled = enabled
        self.disabled = disabled
    }
}

/// One file that the configuration puts into the system.
public struct SystemFile: Codable, Sendable, Equatable {
    /// Absolute in the node's root.
    public var path: String
    public var source: Source
    /// Permission bits, set-id and sticky bits included.
    public var mode: Int
    /// Account names, looked up in the configured system.
    public var owner: String
    public var group: String

    public enum Source: Codable, Sendable, Equatable {
        case text(String)
        /// A file on the build host, absolute after resolving; its bytes are read when the plan is made.
        case file(String)
        case link(target: String)
    }

    public init(path: String, source: Source, mode: Int, owner: String, group: String) {
        self.path = path
        self.source = source
        self.mode = mode
        self.owner = owner
        self.group = group
    }
}

/// How a node configures its interfaces, through systemd-networkd.
public enum NetworkSettings: Codable, Sendable, Equatable {
    case dhcp
    case fixed([FixedInterface])

    public struct FixedInterface: Codable, Sendable, Equatable {
        /// A `[Match] Name=` pattern, or a MAC address.
        public var match: String
        /// CIDR notation.
        public var addresses: [String]
        public var gateway: String?
        public var nameServers: [String]

        public init(match: String, addresses: [String], gateway: String?, nameServers: [String]) {
            self.match = match
            self.addresses = addresses
            self.gateway = gateway
            self.nameServers = nameServers
        }
    }
}

/// What is left out of an image unless asked for, because a node without a disk pays for it in RAM.
public enum KeptExtra: String, Codable, Sendable, CaseIterable, Comparable {
    /// `/usr/share/doc` (copyright files always stay), `/usr/share/man`, `/usr/share/info`.
    case documentation
    /// `/usr/share/locale` and other translations.
    case locales

    public static func < (a: KeptExtra, b: KeptExtra) -> Bool { a.rawValue < b.rawValue }
}

/// Where a node's root file system lives.
public enum RootKind: String, Codable, Sendable, CaseIterable {
    /// The segments unpack into the initial tmpfs.
    case ram
}
