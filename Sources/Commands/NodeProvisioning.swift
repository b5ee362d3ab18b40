import BootPolicy
import Glibc
import LocalStore
import NetbootServer
import SystemModel

extension SiteSource {
    /// What the site's nodes get of their own, all read now; nil where it has no nodes.
    ///
    /// - Parameter makesSecret: false leaves the state directory as it is: where there is no secret yet, one of zeros stands
    ///   for it, which tells names and sizes and is never to be served.
    static func provisions(
        for site: Site, in directory: StateDirectory, makesSecret: Bool = true
    ) throws -> NodeProvisions? {
        guard !site.nodes.isEmpty else { return nil }
        if makesSecret { return try provisions(for: site, secret: secret(in: directory)) }
        guard
            let known = try SiteSecretFile(path: directory.siteSecret).load()
                ?? SiteSecret([UInt8](repeating: 0, count: SiteSecret.byteCount))
        else { return nil }
        return try provisions(for: site, secret: known)
    }

    static func provisions(for site: Site, secret: SiteSecret) throws -> NodeProvisions {
        let contents = try NodeFileContents(of: site) { path in
            do {
                _ = try HostFiles.regularFile(path)
            } catch let error as CommandError {
                return access(path, F_OK) == 0 ? .unreadable(error.cause ?? error.message) : .missing
            } catch {
                return .unreadable("\(error)")
            }
            return HostFiles.content(path, limit: NodeFileContents.largestFile)
        }
        return NodeProvisions(secret: secret, contents: contents)
    }

    static func secret(in directory: StateDirectory) throws -> SiteSecret {
        try SiteSecretFile(path: directory.siteSecret).loadOrMake {
            var generator = SystemRandomNumberGenerator()
            return (0..<SiteSecret.byteCount).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
        }
    }

    /// Secrets that every account of this host can read, each with where it is said to be one.
    static func openSecrets(of site: Site) -> [String] {
        var lines: [String] = []
        for choices in site.groups.map(\.settings) + site.nodes.map(\.settings) {
            for file in choices.files where file.isSecret {
                let path = if case .file(let source) = file.file.source { source } else { file.position.file }
                var facts = stat()
                guard stat(path, &facts) == 0, facts.st_mode & 0o004 != 0 else { continue }
                lines.append(
                    "\(file.position): warning: `\(file.file.path)` is a secret, and every account here can read it in "
                        + "`\(path)`: chmod o-r \(path)")
            }
        }
        return lines
    }
}
