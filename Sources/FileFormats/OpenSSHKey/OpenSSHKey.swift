import ByteCoding

/// SSH's Ed25519 keys as OpenSSH stores them.
///
/// A public key (RFC 8709 section 4) is the two strings `ssh-ed25519` and 32 bytes, each behind its length as a big-endian
/// `uint32` (RFC 4251 section 5). A private one (OpenSSH's `PROTOCOL.key`): `openssh-key-v1` with a NUL, the strings cipher,
/// KDF and KDF options, the number of keys, the public key as a string, and one string with the private part: a check
/// number twice, the type, the public key, seed and public key together, a comment, and padding 1, 2, 3, … to 8 bytes.
///
/// What is written: one key, without a passphrase.
public enum OpenSSHKey {
    public static let ed25519 = "ssh-ed25519"

    /// The binary form whose Base 64 stands in `*.pub`, `authorized_keys` and `known_hosts`.
    public static func publicKey(_ key: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(string: ed25519.utf8)
        writer.append(string: key)
        return writer.bytes
    }

    /// The binary form of a private key; its file holds the Base 64 of it, `armoured`.
    ///
    /// - Parameters:
    ///   - seed: 32 bytes.
    ///   - publicKey: the 32 bytes that belong to it.
    public static func privateKey(seed: [UInt8], publicKey: [UInt8], comment: String) -> [UInt8] {
        var secret = ByteWriter()
        // Twice the same number, by which a reader tells a wrong passphrase; there is none, so any will do.
        for _ in 0..<2 { secret.append(publicKey.prefix(4)) }
        secret.append(string: ed25519.utf8)
        secret.append(string: publicKey)
        secret.append(string: seed + publicKey)
        secret.append(string: comment.utf8)
        var padding: UInt8 = 1
        while secret.count % 8 != 0 {
            secret.append(byte: padding)
            padding += 1
        }
        var writer = ByteWriter()
        writer.append(utf8: "openssh-key-v1")
        writer.append(byte: 0)
        writer.append(string: "none".utf8)
        writer.append(string: "none".utf8)
        writer.append(string: [])
        writer.append(bigEndian: UInt32(1))
        writer.append(string: self.publicKey(publicKey))
        writer.append(string: secret.bytes)
        return writer.bytes
    }

    /// The text of a private key's file around the Base 64 of its binary form, in lines of 70 as ssh-keygen writes them.
    public static func armoured(base64 text: String) -> String {
        var lines = ["-----BEGIN OPENSSH PRIVATE KEY-----"]
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(70)))
            rest = rest.dropFirst(70)
        }
        return (lines + ["-----END OPENSSH PRIVATE KEY-----", ""]).joined(separator: "\n")
    }
}

extension ByteWriter {
    fileprivate mutating func append(string bytes: some Collection<UInt8>) {
        append(bigEndian: UInt32(bytes.count))
        append(bytes)
    }
}
