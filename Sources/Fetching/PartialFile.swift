import Glibc
import OpenSSL
import SystemPackage

/// The part of a file that has arrived, named by the digest of the whole, with the digest of what is there so far.
///
/// It is locked while a process writes it. A process that dies leaves it for the next one to go on from.
final class PartialFile {
    private(set) var count = 0
    private let path: FilePath
    private let file: FileDescriptor
    private var digest = SHA256()

    /// nil while another process holds it.
    init?(_ path: FilePath, limit: Int) throws(FetchError) {
        self.path = path
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch {
            throw FetchError(.failed, path.string, "cannot be opened", cause: "\(error)")
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else { return nil }
        var opened = stat()
        var named = stat()
        // Whoever held the lock before may have finished the file, and renamed it away from under this name.
        guard fstat(file.rawValue, &opened) == 0, stat(path.string, &named) == 0, opened.st_ino == named.st_ino else {
            return nil
        }
        if opened.st_size > limit { try clear() } else { try digestWhatIsThere() }
    }

    // Closing gives up the lock.
    deinit { try? file.close() }

    /// Appends; false when the disk refused.
    func append(_ bytes: UnsafeRawBufferPointer) -> Errno? {
        do {
            _ = try file.writeAll(toAbsoluteOffset: Int64(count), bytes)
        } catch {
            return error as? Errno ?? .ioError
        }
        digest.update(bytes)
        count += bytes.count
        return nil
    }

    /// Throws away what is there.
    func clear() throws(FetchError) {
        guard ftruncate(file.rawValue, 0) == 0 else {
            throw FetchError(.failed, path.string, "cannot be emptied", cause: "\(Errno(rawValue: errno))")
        }
        count = 0
        digest = SHA256()
    }

    /// The digest of all that is there, in lower-case hexadecimal; no more can be appended afterwards.
    func finishDigest() -> String {
        digest.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// Makes it last and gives it its final name.
    func publish(as final: FilePath) throws(FetchError) {
        guard fsync(file.rawValue) == 0, rename(path.string, final.string) == 0 else {
            throw FetchError(.failed, final.string, "cannot be put in place", cause: "\(Errno(rawValue: errno))")
        }
    }

    private func digestWhatIsThere() throws(FetchError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        do {
            while true {
                let read = try file.read(fromAbsoluteOffset: Int64(count), into: buffer)
                guard read > 0 else { return }
                digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
                count += read
            }
        } catch {
            throw FetchError(.failed, path.string, "cannot be read", cause: "\(error)")
        }
    }
}
