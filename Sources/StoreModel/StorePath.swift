/// A name in the store: 32 characters of nix32 digest, a dash, and the object's name.
///
/// The logical directory is always `/nix/store`; where the bytes lie is `LocalStore`'s concern.
/// Reference: Nix manual, "Store path specification".
public struct StorePath: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The logical store directory, which every path's digest takes in.
    public static let directory = "/nix/store"
    /// Characters of the digest part.
    public static let hashPartCount = 32
    /// The longest name Nix allows, so that temporary names beside it fit the file system's 255.
    public static let maximumNameCount = 211

    /// `HASH-NAME`, without the directory.
    public let baseName: String

    /// Reads `HASH-NAME`; throws unless digest and name follow Nix's rules.
    public init(baseName: String) throws(StoreModelError) {
        let bytes = baseName.utf8
        guard bytes.count > StorePath.hashPartCount + 1,
            bytes.prefix(StorePath.hashPartCount).allSatisfy(Nix32.isDigit),
            bytes.dropFirst(StorePath.hashPartCount).first == UInt8(ascii: "-")
        else {
            throw StoreModelError(
                "'\(baseName.prefix(300))'", "is no store path: expected 32 nix32 characters, '-' and a name")
        }
        try StorePath.checkName(Substring(bytes.dropFirst(StorePath.hashPartCount + 1)))
        self.baseName = baseName
    }

    /// Reads a logical path, `/nix/store/HASH-NAME`, with nothing below it.
    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        guard text.utf8.starts(with: StorePath.prefix.utf8) else {
            throw StoreModelError("'\(text.prefix(300))'", "is not in \(StorePath.directory)")
        }
        try self.init(baseName: String(text.dropFirst(StorePath.prefix.count)))
    }

    /// Reads a logical path and splits off what lies below it: `/nix/store/X/lib/y` -> (X, "lib/y").
    public static func split(_ text: some StringProtocol) throws(StoreModelError) -> (path: StorePath, below: String) {
        let tail = text.dropFirst(StorePath.prefix.count)
        guard text.utf8.starts(with: StorePath.prefix.utf8), let slash = tail.firstIndex(of: "/") else {
            return (try StorePath(parsing: text), "")
        }
        return (try StorePath(baseName: String(tail[..<slash])), String(tail[tail.index(after: slash)...]))
    }

    /// Composes a path from its 20 compressed digest bytes and a name.
    init(digest: [UInt8], name: String) throws(StoreModelError) {
        try StorePath.checkName(name)
        baseName = "\(Nix32.encode(digest))-\(name)"
    }

    /// The 32 characters that identify the object.
    public var hashPart: String { String(Substring(baseName.utf8.prefix(StorePath.hashPartCount))) }

    /// The object's name, without the digest.
    public var name: String { String(Substring(baseName.utf8.dropFirst(StorePath.hashPartCount + 1))) }

    /// Whether it is the path of a `.drv` file.
    public var isDerivation: Bool { baseName.utf8.count > 37 && baseName.hasSuffix(".drv") }

    /// The logical path, `/nix/store/HASH-NAME`.
    public var description: String { StorePath.prefix + baseName }

    public static func < (a: StorePath, b: StorePath) -> Bool { a.baseName < b.baseName }

    private static let prefix = directory + "/"

    /// Throws unless `name` may be an object's name: 1 to 211 letters, digits or `+-._?=`, and not `.`, `..`, `.-x` or `..-x`.
    public static func checkName(_ name: some StringProtocol) throws(StoreModelError) {
        let bytes = name.utf8
        guard !bytes.isEmpty else { throw StoreModelError("''", "an object's name is empty") }
        guard bytes.count <= maximumNameCount else {
            throw StoreModelError(
                "'\(name.prefix(300))'",
                "an object's name has at most \(maximumNameCount) characters, found \(bytes.count)")
        }
        guard bytes.allSatisfy(isNameByte) else {
            throw StoreModelError("'\(name.prefix(300))'", "an object's name has only letters, digits and '+-._?='")
        }
        let dots = bytes.prefix { $0 == UInt8(ascii: ".") }.count
        if dots == 1 || dots == 2, bytes.count == dots || bytes.dropFirst(dots).first == UInt8(ascii: "-") {
            throw StoreModelError(
                "'\(name.prefix(300))'", "an object's name must not be '.' or '..', alone or before '-'")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "?"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
