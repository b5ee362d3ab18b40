import Glibc
import SystemPackage

/// Makes a file that only its owner may read, whole or not at all, unless one of that name is there already.
///
/// Of several makers at once the first wins; nothing is ever overwritten.
///
/// - Returns: false where one was there.
/// - Throws: `Errno`.
public func makePrivateFile(at path: FilePath, with bytes: [UInt8]) throws -> Bool {
    let beside = FilePath("\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).new")
    let file = try FileDescriptor.open(
        beside, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
        permissions: [.ownerRead, .ownerWrite])
    defer { unlink(beside.string) }
    try file.closeAfter {
        try file.writeAll(bytes)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
    // Unlike rename(2), this does not replace what is there.
    guard link(beside.string, path.string) == 0 else {
        let error = Errno(rawValue: errno)
        if error == .fileExists { return false }
        throw error
    }
    try syncDirectory(path.removingLastComponent())
    return true
}
