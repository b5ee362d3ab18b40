import BootProtocols
import FileFormats
import OpenSSL
import StoreModel

/// What a site alone knows, and from which all that its nodes keep across boots is derived: 32 random bytes that never
/// leave the server.
///
/// Each thing is an HMAC-SHA-256 of what it is and whose: nobody without the secret can make it, and nothing need be stored
/// for a node. It goes by the node's name, so that a new card or board keeps the old identity.
public struct SiteSecret: Sendable, Equatable, CustomStringConvertible {
    public static let byteCount = 32

    private let bytes: [UInt8]

    /// Nil unless there are 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Never the bytes: this may end up in a log.
    public var description: String { "a site's secret" }

    private func derived(_ what: String, _ whose: String) -> [UInt8] {
        SHA256.authenticationCode(of: "bootferry \(what) \(whose)", key: bytes)
    }

    /// A node's machine-id(5): 32 hexadecimal digits that are a random UUID's (RFC 9562 section 5.4) to who looks.
    func machineID(of node: String) -> String {
        var identity = Array(derived("machine-id", node).prefix(16))
        identity[6] = identity[6] & 0x0f | 0x40
        identity[8] = identity[8] & 0x3f | 0x80
        return Hexadecimal.encode(identity)
    }

    /// The token by which one boot asks for its secrets, 128 bits in hexadecimal digits. The boot's identifier, which
    /// anybody on the network may see, does not tell it; a server that was started again makes the same.
    func token(of attempt: String) -> String { Hexadecimal.encode(Array(derived("token", attempt).prefix(16))) }

    /// A node's SSH host key.
    public func hostKey(of node: String) -> HostKey { HostKey(seed: derived("ssh-ed25519", node)) }
}

/// A node's SSH host key, Ed25519 (RFC 8032).
public struct HostKey: Sendable, Equatable {
    static let path = "/etc/ssh/ssh_host_ed25519_key"

    private let seed: [UInt8]
    private let publicKey: [UInt8]

    /// - Parameter seed: 32 bytes.
    init(seed: [UInt8]) {
        guard let publicKey = try? Ed25519.publicKey(seed: seed) else {
            fatalError("an Ed25519 seed of \(seed.count) bytes")
        }
        self.seed = seed
        self.publicKey = publicKey
    }

    /// Type and key, as they stand in `known_hosts` after the names.
    public var publicText: String { "\(OpenSSHKey.ed25519) \(Base64.encode(OpenSSHKey.publicKey(publicKey)))" }

    /// The private key's file.
    func privateFile(comment: String) -> String {
        OpenSSHKey.armoured(
            base64: Base64.encode(OpenSSHKey.privateKey(seed: seed, publicKey: publicKey, comment: comment)))
    }

    /// A line for `known_hosts` (sshd(8)).
    public func knownHostsLine(names: [String]) -> String { "\(names.joined(separator: ",")) \(publicText)" }
}
