import Glibc
import LinuxCalls
import StoreModel
import SystemPackage

/// The calls on files that the store makes; each failure names call, path and remedy.
enum Files {
    static func check(_ result: Int32, _ call: String, _ path: FilePath) throws(LocalStoreError) {
        if result < 0 { throw LocalStoreError(call, path, Errno(rawValue: errno)) }
    }

    /// What lies at `path`, not following a link; nil if nothing does.
    static func status(_ path: FilePath) throws(LocalStoreError) -> stat? {
        var status = stat()
        let result = path.withPlatformString { lstat($0, &status) }
        if result < 0, errno == ENOENT { return nil }
        try check(result, "cannot examine", path)
        return status
    }

    static func requiredStatus(_ path: FilePath) throws(LocalStoreError) -> stat {
        guard let found = try status(path) else {
            throw LocalStoreError("cannot examine", path, .noSuchFileOrDirectory)
        }
        return found
    }

    static func exists(_ path: FilePath) -> Bool {
        var status = stat()
        return path.withPlatformString { lstat($0, &status) } == 0
    }

    static func createDirectories(_ path: FilePath) throws(LocalStoreError) {
        if path.withPlatformString({ mkdir($0, 0o755) }) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, !path.components.isEmpty else {
            throw LocalStoreError("cannot create the directory", path, Errno(rawValue: errno))
        }
        try createDirectories(path.removingLastComponent())
        let result = path.withPlatformString { mkdir($0, 0o755) }
        if result < 0, errno != EEXIST { try check(result, "cannot create the directory", path) }
    }

    /// Names in a directory, sorted by bytes, as NAR wants them.
    static func names(in directory: FilePath) throws(LocalStoreError) -> [FilePath.Component] {
        guard let stream = directory.withPlatformString({ opendir($0) }) else {
            throw LocalStoreError("cannot list", directory, Errno(rawValue: errno))
        }
        defer { closedir(stream) }
        var names: [FilePath.Component] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw LocalStoreError("cannot list", directory, Errno(rawValue: errno)) }
                break
            }
            let component = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath.Component(platformString: $0) }
            }
            if let component, component.kind == .regular { names.append(component) }
        }
        return names.map { ($0, bytes(of: $0)) }.sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
    }

    static func bytes(of component: FilePath.Component) -> [UInt8] {
        component.withPlatformString { name in
            Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
        }
    }

    static func linkTarget(_ path: FilePath) throws(LocalStoreError) -> [UInt8] {
        var target = [CChar](repeating: 0, count: 4096)
        let count = path.withPlatformString { readlink($0, &target, target.count) }
        try check(Int32(truncatingIfNeeded: count), "cannot read the link", path)
        return target.prefix(count).map { UInt8(bitPattern: $0) }
    }

    static func open(
        _ path: FilePath, _ mode: FileDescriptor.AccessMode, _ options: FileDescriptor.OpenOptions = [],
        permissions: FilePermissions? = nil
    ) throws(LocalStoreError) -> FileDescriptor {
        do {
            return try FileDescriptor.open(path, mode, options: options.union(.closeOnExec), permissions: permissions)
        } catch {
            throw LocalStoreError("cannot open", path, (error as? Errno) ?? .ioError)
        }
    }

    static func rename(_ from: FilePath, to: FilePath) throws(LocalStoreError) {
        let result = from.withPlatformString { from in to.withPlatformString { Glibc.rename(from, $0) } }
        try check(result, "cannot rename to '\(to)'", from)
    }

    static func setMode(_ mode: mode_t, _ path: FilePath) throws(LocalStoreError) {
        try check(path.withPlatformString { chmod($0, mode) }, "cannot set the mode of", path)
    }

    /// Syncs a file's content, or a directory's list of names.
    static func sync(_ path: FilePath) throws(LocalStoreError) {
        let descriptor = try open(path, .readOnly, .noFollow)
        defer { try? descriptor.close() }
        try check(fsync(descriptor.rawValue), "cannot sync", path)
    }

    /// Gathers a tree's files and directories, contents before their directory; false if they are more than `limit`.
    static func gather(
        _ path: FilePath, into parts: inout [FilePath], limit: Int
    ) throws(LocalStoreError) -> Bool {
        let kind = try requiredStatus(path).st_mode & S_IFMT
        if kind == S_IFDIR {
            for name in try names(in: path) {
                guard try gather(path.appending(name), into: &parts, limit: limit) else { return false }
            }
        }
        // A link is on the medium with its directory.
        if kind != S_IFLNK { parts.append(path) }
        return parts.count <= limit
    }

    /// Syncs all of the file system `path` lies on: for trees, where one call is quicker than one for each file.
    static func syncFileSystem(of path: FilePath) throws(LocalStoreError) {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        do {
            try FileCalls.syncFileSystem(of: descriptor)
        } catch {
            throw LocalStoreError("cannot sync", path, error)
        }
    }

    static func write(_ bytes: [UInt8], to path: FilePath) throws(LocalStoreError) {
        let descriptor = try open(
            path, .writeOnly, [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        defer { try? descriptor.close() }
        try append(bytes, to: descriptor, path)
    }

    static func append(_ bytes: [UInt8], to descriptor: FileDescriptor, _ path: FilePath) throws(LocalStoreError) {
        do {
            try descriptor.writeAll(bytes)
        } catch {
            throw LocalStoreError("cannot write to", path, (error as? Errno) ?? .ioError)
        }
    }

    /// Removes a file or tree, and gives the bytes its blocks took; nothing there is no fault.
    ///
    /// Directories without write permission are opened up first, which only their owner may do. Another may be removing the
    /// same tree: the `rm` of a build that was killed lives on.
    @discardableResult
    static func remove(_ path: FilePath) throws(LocalStoreError) -> Int {
        guard let status = try status(path) else { return 0 }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        var freed = 0
        if isDirectory {
            if status.st_mode & 0o700 != 0o700 { try? setMode(0o700, path) }
            do {
                for name in try names(in: path) { freed += try remove(path.appending(name)) }
            } catch {
                if exists(path) { throw error }
            }
        }
        if path.withPlatformString({ isDirectory ? rmdir($0) : unlink($0) }) < 0, errno != ENOENT {
            try check(-1, "cannot remove", path)
        }
        return freed + (status.st_nlink == 1 || isDirectory ? Int(status.st_blocks) * 512 : 0)
    }

    /// Bytes that the blocks of a file or tree take.
    static func diskUsage(_ path: FilePath) throws(LocalStoreError) -> Int {
        guard let status = try status(path) else { return 0 }
        var used = Int(status.st_blocks) * 512
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try names(in: path) { used += try diskUsage(path.appending(name)) }
        }
        return used
    }
}

