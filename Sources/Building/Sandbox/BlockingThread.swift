import Dispatch

/// Runs work that blocks (reading files, writing pipes) away from Swift's own few threads, and waits for it.
public func onBlockingThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result(catching: work)) }
    }
}
