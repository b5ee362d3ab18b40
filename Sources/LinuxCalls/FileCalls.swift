import CLinuxCalls
import SystemPackage

/// File system calls that Glibc's Swift overlay hides behind `_GNU_SOURCE`.
public enum FileCalls {
    /// Writes everything of the file system that `descriptor` lies on to its medium: syncfs(2).
    public static func syncFileSystem(of descriptor: FileDescriptor) throws(Errno) {
        try check(Int(bf_syncfs(descriptor.rawValue)))
    }

    /// Waits for the write lock on one byte of a file, which lasts until the descriptor is closed: F_OFD_SETLKW of fcntl(2).
    public static func lockByte(_ offset: Int64, of descriptor: FileDescriptor) throws(Errno) {
        try check(Int(bf_lock_byte(descriptor.rawValue, offset)))
    }

    /// Removes every extended attribute of a file, not following a link; the security module's label stays.
    public static func removeExtendedAttributes(of path: FilePath) throws(Errno) {
        let count = path.withPlatformString { bf_llistxattr($0, nil, 0) }
        // A file system without attributes has nothing to remove.
        if count == 0 || count == -Int(Errno.notSupported.rawValue) { return }
        try check(count)
        var names = [CChar](repeating: 0, count: count)
        let found = path.withPlatformString { bf_llistxattr($0, &names, names.count) }
        try check(found)
        for name in names.prefix(found).split(separator: 0) {
            if String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self) == "security.selinux" { continue }
            let result = path.withPlatformString { path in
                (Array(name) + [0]).withUnsafeBufferPointer { bf_lremovexattr(path, $0.baseAddress) }
            }
            try check(Int(result))
        }
    }

    private static func check(_ result: Int) throws(Errno) {
        if result < 0 { throw Errno(rawValue: CInt(-result)) }
    }
}
