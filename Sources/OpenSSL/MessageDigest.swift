import COpenSSL

/// A hash function that store paths, lock files or package lists may name.
public enum HashAlgorithm: String, Sendable, CaseIterable, Hashable {
    case md5, sha1, sha256, sha512

    /// Bytes in a digest.
    public var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }
}

/// A digest computed piece by piece.
///
/// Feed it with `update`, then take the bytes with `finalize` once. The algorithms are in every build of libcrypto; one that
/// is missing (a FIPS-only host without MD5) or a lack of memory ends the program with OpenSSL's own text, since no
/// input can cause either.
public class MessageDigest {
    private let context: OpaquePointer
    private let byteCount: Int

    public init(_ algorithm: HashAlgorithm) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Implementations.of(algorithm), nil) == 1 else {
            fatalError("\(OpenSSLError(call: "EVP_DigestInit_ex(\(algorithm.rawValue))"))")
        }
        self.context = context
        byteCount = algorithm.byteCount
    }

    deinit { EVP_MD_CTX_free(context) }

    public final func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        guard EVP_DigestUpdate(context, start, bytes.count) == 1 else {
            fatalError("\(OpenSSLError(call: "EVP_DigestUpdate"))")
        }
    }

    public final func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    public final func update(_ bytes: ArraySlice<UInt8>) { bytes.withUnsafeBytes { update($0) } }

    public final func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The digest; the context starts anew, so that a second call is the digest of nothing.
    public final func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: byteCount)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1, EVP_DigestInit_ex(context, nil, nil) == 1 else {
            fatalError("\(OpenSSLError(call: "EVP_DigestFinal_ex"))")
        }
        return digest
    }

    /// The digest of one buffer.
    public static func hash(_ bytes: UnsafeRawBufferPointer, with algorithm: HashAlgorithm) -> [UInt8] {
        let digest = MessageDigest(algorithm)
        digest.update(bytes)
        return digest.finalize()
    }

    /// The digest of one array.
    public static func hash(_ bytes: [UInt8], with algorithm: HashAlgorithm) -> [UInt8] {
        bytes.withUnsafeBytes { hash($0, with: algorithm) }
    }
}

/// Looked up once: a plan takes thousands of small digests, and each lookup would cost as much as one.
private enum Implementations {
    // Never freed and never changed, so any thread may use them.
    nonisolated(unsafe) private static let md5 = EVP_MD_fetch(nil, "MD5", nil)
    nonisolated(unsafe) private static let sha1 = EVP_MD_fetch(nil, "SHA1", nil)
    nonisolated(unsafe) private static let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
    nonisolated(unsafe) private static let sha512 = EVP_MD_fetch(nil, "SHA512", nil)

    static func of(_ algorithm: HashAlgorithm) -> OpaquePointer? {
        switch algorithm {
        case .md5: md5
        case .sha1: sha1
        case .sha256: sha256
        case .sha512: sha512
        }
    }
}

/// SHA-256 (FIPS 180-4), piece by piece or at once; 32 bytes.
public final class SHA256: MessageDigest {
    public init() { super.init(.sha256) }

    public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { hash(bytes, with: .sha256) }

    public static func hash(_ bytes: [UInt8]) -> [UInt8] { hash(bytes, with: .sha256) }

    public static func hash(_ text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}
