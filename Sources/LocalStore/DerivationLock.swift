import StoreModel

/// Held while a derivation is built, so that of two processes that want the same, one builds and the other waits.
public final class DerivationLock: Sendable {
    private let lock: FileLock

    init(_ lock: consuming FileLock) { self.lock = lock }
}

extension LocalStore {
    /// Waits, blocking the thread, until no process builds the derivation; the lock goes with the value or the process.
    public func lock(derivation path: StorePath) throws -> DerivationLock {
        DerivationLock(try FileLock.wait(for: path, directory.objectLocks))
    }
}
