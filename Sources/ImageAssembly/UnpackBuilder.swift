import Archives
import Building
import Glibc
import SystemPackage

/// `builtin:unpack`: packages become a plain tree, for what runs or is read at build time: toolbox and loaders.
///
/// Environment: `debs`, store paths separated by spaces. A store object keeps neither owners nor set-id bits, and no
/// maintainer script runs; merged-/usr links and the few alternatives that builds need are made here. Nothing but
/// this process takes part, so this is where a build on a bare host begins.
public struct UnpackBuilder: Builder {
    public init() {}

    /// Links that update-alternatives(1) would make, made where the target is there.
    private static let alternatives = [
        ("usr/bin/awk", "mawk"), ("usr/bin/cc", "gcc"), ("usr/bin/c++", "g++"),
        ("usr/bin/cc", "clang"), ("usr/bin/c++", "clang++"), ("usr/bin/ld", "ld.lld"),
        ("usr/bin/which", "which.debianutils"),
    ]

    public func build(_ request: BuildRequest) async throws {
        let packages = try request.require("debs").split(separator: " ").map { request.physical(String($0)) }
        try await onBlockingThread {
            let unpacking = Unpacking(root: request.output)
            try Tree.makeDirectory(request.output)
            for package in packages { try unpacking.add(DebianPackageFile(package)) }
            for name in CanonicalPath.mergedNames.sorted() where Tree.exists(request.output.appending("usr/\(name)")) {
                try Tree.link(request.output.appending(name), to: "usr/\(name)")
            }
            for (path, target) in Self.alternatives {
                let link = request.output.appending(path)
                if !Tree.exists(link), Tree.exists(link.removingLastComponent().appending(target)) {
                    try Tree.link(link, to: target)
                }
            }
        }
    }
}

/// Writes packages' files below one directory and nowhere else.
private final class Unpacking {
    private let root: FilePath
    private let leftOut = LeftOut(keptExtras: [])
    private var directories: Set<String> = [""]

    init(root: FilePath) { self.root = root }

    func add(_ package: DebianPackageFile) throws {
        let title = package.file.lastComponent?.string ?? package.file.string
        var reader = try package.data()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        while let entry = try reader.next() {
            guard let path = try CanonicalPath.of(entry.path, in: title), !leftOut.contains(path) else { continue }
            let place = root.appending(path)
            if entry.kind == .directory {
                try directory(path, in: title)
                continue
            }
            try directory(path.split(separator: "/").dropLast().joined(separator: "/"), in: title)
            guard !directories.contains(path) else {
                throw BuildError(
                    kind: .corrupt, subject: title,
                    message: "carries '\(path)' as a file, another package as a directory")
            }
            switch entry.kind {
            case .file:
                unlink(place.string)
                do {
                    let file = try FileDescriptor.open(
                        place, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                        permissions: [.ownerReadWrite])
                    try file.closeAfter {
                        while case let count = try reader.read(into: buffer), count > 0 {
                            try file.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                        }
                    }
                } catch let error as Errno {
                    throw BuildError(subject: place.string, message: "could not be written", cause: "\(error)")
                }
                try Tree.setMode(place, entry.permissions & 0o111 == 0 ? 0o644 : 0o755)
            case .symbolicLink(let target):
                unlink(place.string)
                try Tree.link(place, to: target)
            case .hardLink(let target):
                guard let first = try CanonicalPath.of(target, in: title) else { continue }
                // Through no link: every directory on the way was made by this object.
                try directory(first.split(separator: "/").dropLast().joined(separator: "/"), in: title)
                unlink(place.string)
                guard Glibc.link(root.appending(first).string, place.string) == 0 else {
                    throw Tree.failure(place, "could not be linked to '\(target)'")
                }
            case .directory, .characterDevice, .blockDevice, .fifo:
                continue
            }
        }
    }

    /// Makes `path` and its parents; refuses to pass through anything that is not a directory made here.
    private func directory(_ path: String, in title: String) throws {
        if directories.contains(path) { return }
        try directory(path.split(separator: "/").dropLast().joined(separator: "/"), in: title)
        let place = root.appending(path)
        guard mkdir(place.string, 0o755) == 0 else {
            throw Tree.failure(place, "could not be made as a directory for '\(title)'")
        }
        try Tree.setMode(place, 0o755)
        directories.insert(path)
    }
}