extension Files {
    /// The text of a small file of our own.
    static func text(of path: FilePath) throws(LocalStoreError) -> String {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count: Int
            do {
                count = try piece.withUnsafeMutableBytes { try descriptor.read(into: $0) }
            } catch {
                throw LocalStoreError("cannot read", path, (error as? Errno) ?? .ioError)
            }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            text += piece.prefix(count)
        }
    }
}

extension Files {
    static func makeLink(at path: FilePath, to target: [UInt8]) throws(LocalStoreError) {
        let text = target.map { CChar(bitPattern: $0) } + [0]
        try check(path.withPlatformString { symlink(text, $0) }, "cannot make the link", path)
    }

    /// Copies a regular file's bytes over an existing or new file.
    static func copyContent(of source: FilePath, to target: FilePath) throws(LocalStoreError) {
        let input = try open(source, .readOnly, .noFollow)
        defer { try? input.close() }
        let output = try open(target, .writeOnly, [.create, .truncate], permissions: [.ownerReadWrite])
        defer { try? output.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while case let count = try input.read(into: buffer), count > 0 {
                try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch {
            throw LocalStoreError("cannot copy from '\(source)' to", target, (error as? Errno) ?? .ioError)
        }
    }

    /// Copies a tree of files, directories and links; of modes only "executable" is kept.
    static func copyTree(
        of source: FilePath, to target: FilePath, refusingLinks: Bool = false
    ) throws(LocalStoreError) {
        let status = try requiredStatus(source)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            try copyContent(of: source, to: target)
            try setMode(status.st_mode & 0o100 != 0 ? 0o755 : 0o644, target)
        case S_IFLNK where refusingLinks:
            throw LocalStoreError(
                "'\(source)'", "is a symbolic link, expected a file or folder", kind: .usage,
                remedy: "put there what it leads to")
        case S_IFLNK: try makeLink(at: target, to: try linkTarget(source))
        case S_IFDIR:
            try createDirectories(target)
            for name in try names(in: source) {
                try copyTree(of: source.appending(name), to: target.appending(name), refusingLinks: refusingLinks)
            }
        default: throw LocalStoreError("'\(source)'", "is no file, directory or link, so it cannot be in the store")
        }
    }
}
