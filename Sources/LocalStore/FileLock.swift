import Glibc
import LinuxCalls
import StoreModel
import Synchronization
import SystemPackage

/// A lock on a file, held until it is released or the value goes away; the kernel releases it when the process dies.
final class FileLock: Sendable {
    enum Kind { case shared, exclusive }

    private let descriptor: FileDescriptor
    private let isHeld = Mutex(true)

    private init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    deinit { release() }

    func release() {
        isHeld.withLock { isHeld in
            if isHeld { try? descriptor.close() }
            isHeld = false
        }
    }

    /// Waits for the lock; the file is made if it is missing.
    static func wait(_ kind: Kind, _ path: FilePath) throws(LocalStoreError) -> FileLock {
        let descriptor = try open(path)
        while flock(descriptor.rawValue, kind == .shared ? LOCK_SH : LOCK_EX) < 0 {
            let code = Errno(rawValue: errno)
            guard code == .interrupted else {
                try? descriptor.close()
                throw LocalStoreError("cannot lock", path, code)
            }
        }
        return FileLock(descriptor)
    }

    /// Takes the exclusive lock if nobody has it, else nil.
    static func take(_ path: FilePath) throws(LocalStoreError) -> FileLock? {
        let descriptor = try open(path)
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let code = Errno(rawValue: errno)
            try? descriptor.close()
            if code == .wouldBlock { return nil }
            throw LocalStoreError("cannot lock", path, code)
        }
        return FileLock(descriptor)
    }

    /// Waits for the lock of one object: a byte of one file, chosen by the digest, so that no lock files pile up.
    static func wait(for object: StorePath, _ path: FilePath) throws(LocalStoreError) -> FileLock {
        let descriptor = try open(path)
        // Nix32 digits 2 to 13 are 60 bits of the digest, a valid file offset.
        let offset = object.hashPart.utf8.prefix(12).reduce(Int64(0)) { $0 << 5 | Int64($1 & 31) }
        do {
            try FileCalls.lockByte(offset, of: descriptor)
        } catch {
            try? descriptor.close()
            throw LocalStoreError("cannot lock", path, error)
        }
        return FileLock(descriptor)
    }

    /// Appends to the locked file.
    func append(_ bytes: [UInt8], _ path: FilePath) throws(LocalStoreError) {
        try Files.append(bytes, to: descriptor, path)
    }

    private static func open(_ path: FilePath) throws(LocalStoreError) -> FileDescriptor {
        try Files.open(path, .readWrite, [.create, .append], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
}
