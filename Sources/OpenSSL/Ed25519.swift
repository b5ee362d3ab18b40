import COpenSSL

/// Ed25519 signatures (RFC 8032), which sign store paths.
///
/// A seed and a public key are 32 bytes, a signature 64; another length throws.
public enum Ed25519 {
    public static let seedByteCount = 32
    public static let publicKeyByteCount = 32
    public static let signatureByteCount = 64

    /// The public key that belongs to a private seed.
    public static func publicKey(seed: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let key = try Key(seed: seed)
        var bytes = [UInt8](repeating: 0, count: publicKeyByteCount)
        var count = bytes.count
        try check(EVP_PKEY_get_raw_public_key(key.pointer, &bytes, &count), "EVP_PKEY_get_raw_public_key")
        return bytes
    }

    /// The signature of a message; the same seed and message always give the same bytes.
    public static func sign(_ message: [UInt8], seed: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let key = try Key(seed: seed)
        let context = SigningContext()
        try check(EVP_DigestSignInit(context.pointer, nil, nil, nil, key.pointer), "EVP_DigestSignInit")
        var signature = [UInt8](repeating: 0, count: signatureByteCount)
        var count = signature.count
        try check(
            EVP_DigestSign(context.pointer, &signature, &count, message, message.count), "EVP_DigestSign")
        return signature
    }

    /// Whether `signature` is that of `message` by the owner of `publicKey`; false for any malformed input.
    public static func isValid(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
        defer { ERR_clear_error() }
        guard signature.count == signatureByteCount, let key = try? Key(publicKey: publicKey) else { return false }
        let context = SigningContext()
        guard EVP_DigestVerifyInit(context.pointer, nil, nil, nil, key.pointer) == 1 else { return false }
        return EVP_DigestVerify(context.pointer, signature, signature.count, message, message.count) == 1
    }

    private struct Key: ~Copyable {
        let pointer: OpaquePointer

        init(seed: [UInt8]) throws(OpenSSLError) {
            guard seed.count == seedByteCount,
                let pointer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
            else { throw OpenSSLError(call: "EVP_PKEY_new_raw_private_key(\(seed.count) bytes)") }
            self.pointer = pointer
        }

        init(publicKey: [UInt8]) throws(OpenSSLError) {
            guard publicKey.count == publicKeyByteCount,
                let pointer = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
            else { throw OpenSSLError(call: "EVP_PKEY_new_raw_public_key(\(publicKey.count) bytes)") }
            self.pointer = pointer
        }

        deinit { EVP_PKEY_free(pointer) }
    }

    private struct SigningContext: ~Copyable {
        let pointer: OpaquePointer
        init() {
            guard let pointer = EVP_MD_CTX_new() else { fatalError("\(OpenSSLError(call: "EVP_MD_CTX_new"))") }
            self.pointer = pointer
        }
        deinit { EVP_MD_CTX_free(pointer) }
    }
}
