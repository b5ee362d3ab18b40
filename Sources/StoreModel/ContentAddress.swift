/// What the digest of a content-addressed object is taken over.
public enum ContentAddressMethod: String, Sendable, Hashable {
    /// The bytes of a regular file that is not executable.
    case flat
    /// The NAR serialisation of any tree.
    case recursive

    /// `r:` or nothing, as derivations and content addresses write it.
    public var prefix: String { self == .recursive ? "r:" : "" }
}

/// How an object's path follows from its content: `text:…` or `fixed:[r:]ALGORITHM:NIX32`.
public enum ContentAddress: Hashable, Sendable, CustomStringConvertible {
    /// A flat file written by evaluation (`.drv` files), whose references are declared.
    case text(Digest)
    case fixed(ContentAddressMethod, Digest)

    /// The content's digest, whichever method it is of.
    public var digest: Digest {
        switch self {
        case .text(let digest), .fixed(_, let digest): digest
        }
    }

    public var description: String {
        switch self {
        case .text(let digest): "text:\(digest.prefixedNix32)"
        case .fixed(let method, let digest): "fixed:\(method.prefix)\(digest.prefixedNix32)"
        }
    }

    /// Reads the text form.
    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        let text = String(text)
        if text.hasPrefix("text:") {
            self = .text(try Digest(parsing: text.dropFirst(5)))
        } else if text.hasPrefix("fixed:r:") {
            self = .fixed(.recursive, try Digest(parsing: text.dropFirst(8)))
        } else if text.hasPrefix("fixed:") {
            self = .fixed(.flat, try Digest(parsing: text.dropFirst(6)))
        } else {
            throw StoreModelError("'\(text.prefix(200))'", "is no content address: expected 'text:…' or 'fixed:…'")
        }
    }

    /// The path an object of this content has, given what it refers to.
    public func path(
        name: String, references: Set<StorePath> = [], referencesSelf: Bool = false
    ) throws(StoreModelError) -> StorePath {
        switch self {
        case .text(let digest):
            guard !referencesSelf else { throw StoreModelError("'\(name)'", "a text object cannot refer to itself") }
            return try StorePath.text(name: name, digest: digest, references: references)
        case .fixed(let method, let digest):
            return try StorePath.fixedOutput(
                name: name, method: method, digest: digest, references: references, referencesSelf: referencesSelf)
        }
    }
}

extension StorePath {
    /// The path of an object whose digest is known beforehand.
    ///
    /// For a recursive SHA-256 digest, the only kind that may have references, the digest of an object with
    /// self-references is the one taken with them blanked (`SelfReferenceHash`).
    public static func fixedOutput(
        name: String, method: ContentAddressMethod, digest: Digest, references: Set<StorePath> = [],
        referencesSelf: Bool = false
    ) throws(StoreModelError) -> StorePath {
        if method == .recursive, digest.algorithm == .sha256 {
            var type = "source"
            for reference in references.sorted() { type += ":\(reference)" }
            if referencesSelf { type += ":self" }
            return try make(type: type, digest: digest, name: name)
        }
        guard references.isEmpty, !referencesSelf else {
            throw StoreModelError(
                "'\(name)'",
                "an object with references must be addressed by 'fixed:r:sha256', found "
                    + "'fixed:\(method.prefix)\(digest.algorithm.rawValue)'")
        }
        let inner = Digest.sha256(of: "fixed:out:\(method.prefix)\(digest.prefixedHex):")
        return try make(type: "output:out", digest: inner, name: name)
    }

    /// The path of a tree added as it is, as `nix store add-path` does: recursive SHA-256.
    public static func source(
        name: String, narDigest: Digest, references: Set<StorePath> = [], referencesSelf: Bool = false
    ) throws(StoreModelError) -> StorePath {
        try fixedOutput(
            name: name, method: .recursive, digest: narDigest, references: references, referencesSelf: referencesSelf)
    }

    /// The path of a text file with declared references, as `builtins.toFile` and `.drv` files have.
    public static func text(
        name: String, digest: Digest, references: Set<StorePath> = []
    ) throws(StoreModelError) -> StorePath {
        guard digest.algorithm == .sha256 else {
            throw StoreModelError(
                "'\(name)'", "a text object is addressed by sha256, found \(digest.algorithm.rawValue)")
        }
        var type = "text"
        for reference in references.sorted() { type += ":\(reference)" }
        return try make(type: type, digest: digest, name: name)
    }

    /// `TYPE:sha256:HEX:/nix/store:NAME`, hashed and folded to 20 bytes.
    static func make(type: String, digest: Digest, name: String) throws(StoreModelError) -> StorePath {
        let fingerprint = Digest.sha256(of: "\(type):\(digest.prefixedHex):\(directory):\(name)")
        return try StorePath(digest: fold(fingerprint.bytes), name: name)
    }

    /// Nix's `compressHash`: byte i is xored into byte i modulo 20.
    static func fold(_ bytes: [UInt8]) -> [UInt8] {
        var folded = [UInt8](repeating: 0, count: 20)
        for (i, byte) in bytes.enumerated() { folded[i % 20] ^= byte }
        return folded
    }
}
