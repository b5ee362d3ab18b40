import Archives
import Building
import FileFormats
import SystemPackage

/// `builtin:segment`: one `.deb` becomes one segment, in one pass, in bounded memory.
///
/// Environment: `deb`, `name`, `toolbox`, `keep` (kept extras, separated by spaces). Besides the segment's own files
/// the output has `control`, the package's stanza and its `conffiles`, for the configure step.
public struct SegmentBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let package = try DebianPackageFile(request.physical(try request.require("deb")))
        let name = try request.require("name")
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let leftOut = LeftOut(
            keptExtras: Set(try request.require("keep").split(separator: " ").map(String.init)))
        let control = try PackageControl(package)
        func convert(_ links: HardLinks) async throws {
            try await toolbox.makeSegment(named: name, in: request.output) { writer in
                try PackageConversion(package: package, control: control, leftOut: leftOut, links: links)
                    .run(into: writer)
            }
        }
        do {
            try await convert(HardLinks())
        } catch is HardLinks.Unknown {
            // The first name of a file must already say how many there are, and few packages have hard links:
            // only those are read twice.
            try Tree.remove(request.output)
            try await convert(try await onBlockingThread { try HardLinks(of: package, leftOut: leftOut) })
        }
        var text = control.stanza
        for file in control.files where file.name == "conffiles" {
            text += "\n" + String(decoding: file.contents, as: UTF8.self)
        }
        try Tree.write(Array(text.utf8), to: request.output.appending("control"))
    }
}

/// How many names each hard-linked file of a package has, by the canonical path of its first name.
struct HardLinks: Sendable {
    /// A hard link that came without its count.
    struct Unknown: Error {}

    private(set) var counts: [String: UInt32] = [:]

    init() {}

    init(of package: DebianPackageFile, leftOut: LeftOut) throws {
        var reader = try package.data()
        while let entry = try reader.next() {
            guard case .hardLink(let target) = entry.kind,
                let path = try CanonicalPath.of(entry.path, in: reader.name),
                let first = try CanonicalPath.of(target, in: reader.name), !leftOut.contains(path)
            else { continue }
            counts[first, default: 1] += 1
        }
    }
}

/// One package's files on their way into a segment.
private struct PackageConversion {
    let package: DebianPackageFile
    let control: PackageControl
    let leftOut: LeftOut
    let links: HardLinks

    func run(into writer: SegmentWriter) throws {
        var reader = try package.data()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        var list: [String] = []
        var directories: Set<String> = []
        while let entry = try reader.next() {
            list.append(Self.listed(entry.path))
            guard let path = try CanonicalPath.of(entry.path, in: control.name), !leftOut.contains(path) else {
                continue
            }
            if entry.kind == .directory { directories.insert(path) }
            try writer.copy(entry, as: path, from: &reader, links: links, buffer)
        }
        // The kernel makes no parents: what the package did not carry itself comes from the init segment's base.
        for directory in ["var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"] where !directories.contains(directory)
        {
            try writer.directory(directory)
        }
        let start = "var/lib/dpkg/info/\(control.infoName)"
        try writer.file("\(start).list", Array(list.map { $0 + "\n" }.joined().utf8))
        for file in control.files {
            try writer.file("\(start).\(file.name)", file.contents, permissions: file.permissions & 0o755)
        }
    }

    /// A name as dpkg's `.list` has it: `/.` for the root, no slash at the end, and not moved into `/usr`.
    private static func listed(_ path: String) -> String {
        var text = Substring(path)
        if text.hasPrefix("./") { text = text.dropFirst(2) }
        while text.hasSuffix("/") { text = text.dropLast() }
        return text.isEmpty || text == "." ? "/." : "/\(text)"
    }
}

extension SegmentWriter {
    /// Writes one member of an archive under its canonical path; contents come from `reader` through `buffer`.
    ///
    /// A hard link that `links` does not count throws `HardLinks.Unknown`.
    func copy(
        _ entry: ArchiveEntry, as path: String, from reader: inout ArchiveReader, links: HardLinks = HardLinks(),
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws {
        func header(
            _ type: CPIO.FileType, links: UInt32? = nil, sameFileAs other: String? = nil, size: Int = 0,
            major: UInt32 = 0, minor: UInt32 = 0
        ) throws {
            try self.header(
                path, type, permissions: entry.permissions, owner: entry.owner, group: entry.group, links: links,
                sameFileAs: other, size: size, deviceMajor: major, deviceMinor: minor)
        }
        switch entry.kind {
        case .directory: try header(.directory)
        case .symbolicLink(let target): try link(path, to: target)
        case .characterDevice(let major, let minor): try header(.characterDevice, major: major, minor: minor)
        case .blockDevice(let major, let minor): try header(.blockDevice, major: major, minor: minor)
        case .fifo: try header(.fifo)
        case .hardLink(let target):
            guard let first = try CanonicalPath.of(target, in: reader.name) else {
                throw missing(path, target, reader.name)
            }
            guard let count = links.counts[first] else { throw HardLinks.Unknown() }
            guard hasLinks(first) else { throw missing(path, target, reader.name) }
            try header(.file, links: count, sameFileAs: first)
        case .file:
            try header(.file, links: links.counts[path], size: entry.size)
            while case let count = try reader.read(into: buffer), count > 0 {
                try write(contents: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            try padding(after: entry.size)
            if let attribute = entry.extendedAttributes["security.capability"] { capability(path, attribute) }
        }
    }

    private func missing(_ path: String, _ target: String, _ archive: String) -> BuildError {
        BuildError(
            kind: .corrupt, subject: archive,
            message: "carries '\(path)' as another name of '\(target)', which is not in the image before it")
    }
}
