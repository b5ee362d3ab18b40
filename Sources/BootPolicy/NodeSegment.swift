import BootProtocols
import FileFormats
import SystemModel

/// A file on its way to a node, which lays it where it belongs itself: only there are account names numbers, and the
/// folders that exist known.
public struct LaidFile: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case file
        /// Laid only where nothing is.
        case spare
        /// A symbolic link; its target is the content.
        case link
    }

    /// Absolute in the node's root.
    public var path: String
    public var kind: Kind
    /// Permission bits, set-id and sticky bits included.
    public var mode: Int
    public var owner: String
    public var group: String
    public var content: [UInt8]

    /// What `lay-files` in `netboot/init` reads: for each file a line `SIZE KIND MODE OWNER GROUP PATH`, tabs between, and
    /// then as many bytes as it says. No path has a tab or a line break.
    static func stream(_ files: [LaidFile]) -> [UInt8] {
        files.flatMap { file in
            let words = [
                "\(file.content.count)", file.kind.rawValue, String(file.mode, radix: 8), file.owner, file.group,
                file.path,
            ]
            return Array((words.joined(separator: "\t") + "\n").utf8) + file.content
        }
    }

    /// A line for people.
    var words: String {
        let what =
            kind == .link
            ? "-> \(String(decoding: content, as: UTF8.self))"
            : "\(content.count) bytes, \(String(mode, radix: 8)) \(owner):\(group)"
        return "\(path), \(what)" + (kind == .spare ? ", unless the node has one" : "")
    }
}

/// What one boot of one node has besides its system: a segment of its own in the initramfs, with the token for its secrets.
///
/// The same for every request of a boot, so that ranges and repeated fetches agree.
public struct NodeSegment: Sendable, Equatable {
    /// Where it is unpacked, below the node's root; only root may look inside.
    static let folder = "usr/lib/bootferry/node"

    public var hostname: String
    public var machineID: String
    /// Whoever fetches the initramfs has these.
    public var files: [LaidFile]
    /// Nil where there are no secrets to ask for.
    public var token: String?

    /// One cpio archive in one zstd frame, like any segment.
    var segment: [UInt8] {
        var entries: [(name: String, content: [UInt8])] = [
            ("files", LaidFile.stream(files)), ("hostname", Array("\(hostname)\n".utf8)),
            ("machine-id", Array("\(machineID)\n".utf8)),
        ]
        if let token { entries.append(("token", Array("\(token)\n".utf8))) }
        var archive: [UInt8] = []
        var inode: UInt32 = 1
        func append(_ path: String, _ type: CPIO.FileType, _ permissions: UInt32, _ content: [UInt8]) {
            // Neither can fail: the names are ours, and 4 GiB are far off.
            let entry = CPIO.Entry(
                path: path, type: type, permissions: permissions, inode: inode, modified: Self.epoch,
                size: content.count)
            guard let header = try? CPIO.header(entry) else { fatalError("a cpio entry for \(path)") }
            archive += header + content + CPIO.padding(after: content.count)
            inode += 1
        }
        append(Self.folder, .directory, 0o700, [])
        for entry in entries { append("\(Self.folder)/\(entry.name)", .file, 0o600, entry.content) }
        return Zstandard.storedFrame(archive + CPIO.end)
    }

    /// 1980-01-01, as in every other segment.
    private static let epoch: UInt32 = 315_532_800

    /// For people: what it carries and what its token gets, and nothing that is in there.
    func words(_ secrets: [LaidFile]) -> [String] {
        var lines = ["its own segment, \(segment.count) bytes: hostname \(hostname), a machine-id"]
        lines += files.map { "  \($0.words)" }
        guard token != nil else { return lines }
        lines.append("  a token, which gets once:")
        return lines + secrets.map { "    \($0.words)" }
    }
}

/// What the server holds for its nodes.
public struct NodeProvisions: Sendable, Equatable {
    public var secret: SiteSecret
    public var contents: NodeFileContents

    public init(secret: SiteSecret, contents: NodeFileContents) {
        self.secret = secret
        self.contents = contents
    }

    func segment(of node: Node, _ settings: NodeChoices, attempt: String, system: ServedSystem) -> NodeSegment {
        let hasSecrets = system.manifest.hasSSHServer || settings.files.contains(where: \.isSecret)
        return NodeSegment(
            hostname: settings.hostname ?? node.name, machineID: secret.machineID(of: node.name),
            files: settings.files.filter { !$0.isSecret }.map(laid), token: hasSecrets ? secret.token(of: attempt) : nil
        )
    }

    /// What the token gets: the node's secret files, and its SSH host key where the system has a server for it.
    func secrets(of node: Node, _ settings: NodeChoices, system: ServedSystem) -> [LaidFile] {
        let own = settings.files.filter(\.isSecret).map(laid)
        guard system.manifest.hasSSHServer else { return own }
        let (key, hostname) = (secret.hostKey(of: node.name), settings.hostname ?? node.name)
        func part(_ path: String, _ mode: Int, _ text: String) -> LaidFile {
            LaidFile(path: path, kind: .spare, mode: mode, owner: "root", group: "root", content: Array(text.utf8))
        }
        return own + [
            part(HostKey.path, 0o600, key.privateFile(comment: hostname)),
            part(HostKey.path + ".pub", 0o644, "\(key.publicText) \(hostname)\n"),
        ]
    }

    private func laid(_ file: NodeFile) -> LaidFile {
        let isLink = if case .link = file.file.source { true } else { false }
        return LaidFile(
            path: file.file.path, kind: isLink ? .link : .file, mode: file.file.mode, owner: file.file.owner,
            group: file.file.group, content: contents.bytes(of: file.file))
    }
}

extension ImageManifest {
    /// Debian's own: its host key is one that a node may keep.
    var hasSSHServer: Bool { segments.contains { $0.summary.name == "openssh-server" } }
}

extension BootPolicy {
    /// What a boot has of its own; nil for a machine that is no node, and where the server holds nothing for nodes.
    func nodeSegment(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> NodeSegment? {
        guard let provisions, attempt != BootFileName.noAttempt, let (node, settings) = known(node) else { return nil }
        return provisions.segment(of: node, settings, attempt: attempt, system: system)
    }

    /// What the token of any boot of a machine gets.
    func nodeSecrets(for system: ServedSystem, _ node: MACAddress) -> [LaidFile] {
        guard let provisions, let (node, settings) = known(node) else { return [] }
        return provisions.secrets(of: node, settings, system: system)
    }

    private func known(_ node: MACAddress?) -> (Node, NodeChoices)? {
        guard let choice = node.map({ choice(for: seen.machine($0)) }), let known = choice.node else { return nil }
        return choice.settings.map { (known, $0) }
    }
}
