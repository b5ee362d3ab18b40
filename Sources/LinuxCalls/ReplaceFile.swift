import CLinuxCalls
import Glibc
import SystemPackage

/// Replaces a small file whole: written beside, synced, renamed, and the directory synced, so that a pulled plug
/// leaves either the old bytes or the new. Blocking; of several writers at once the last wins, whole.
///
/// - Throws: `Errno`.
public func replaceFile(at path: FilePath, with bytes: [UInt8]) throws {
    try replaceFile(at: path) { try $0.writeAll(bytes) }
}

/// Replaces a file whole, as `replaceFile(at:with:)`, by what `write` puts into the descriptor it is given.
///
/// The new file has mode 0644 less the umask. Where anything fails, the old file stays and nothing is left beside it.
///
/// - Throws: `Errno`, and what `write` throws.
public func replaceFile(at path: FilePath, writing write: (FileDescriptor) throws -> Void) throws {
    let (beside, file) = try makeFile(beside: path)
    do {
        try file.closeAfter {
            try write(file)
            guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
        guard rename(beside.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    } catch {
        unlink(beside.string)
        throw error
    }
    try syncDirectory(path.removingLastComponent())
}

/// Waits until the names in a directory are on its medium; the empty path is the current directory.
///
/// - Throws: `Errno`.
public func syncDirectory(_ directory: FilePath) throws {
    let result = bf_fsync_directory(directory.isEmpty ? "." : directory.string)
    guard result == 0 else { throw Errno(rawValue: -result) }
}

/// A new file of a name that no other writer has. Not by mkostemp(3), whose mode knows no umask.
private func makeFile(beside path: FilePath) throws -> (FilePath, FileDescriptor) {
    var attempts = 100
    while true {
        let beside = FilePath("\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).new")
        do {
            let file = try FileDescriptor.open(
                beside, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            return (beside, file)
        } catch Errno.fileExists where attempts > 0 {
            attempts -= 1
        }
    }
}
