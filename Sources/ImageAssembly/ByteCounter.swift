import Synchronization

/// Turns "so many in all" into "so many more".
final class ByteCounter: Sendable {
    private let reached = Mutex(0)
    private let onBytes: @Sendable (Int) -> Void

    init(_ onBytes: @escaping @Sendable (Int) -> Void) { self.onBytes = onBytes }

    func reached(_ bytes: Int) {
        let more = reached.withLock { last in
            defer { last = max(last, bytes) }
            return max(0, bytes - last)
        }
        if more > 0 { onBytes(more) }
    }
}
