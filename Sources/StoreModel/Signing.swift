import OpenSSL

/// A named Ed25519 signature, `NAME:BASE64`.
public struct Signature: Hashable, Sendable, CustomStringConvertible {
    /// Of the key that made it.
    public let keyName: String
    public let bytes: [UInt8]

    init(keyName: String, bytes: [UInt8]) {
        self.keyName = keyName
        self.bytes = bytes
    }

    /// Reads the text form; a signature has 64 bytes.
    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        (keyName, bytes) = try splitNamed(text, count: Ed25519.signatureByteCount, what: "signature")
    }

    public var description: String { "\(keyName):\(Base64.encode(bytes))" }
}

/// A key that store paths may be signed with, `NAME:BASE64` of seed and public key, 64 bytes.
public struct SigningKey: Sendable {
    public let name: String
    private let seed: [UInt8]
    /// What checks its signatures.
    public let publicKey: PublicKey

    /// Makes a key from a name and 32 random bytes.
    public init(name: String, seed: [UInt8]) throws(StoreModelError) {
        guard !name.isEmpty, !name.contains(":") else {
            throw StoreModelError("'\(name)'", "a key's name is not empty and has no ':'", kind: .usage)
        }
        do {
            publicKey = PublicKey(name: name, bytes: try Ed25519.publicKey(seed: seed))
        } catch {
            throw StoreModelError("'\(name)'", "is no usable Ed25519 key: \(error)")
        }
        self.name = name
        self.seed = seed
    }

    /// Reads a secret key file's content; its public half must belong to its seed.
    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        let (name, bytes) = try splitNamed(text, count: 64, what: "secret key")
        try self.init(name: name, seed: Array(bytes.prefix(Ed25519.seedByteCount)))
        guard publicKey.bytes == Array(bytes.suffix(Ed25519.publicKeyByteCount)) else {
            throw StoreModelError("'\(name)'", "the secret key's public half does not belong to it")
        }
    }

    /// The secret key file's content.
    public var secretText: String { "\(name):\(Base64.encode(seed + publicKey.bytes))" }

    /// Signs a text, for store paths their `fingerprint`.
    public func sign(_ text: String) throws(StoreModelError) -> Signature {
        do {
            return Signature(keyName: name, bytes: try Ed25519.sign(Array(text.utf8), seed: seed))
        } catch {
            throw StoreModelError("'\(name)'", "cannot sign: \(error)", kind: .failed)
        }
    }
}

/// The half of a key that is given away, `NAME:BASE64`.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let bytes: [UInt8]

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    public init(parsing text: some StringProtocol) throws(StoreModelError) {
        (name, bytes) = try splitNamed(text, count: Ed25519.publicKeyByteCount, what: "public key")
    }

    public var description: String { "\(name):\(Base64.encode(bytes))" }

    /// Whether the signature names this key and is its signature of `text`.
    public func isValid(_ signature: Signature, of text: String) -> Bool {
        signature.keyName == name
            && Ed25519.isValid(signature: signature.bytes, of: Array(text.utf8), publicKey: bytes)
    }
}

private func splitNamed(
    _ text: some StringProtocol, count: Int, what: String
) throws(StoreModelError) -> (String, [UInt8]) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
        throw StoreModelError(what, "expected 'NAME:BASE64'")
    }
    // Key files end in a newline when a person made them.
    let encoded = parts[1].last == "\n" ? parts[1].dropLast() : parts[1][...]
    guard let bytes = Base64.decode(encoded), bytes.count == count else {
        throw StoreModelError("'\(parts[0].prefix(100))'", "its \(what) is not \(count) bytes in base 64")
    }
    return (String(parts[0]), bytes)
}
