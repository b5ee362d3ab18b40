/// The part of a resolved system that the settings segment is made from: everything that needs no package.
///
/// Travels as JSON in a derivation's environment, so a change of any value makes a new segment; bytes of files
/// are inside, so that nothing of the build host is read later.
public struct NodeSettings: Codable, Sendable, Equatable {
    /// A file with its contents in hand.
    public struct File: Codable, Sendable, Equatable {
        /// Absolute in the node's root.
        public var path: String
        /// Nil for a symbolic link.
        public var contents: [UInt8]?
        public var linkTarget: String?
        public var mode: Int
        public var owner: String
        public var group: String

        public init(path: String, contents: [UInt8]?, linkTarget: String?, mode: Int, owner: String, group: String) {
            self.path = path
            self.contents = contents
            self.linkTarget = linkTarget
            self.mode = mode
            self.owner = owner
            self.group = group
        }

        enum CodingKeys: String, CodingKey {
            case path, text, bytes, linkTarget, mode, owner, group
        }

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            path = try values.decode(String.self, forKey: .path)
            contents =
                try values.decodeIfPresent(String.self, forKey: .text).map { Array($0.utf8) }
                ?? values.decodeIfPresent([UInt8].self, forKey: .bytes)
            linkTarget = try values.decodeIfPresent(String.self, forKey: .linkTarget)
            mode = try values.decode(Int.self, forKey: .mode)
            owner = try values.decode(String.self, forKey: .owner)
            group = try values.decode(String.self, forKey: .group)
        }

        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(path, forKey: .path)
            // Text as text: a plan stays readable.
            if let contents {
                if let text = String(validating: contents, as: UTF8.self), !text.utf8.contains(0) {
                    try values.encode(text, forKey: .text)
                } else {
                    try values.encode(contents, forKey: .bytes)
                }
            }
            try values.encodeIfPresent(linkTarget, forKey: .linkTarget)
            try values.encode(mode, forKey: .mode)
            try values.encode(owner, forKey: .owner)
            try values.encode(group, forKey: .group)
        }
    }

    /// The system's name, for the node to say at the end of its boot.
    public var system: String
    public var hostname: String
    public var users: [UserAccount]
    public var files: [File]
    public var network: NetworkSettings
    public var timeZone: String
    public var locale: String

    public init(
        system: String, hostname: String, users: [UserAccount], files: [File], network: NetworkSettings,
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

    /// The settings of `system`; `read` gives the bytes of a file of the build host.
    public init(of system: ResolvedSystem, read: (String) throws -> [UInt8]) rethrows {
        self.init(
            system: system.name, hostname: system.hostname, users: system.users,
            files: try system.files.map { file in
                var settled = File(
                    path: file.path, contents: nil, linkTarget: nil, mode: file.mode, owner: file.owner,
                    group: file.group)
                switch file.source {
                case .text(let text): settled.contents = Array(text.utf8)
                case .file(let path): settled.contents = try read(path)
                case .link(let target): settled.linkTarget = target
                }
                return settled
            },
            network: system.network, timeZone: system.timeZone, locale: system.locale)
    }
}
