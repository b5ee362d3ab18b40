import BootPolicy
import Glibc
import LinuxCalls
import SystemPackage

/// A site's secret on disk: 32 bytes that only the server's user may read, made once and never again.
///
/// Whoever has it can make every node's host key. Losing it gives every node another machine-id and host key.
public struct SiteSecretFile: Sendable {
    public let path: FilePath

    public init(path: FilePath) { self.path = path }

    /// What is there; nil where nothing is.
    ///
    /// - Throws: `NetbootServerError` for a file that cannot be read, is no secret, or is one no longer: others may read it.
    public func load() throws -> SiteSecret? {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
            return try file.closeAfter {
                var facts = stat()
                guard fstat(file.rawValue, &facts) == 0 else { throw Errno(rawValue: errno) }
                guard facts.st_mode & 0o077 == 0 else {
                    throw NetbootServerError(
                        subject: path.string,
                        message: "has the permission bits 0\(String(facts.st_mode & 0o777, radix: 8)), expected 0600",
                        remedy:
                            "chmod 600 \(path); if others may have read it, delete it: every node then gets another "
                            + "machine-id and SSH host key")
                }
                var bytes = [UInt8](repeating: 0, count: SiteSecret.byteCount + 1)
                let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
                guard let secret = SiteSecret(Array(bytes[..<count])) else {
                    throw NetbootServerError(
                        kind: .corrupt, subject: path.string,
                        message:
                            "has \(count > SiteSecret.byteCount ? "over " : "")\(min(count, SiteSecret.byteCount)) "
                            + "bytes, expected \(SiteSecret.byteCount)",
                        remedy:
                            "bring it back from a backup, or delete it: every node then gets another machine-id and "
                            + "SSH host key")
                }
                return secret
            }
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch let error as Errno {
            throw NetbootServerError(subject: path.string, message: "cannot be read", cause: "\(error)")
        }
    }

    /// What is there, or a new one.
    ///
    /// - Parameter random: 32 bytes from the host's random number generator.
    public func loadOrMake(random: () -> [UInt8]) throws -> SiteSecret {
        if let known = try load() { return known }
        do {
            let folder = path.removingLastComponent()
            if !folder.isEmpty, mkdir(folder.string, 0o755) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
            _ = try makePrivateFile(at: path, with: random())
        } catch let error as Errno {
            throw NetbootServerError(
                subject: path.string, message: "cannot be made", cause: "\(error)",
                remedy: "make its folder writable, or choose another with --state-dir")
        }
        guard let made = try load() else {
            throw NetbootServerError(subject: path.string, message: "is gone as soon as it was made")
        }
        return made
    }
}
