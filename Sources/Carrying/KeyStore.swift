import Glibc
import LinuxCalls
import LocalStore
import MediumModel
import StoreModel
import SystemPackage

extension StateDirectory {
    /// Keys, for their owner alone.
    public var keys: FilePath { path.appending("keys") }
}

/// The keys of a state directory, one file each in Nix's key format, `NAME:BASE64`.
///
///     keys/           mode 0700
///       secret/NAME   of a key of our own, mode 0600: 64 bytes, seed and public key
///       trusted/NAME  whose signatures count
///       revoked/NAME  whose signatures no longer count, a line for each key that had the name
///
/// Every change is one file made or renamed, so a kill leaves the old state or the new. Blocking.
public struct KeyStore: Sendable {
    private let folder: FilePath

    public init(_ directory: StateDirectory) { folder = directory.keys }

    private var secret: FilePath { folder.appending("secret") }
    private var trusted: FilePath { folder.appending("trusted") }
    private var revoked: FilePath { folder.appending("revoked") }

    /// Makes a key of this site's own, trusted here; `seed` is 32 random bytes.
    public func generate(_ name: String, seed: [UInt8]) throws -> PublicKey {
        try KeyRing.checkName(name)
        let key = try SigningKey(name: name, seed: seed)
        var ring = try ring()
        guard ring.trusted[name] == nil, ring.revoked[name] == nil else {
            throw CarryingError(
                "'\(name)'", "there is a key of this name already", kind: .usage,
                remedy: "choose another, such as \(name)-2; 'bootferry key list' has those there are")
        }
        try ring.trust(key.publicKey)
        try makeFolders()
        guard try make(secret.appending(name), key.secretText) else {
            throw CarryingError("'\(name)'", "a key of this name was just made by another process", kind: .usage)
        }
        try write(trusted.appending(name), key.publicKey.description)
        return key.publicKey
    }

    /// Trusts somebody's key from now on; a second time changes nothing.
    public func trust(_ key: PublicKey) throws {
        var ring = try ring()
        try ring.trust(key)
        try makeFolders()
        try write(trusted.appending(key.name), key.description)
    }

    /// Trusts a key no longer, nor signs with it; its secret half is removed.
    public func revoke(_ name: String) throws -> PublicKey {
        var ring = try ring()
        let key = ring.trusted[name]
        try ring.revoke(name)
        guard let key else { throw CarryingError("'\(name)'", "is not trusted", kind: .usage) }
        try makeFolders()
        let lines = ring.revoked[name, default: []].map(\.description).sorted().joined(separator: "\n")
        try write(revoked.appending(name), lines)
        try remove(trusted.appending(name))
        try remove(secret.appending(name))
        return key
    }

    /// Whose word counts here.
    public func ring() throws -> KeyRing {
        let revokedKeys = try keys(in: revoked)
        // A kill while revoking leaves the key in both places: then it is revoked.
        let trustedKeys = try keys(in: trusted).filter { !revokedKeys.contains($0) }
        return try KeyRing(trusted: trustedKeys, revoked: revokedKeys)
    }

    /// Names of the keys that can sign here.
    public func ownNames() throws -> [String] {
        let ring = try ring()
        return try names(in: secret).filter { ring.trusted[$0] != nil }
    }

    /// The key to sign with: the one named, else the only one there is.
    public func signingKey(_ name: String?) throws -> SigningKey {
        let own = try ownNames()
        guard let chosen = name ?? (own.count == 1 ? own[0] : nil) else {
            if own.isEmpty {
                throw CarryingError(
                    "'\(secret)'", "there is no key to sign with", kind: .usage,
                    remedy: "bootferry key generate NAME, such as \(Self.exampleName)")
            }
            throw CarryingError(
                "'\(secret)'", "there are several keys to sign with: \(own.joined(separator: ", "))", kind: .usage,
                remedy: "say which with --key")
        }
        guard own.contains(chosen) else {
            throw CarryingError(
                "'\(chosen)'", "there is no key of this name to sign with", kind: .usage,
                remedy: own.isEmpty
                    ? "bootferry key generate \(chosen)" : "those there are: \(own.joined(separator: ", "))")
        }
        let file = secret.appending(chosen)
        try checkMode(file)
        let key = try SigningKey(parsing: try text(of: file))
        guard key.name == chosen else {
            throw CarryingError("'\(file)'", "holds the key '\(key.name)', expected '\(chosen)'", kind: .corrupt)
        }
        return key
    }

    private static let exampleName = "example.org-1"
    /// No file of keys is longer.
    private static let maximumFileSize = 1 << 16

    private func keys(in folder: FilePath) throws -> [PublicKey] {
        try names(in: folder).flatMap { name in
            try text(of: folder.appending(name)).split(separator: "\n").map { line in
                let key = try PublicKey(parsing: line)
                guard key.name == name else {
                    throw CarryingError(
                        "'\(folder.appending(name))'", "holds the key '\(key.name.prefix(200))', expected '\(name)'",
                        kind: .corrupt)
                }
                return key
            }
        }
    }

    private func checkMode(_ file: FilePath) throws {
        var status = stat()
        guard lstat(file.string, &status) == 0 else { return }
        guard status.st_mode & 0o077 == 0 else {
            throw CarryingError(
                "'\(file)'",
                "others may read this secret key: mode \(String(status.st_mode & 0o777, radix: 8)), expected 600",
                kind: .host,
                remedy: "chmod 600 \(file), and make a new key if somebody else may have read it")
        }
    }

    private func makeFolders() throws {
        for path in [folder, secret, trusted, revoked] where mkdir(path.string, 0o700) != 0 {
            let error = Errno(rawValue: errno)
            if error != .fileExists { throw CarryingError("cannot make the folder", path, error) }
        }
    }

    private func names(in folder: FilePath) throws -> [String] {
        try MediumFiles.names(in: folder).filter { (try? KeyRing.checkName($0)) != nil && !$0.hasSuffix(".new") }
    }

    private func text(of file: FilePath) throws -> String {
        String(decoding: try MediumFiles.content(of: file, limit: Self.maximumFileSize), as: UTF8.self)
    }

    private func make(_ file: FilePath, _ text: String) throws -> Bool {
        do {
            return try makePrivateFile(at: file, with: Array("\(text)\n".utf8))
        } catch {
            throw CarryingError("cannot write", file, error)
        }
    }

    private func write(_ file: FilePath, _ text: String) throws {
        do {
            try replaceFile(at: file, with: Array("\(text)\n".utf8))
        } catch {
            throw CarryingError("cannot write", file, error)
        }
    }

    private func remove(_ file: FilePath) throws {
        if unlink(file.string) != 0, errno != ENOENT {
            throw CarryingError("cannot remove", file, Errno(rawValue: errno))
        }
        do {
            try syncDirectory(file.removingLastComponent())
        } catch {
            throw CarryingError("cannot sync", file.removingLastComponent(), error)
        }
    }
}
