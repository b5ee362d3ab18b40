/// A name in the store: 32 characters of nix32 digest, a dash, and the object's name.
///
/// The logical directory is always `/nix/store`; where the bytes lie is `LocalStore`'s concern.
public struct StorePath: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The logical store directory, which every path's digest takes in.
    public static let directory = "/nix/store"

    /// `HASH-NAME`, without the directory.
    public let baseName: String

    public init(baseName: String) { self.baseName = baseName }

    /// The logical path, `/nix/store/HASH-NAME`.
    public var description: String { "\(StorePath.directory)/\(baseName)" }

    public static func < (a: StorePath, b: StorePath) -> Bool { a.baseName < b.baseName }
}
