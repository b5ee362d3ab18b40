import Glibc
import LinuxCalls
import OpenSSL
import StoreModel
import SystemPackage

/// The calls on files of media and keys; nothing here follows a link, and every read has a bound.
enum MediumFiles {
    /// Names in a folder, sorted by bytes; none where there is no such folder.
    static func names(in folder: FilePath) throws -> [String] {
        guard let stream = opendir(folder.string) else {
            if errno == ENOENT { return [] }
            throw CarryingError("cannot list", folder, Errno(rawValue: errno))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw CarryingError("cannot list", folder, Errno(rawValue: errno)) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Opens a regular file for reading; a link, device or pipe throws.
    static func open(_ file: FilePath) throws -> (file: FileDescriptor, size: Int) {
        let descriptor: FileDescriptor
        do {
            // Not blocking: a pipe of this name would wait for a writer for ever.
            descriptor = try FileDescriptor.open(
                file, .readOnly, options: [.noFollow, .closeOnExec, .nonBlocking])
        } catch Errno.tooManySymbolicLinkLevels {
            throw CarryingError("'\(file)'", "is a symbolic link, expected a regular file", kind: .corrupt)
        } catch {
            throw CarryingError("cannot open", file, error)
        }
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            try? descriptor.close()
            throw CarryingError("'\(file)'", "is no regular file", kind: .corrupt)
        }
        return (descriptor, Int(status.st_size))
    }

    /// All of a small file; a larger one throws.
    static func content(of file: FilePath, limit: Int) throws -> [UInt8] {
        let (descriptor, size) = try open(file)
        defer { try? descriptor.close() }
        guard size <= limit else {
            throw CarryingError("'\(file)'", "has \(size) bytes, expected at most \(limit)", kind: .corrupt)
        }
        do {
            return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                while count < size {
                    let room = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...]))
                    let read = try descriptor.read(into: room)
                    if read == 0 { break }
                    count += read
                }
            }
        } catch {
            throw CarryingError("cannot read", file, error)
        }
    }

    /// Bytes of an open file from an offset; fewer only at its end.
    static func bytes(of file: FileDescriptor, at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let room = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[filled...]))
                let more = try file.read(fromAbsoluteOffset: Int64(offset + filled), into: room)
                if more == 0 { break }
                filled += more
            }
        }
    }

    static func makeFolder(_ path: FilePath) throws {
        if mkdir(path.string, 0o755) != 0 {
            let error = Errno(rawValue: errno)
            if error != .fileExists { throw CarryingError("cannot make the folder", path, error) }
        }
    }

    /// Bytes that an ordinary user may still write to the file system of `path`.
    static func freeBytes(at path: FilePath) throws -> Int {
        var status = statvfs()
        guard statvfs(path.string, &status) == 0 else {
            throw CarryingError("cannot examine the file system of", path, Errno(rawValue: errno))
        }
        return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }

    /// Bytes that the file system of `path` gives to a file at once.
    static func blockSize(at path: FilePath) throws -> Int {
        var status = statvfs()
        guard statvfs(path.string, &status) == 0 else {
            throw CarryingError("cannot examine the file system of", path, Errno(rawValue: errno))
        }
        return max(512, Int(clamping: status.f_frsize))
    }

    /// Keeps other exports out of a folder until the descriptor is closed.
    static func lock(_ folder: FilePath) throws -> FileDescriptor {
        let lock: FileDescriptor
        do {
            lock = try FileDescriptor.open(folder, .readOnly, options: [.directory, .closeOnExec])
        } catch {
            throw CarryingError("cannot open", folder, error)
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try? lock.close()
            throw CarryingError("'\(folder)'", "another export writes there", remedy: "wait for it, or end it")
        }
        return lock
    }

    /// Writes a small file beside, syncs it, and gives it its name.
    static func replace(_ file: FilePath, with bytes: [UInt8]) throws {
        do {
            try replaceFile(at: file, with: bytes)
        } catch {
            throw CarryingError("cannot write", file, error)
        }
    }

    static func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }
}
