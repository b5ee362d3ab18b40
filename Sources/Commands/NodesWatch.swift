import BootPolicy
import Glibc
import NetbootServer
import Synchronization
import SystemModel

/// Who a site's nodes are, read anew where its file or the nodes file has changed: how a running server hears of
/// `node adopt`, and of what a person wrote.
final class NodesWatch: Sendable {
    /// By which a file is known to be another than it was.
    private struct Mark: Equatable {
        var inode: UInt = 0
        var size = 0
        var seconds = 0
        var nanoseconds = 0

        init(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return }
            inode = facts.st_ino
            size = Int(facts.st_size)
            (seconds, nanoseconds) = (facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec)
        }
    }

    /// As it was when the server began: its networks, ports and systems hold until it ends.
    private let site: Site
    /// Read when the server began: it may not read the file any more.
    private let secret: SiteSecret
    private let seen: Mutex<[Mark]>

    /// - Parameter site: one that was read from a file.
    init(site: Site, secret: SiteSecret) {
        self.site = site
        self.secret = secret
        seen = Mutex([Mark(site.path), Mark(site.nodesPath)])
    }

    /// The nodes as they are now, or nil where the files are as at the last call. What is wrong with them is said once.
    func changes() throws -> ServedNodes? {
        let marks = [Mark(site.path), Mark(site.nodesPath)]
        let isNew = seen.withLock { seen in
            defer { seen = marks }
            return seen != marks
        }
        guard isNew else { return nil }
        let now = try SiteSource.read(site.path)
        guard now.frame == site.frame else {
            throw CommandError(
                kind: .usage, subject: site.path,
                message: "has other networks, ports or systems than when this server began",
                remedy: "start it again; only nodes, groups and unknown machines change while it runs")
        }
        return ServedNodes(of: now, provisions: try SiteSource.provisions(for: now, secret: secret))
    }
}
