import CLinuxCalls
import Glibc
import SystemPackage

/// Replaces a small file whole: written beside, synced, renamed, and the directory synced, so that a pulled plug
/// leaves either the old bytes or the new. Blocking; one writer at a time.
///
/// - Throws: `Errno`.
public func replaceFile(at path: FilePath, with bytes: [UInt8]) throws {
    let beside = FilePath(path.string + ".new")
    let file = try FileDescriptor.open(
        beside, .writeOnly, options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter {
        try file.writeAll(bytes)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
    guard rename(beside.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    let directory = path.removingLastComponent()
    let result = bf_fsync_directory(directory.isEmpty ? "." : directory.string)
    guard result == 0 else { throw Errno(rawValue: -result) }
}
