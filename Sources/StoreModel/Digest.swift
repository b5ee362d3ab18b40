import OpenSSL

/// The result of a hash function: which one, and its bytes.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The algorithms that digests may be of.
    public typealias Algorithm = HashAlgorithm

    /// Which algorithm it is of.
    public let algorithm: HashAlgorithm
    /// As many as the algorithm gives.
    public let bytes: [UInt8]

    /// Takes raw bytes; throws unless there are as many as the algorithm gives.
    public init(_ algorithm: HashAlgorithm, _ bytes: [UInt8]) throws(StoreModelError) {
        guard bytes.count == algorithm.byteCount else {
            throw StoreModelError(
                "'\(Hexadecimal.encode(bytes))'",
                "a \(algorithm.rawValue) digest has \(algorithm.byteCount) bytes, found \(bytes.count)")
        }
        self.algorithm = algorithm
        self.bytes = bytes
    }

    private init(unchecked bytes: [UInt8], _ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// Ends a running digest, which must be of `algorithm`.
    public init(finishing digest: SHA256) {
        self.init(unchecked: digest.finalize(), .sha256)
    }

    /// The SHA-256 digest of `bytes`.
    public static func sha256(of bytes: [UInt8]) -> Digest { Digest(unchecked: SHA256.hash(bytes), .sha256) }

    /// The SHA-256 digest of the UTF-8 of `text`.
    public static func sha256(of text: String) -> Digest { Digest(unchecked: SHA256.hash(text), .sha256) }

    /// The digest of `bytes` by any algorithm.
    public static func hash(_ bytes: [UInt8], with algorithm: HashAlgorithm) -> Digest {
        Digest(unchecked: MessageDigest.hash(bytes, with: algorithm), algorithm)
    }

    /// Reads base 16 or nix32, chosen by length as Nix does.
    public init(_ algorithm: HashAlgorithm, text: some StringProtocol) throws(StoreModelError) {
        let count = text.utf8.count
        let decoded: [UInt8]? =
            if count == algorithm.byteCount * 2 {
                Hexadecimal.decode(text)
            } else if count == Nix32.encodedCount(of: algorithm.byteCount) {
                Nix32.decode(text, byteCount: algorithm.byteCount)
            } else if count == (algorithm.byteCount + 2) / 3 * 4 {
                Base64.decode(text)
            } else {
                nil
            }
        guard let decoded else {
            throw StoreModelError(
                "'\(text.prefix(200))'", "is no \(algorithm.rawValue) digest in base 16, nix32 or base 64")
        }
        try self.init(algorithm, decoded)
    }

    /// Reads a SHA-256 digest in hexadecimal, as Debian and lock files write it.
    public init(sha256Hex text: some StringProtocol) throws(StoreModelError) {
        guard text.utf8.count == 64, let bytes = Hexadecimal.decode(text) else {
            throw StoreModelError("'\(text.prefix(200))'", "is no SHA-256 digest: expected 64 hexadecimal digits")
        }
        try self.init(.sha256, bytes)
    }

    /// Reads `ALGORITHM:BASE16-OR-NIX32` or SRI, `ALGORITHM-BASE64`.
    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        guard let separator = text.firstIndex(where: { $0 == ":" || $0 == "-" }),
            let algorithm = HashAlgorithm(rawValue: String(text[..<separator]))
        else {
            throw StoreModelError(
                "'\(text.prefix(200))'", "expected a digest such as 'sha256:…' or 'sha256-…', found no known algorithm")
        }
        let rest = text[text.index(after: separator)...]
        if text[separator] == "-" {
            guard let bytes = Base64.decode(rest) else {
                throw StoreModelError("'\(text.prefix(200))'", "is no SRI digest: the part after '-' is not base 64")
            }
            try self.init(algorithm, bytes)
        } else {
            try self.init(algorithm, text: rest)
        }
    }

    /// Lower-case hexadecimal.
    public var hex: String { Hexadecimal.encode(bytes) }
    /// Nix's base 32, without a prefix.
    public var nix32: String { Nix32.encode(bytes) }
    /// `sha256:NIX32`, as narinfo and the store's records write it.
    public var prefixedNix32: String { "\(algorithm.rawValue):\(nix32)" }
    /// `sha256:HEX`, as fingerprints of store paths write it.
    public var prefixedHex: String { "\(algorithm.rawValue):\(hex)" }
    /// Subresource integrity: `sha256-BASE64`.
    public var sri: String { "\(algorithm.rawValue)-\(Base64.encode(bytes))" }

    public var description: String { prefixedNix32 }
}
