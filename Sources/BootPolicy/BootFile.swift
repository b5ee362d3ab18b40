/// What a client downloads: a list of extents, nothing copied until a socket wants it.
public struct BootFile: Sendable, Equatable {
    public enum Extent: Sendable, Equatable {
        case literal([UInt8])
        /// A range of a file in the store; `path` is logical (`/nix/store/…`).
        case stored(path: String, offset: Int, length: Int)

        public var length: Int {
            switch self {
            case .literal(let bytes): bytes.count
            case .stored(_, _, let length): length
            }
        }
    }

    public var extents: [Extent]
    public var contentType: String

    public init(extents: [Extent], contentType: String = "application/octet-stream") {
        self.extents = extents
        self.contentType = contentType
    }

    /// Bytes in all.
    public var size: Int { extents.reduce(0) { $0 + $1.length } }
}
