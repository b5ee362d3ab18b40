import FileFormats

/// What one layer's tar archive is made of: the nodes of some cpio archives, one after the other, and files that they delete.
///
/// Memory: the archives, unpacked.
struct LayerArchive {
    private enum Piece {
        case bytes([UInt8])
        case content(ArraySlice<UInt8>)
    }

    private var pieces: [Piece] = []
    /// Bytes of the archive with its end.
    private(set) var size = Tar.end.count
    /// What the node's init would delete once all is unpacked: the lines of `removalsFile`, where one of the segments has it.
    private(set) var removals: [String] = []

    private static let removalsFile = "usr/lib/bootferry/removals"

    /// Adds all that a segment unpacks.
    ///
    /// - Parameters:
    ///   - segment: a cpio archive.
    ///   - capabilities: of files, by path: the attribute `security.capability`.
    mutating func add(_ segment: [UInt8], capabilities: [String: [UInt8]]) throws {
        var reader = CPIO.Reader(segment)
        // Inode numbers are an archive's own.
        var firstNames: [UInt32: String] = [:]
        while let (entry, contents) = try reader.next() {
            // The kernel's root itself, which a container has already.
            if entry.path == "." || entry.path.isEmpty { continue }
            var node = Tar.Node(
                path: entry.path, kind: .fifo, permissions: entry.permissions, owner: entry.owner, group: entry.group,
                modified: entry.modified)
            switch entry.type {
            case .file where entry.links > 1 && firstNames[entry.inode] != nil:
                node.kind = .hardLink(to: firstNames[entry.inode] ?? "")
            case .file:
                node.kind = .file(size: entry.size)
                firstNames[entry.inode] = entry.path
                if entry.path == Self.removalsFile {
                    removals += String(decoding: contents, as: UTF8.self).split(separator: "\n").map(String.init)
                }
                if let attribute = capabilities[entry.path] { node.attributes["security.capability"] = attribute }
            case .directory: node.kind = .directory
            case .symbolicLink: node.kind = .symbolicLink(target: Array(contents))
            case .characterDevice: node.kind = .characterDevice(major: entry.deviceMajor, minor: entry.deviceMinor)
            case .blockDevice: node.kind = .blockDevice(major: entry.deviceMajor, minor: entry.deviceMinor)
            case .fifo: node.kind = .fifo
            }
            try add(node, contents)
        }
    }

    /// Adds what deletes a path of the layers below (OCI image specification, "Whiteouts").
    mutating func addWhiteout(of path: String) throws {
        let parts = path.split(separator: "/")
        guard let last = parts.last else { return }
        let name = (parts.dropLast().map(String.init) + [".wh.\(last)"]).joined(separator: "/")
        try add(Tar.Node(path: name, kind: .file(size: 0), permissions: 0o644), [])
    }

    private mutating func add(_ node: Tar.Node, _ contents: ArraySlice<UInt8>) throws {
        let header = try Tar.header(of: node)
        let padding = [UInt8](repeating: 0, count: Tar.padding(after: node.contentSize))
        pieces.append(.bytes(header))
        if node.contentSize > 0 { pieces += [.content(contents), .bytes(padding)] }
        size += header.count + node.contentSize + (node.contentSize > 0 ? padding.count : 0)
    }

    /// Gives the archive to `emit`, `size` bytes in all.
    func write(to emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): try bytes.withUnsafeBytes(emit)
            case .content(let bytes): try bytes.withUnsafeBytes(emit)
            }
        }
        try Tar.end.withUnsafeBytes(emit)
    }
}
