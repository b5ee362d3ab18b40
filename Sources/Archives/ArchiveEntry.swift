/// One member of an archive, without its contents.
///
/// Names are as the archive has them (a leading `./` included): whoever unpacks decides which are acceptable.
public struct ArchiveEntry: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case file
        case directory
        case symbolicLink(target: String)
        /// Another name for a member that came earlier in the same archive.
        case hardLink(target: String)
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
    }

    public var path: String
    public var kind: Kind
    /// The lower 12 bits of `st_mode`: permissions, set-id and sticky.
    public var permissions: UInt32
    public var owner: UInt32
    public var group: UInt32
    /// Bytes of contents that follow; 0 for all but files.
    public var size: Int
    /// Seconds since 1970.
    public var modified: Int
    public var extendedAttributes: [String: [UInt8]]

    public init(
        path: String, kind: Kind, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0, size: Int = 0,
        modified: Int = 0, extendedAttributes: [String: [UInt8]] = [:]
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        self.owner = owner
        self.group = group
        self.size = size
        self.modified = modified
        self.extendedAttributes = extendedAttributes
    }
}
