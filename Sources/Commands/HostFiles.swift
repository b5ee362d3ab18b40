import Glibc
import SystemModel
import SystemPackage

/// Files that people wrote, read whole.
enum HostFiles {
    /// The bytes of a file, at most `limit` and one, so that a device or a wrong file does not fill the memory.
    static func content(_ path: String, limit: Int = LockFile.maximumFileSize) -> FileContent {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
            return try descriptor.closeAfter {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while bytes.count <= limit {
                    let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
                    if count == 0 { break }
                    bytes += buffer[..<count]
                }
                return .bytes(bytes)
            }
        } catch Errno.noSuchFileOrDirectory {
            return .missing
        } catch {
            return .unreadable("\(error)")
        }
    }

    /// The bytes of a file that must be there.
    static func bytes(_ path: FilePath, limit: Int = LockFile.maximumFileSize) throws -> [UInt8] {
        switch content(path.string, limit: limit) {
        case .bytes(let bytes): return bytes
        case .missing: throw CommandError(subject: path.string, message: "is not there")
        case .unreadable(let reason):
            throw CommandError(subject: path.string, message: "cannot be read", cause: reason)
        }
    }

    /// Where a file that a configuration names really lies, through every link; anything but a regular file throws.
    static func regularFile(_ path: String) throws -> FilePath {
        func refused(_ message: String, cause: String? = nil) -> CommandError {
            CommandError(
                kind: .usage, subject: path, message: message, cause: cause,
                remedy: "name a regular file, or a link to one, as the 'source'")
        }
        guard let real = realpath(path, nil) else {
            throw refused("cannot be read", cause: String(cString: strerror(errno)))
        }
        defer { free(real) }
        var status = stat()
        guard stat(real, &status) == 0 else { throw refused("cannot be read", cause: String(cString: strerror(errno))) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return FilePath(String(cString: real))
        case S_IFDIR: throw refused("is a directory, expected a regular file")
        default: throw refused("is a device, pipe or socket, expected a regular file")
        }
    }

    /// The text of a file of Bootferry's own; an error names it.
    static func text(_ path: FilePath) throws -> String {
        guard case .bytes(let bytes) = content(path.string) else {
            throw CommandError(
                kind: .host, subject: path.string, message: "cannot be read",
                remedy: "name the folder that holds 'targets' and 'netboot' with --data-dir")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Names in a folder, sorted by bytes.
    static func names(in folder: FilePath) throws -> [String] {
        guard let stream = opendir(folder.string) else {
            throw CommandError(
                kind: .host, subject: folder.string, message: "cannot be read",
                remedy: "name the folder that holds 'targets' and 'netboot' with --data-dir")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
