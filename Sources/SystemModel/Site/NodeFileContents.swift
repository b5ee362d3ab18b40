import Diagnostics

/// What the files of a site's nodes hold that stand on the server's own disk: read once, when the server starts, so that it
/// needs no right to them later and a boot gets what was there when the site was read.
public struct NodeFileContents: Sendable, Equatable {
    /// Bytes of one file. A node's files are held in memory and go through its firmware; what is larger belongs to its system.
    public static let largestFile = 1 << 20
    /// Bytes of all files that a node gets with its boot, and of all that it gets as secrets.
    public static let mostBytes = 1 << 20
    public static let mostSecretBytes = 256 << 10

    /// By absolute path on the server.
    private let sources: [String: [UInt8]]

    /// Reads the sources of every file of every node and group.
    ///
    /// - Parameter files: gives the bytes of a path, at most `largestFile` and one.
    /// - Throws: `ConfigurationError` with every file that cannot be read or is too large, and every node with too much.
    public init(of site: Site, files: (String) -> FileContent) throws(ConfigurationError) {
        var sources: [String: [UInt8]] = [:]
        var problems: [ConfigurationProblem] = []
        func read(_ choices: NodeChoices, _ place: String) {
            for file in choices.files {
                let subject = "\(place).files.\(file.file.path)"
                guard case .file(let path) = file.file.source else { continue }
                if sources[path] == nil {
                    switch files(path) {
                    case .bytes(let bytes): sources[path] = bytes
                    case .missing:
                        problems.append(.init(file.position, subject, "no such file: `\(path)`"))
                    case .unreadable(let reason):
                        problems.append(.init(file.position, subject, "cannot read `\(path)`: \(reason)"))
                    }
                }
                if let size = sources[path]?.count, size > Self.largestFile {
                    problems.append(
                        .init(
                            file.position, subject,
                            "`\(path)` is over \(formatBytes(Self.largestFile)), the most that a node's own file may "
                                + "have; put it into the system"))
                }
            }
        }
        for group in site.groups { read(group.settings, "groups.\(group.name)") }
        for node in site.nodes { read(node.settings, "nodes.\(node.name)") }
        self.sources = sources
        if problems.isEmpty {
            for node in site.nodes {
                let own = site.settings(of: node).files
                for (isSecret, most) in [(false, Self.mostBytes), (true, Self.mostSecretBytes)] {
                    let size = own.filter { $0.isSecret == isSecret }.reduce(0) { $0 + bytes(of: $1.file).count }
                    guard size > most else { continue }
                    problems.append(
                        .init(
                            node.position, "nodes.\(node.name).files",
                            "its \(isSecret ? "secret " : "")files, with its group's, hold \(formatBytes(size)), expected "
                                + "at most \(formatBytes(most)); put what is not its alone into the system"))
                }
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// What a file holds, or a link's target.
    public func bytes(of file: SystemFile) -> [UInt8] {
        switch file.source {
        case .text(let text): Array(text.utf8)
        case .file(let path): sources[path] ?? []
        case .link(let target): Array(target.utf8)
        }
    }
}
