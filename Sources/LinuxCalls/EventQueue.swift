import CLinuxCalls
import Glibc

/// What descriptors are ready for, of many at once: epoll(7), level-triggered, with a wake-up for other threads.
public final class EventQueue: Sendable {
    public struct Events: OptionSet, Sendable {
        public var rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let readable = Events(rawValue: UInt32(BF_READABLE))
        public static let writable = Events(rawValue: UInt32(BF_WRITABLE))
        /// An error or a peer that has gone; reported whether asked for or not.
        public static let failed = Events(rawValue: UInt32(BF_FAILED))
    }

    private static let wakeUpToken = UInt64.max
    private static let batch = 64
    private let descriptor: Int32
    private let wakeUp: Int32

    public init() throws(NetworkCallError) {
        descriptor = try NetworkCallError.check(bf_epoll_create(), "epoll", "cannot be made")
        wakeUp = try NetworkCallError.check(bf_event_create(), "eventfd", "cannot be made")
        try add(wakeUp, for: .readable, token: Self.wakeUpToken)
    }

    deinit {
        close(wakeUp)
        close(descriptor)
    }

    /// Watches a descriptor; `token` comes back with its events. `isShared`: of several queues that watch it, one is told.
    public func add(_ socket: Int32, for events: Events, isShared: Bool = false, token: UInt64) throws(NetworkCallError)
    {
        try NetworkCallError.check(
            bf_epoll_add(descriptor, socket, events.rawValue, isShared ? 1 : 0, token), "epoll", "cannot watch a socket"
        )
    }

    public func change(_ socket: Int32, to events: Events, token: UInt64) {
        _ = bf_epoll_change(descriptor, socket, events.rawValue, token)
    }

    public func remove(_ socket: Int32) { _ = bf_epoll_remove(descriptor, socket) }

    /// Makes a `wait` of another thread return.
    public func wake() { bf_event_signal(wakeUp) }

    /// Waits for events, no longer than `milliseconds` (-1: for ever), and hands each to `body`.
    /// - Returns: whether there was any.
    @discardableResult
    public func wait(
        milliseconds: Int32, _ body: (_ token: UInt64, _ events: Events) -> Void
    ) throws(NetworkCallError) -> Bool {
        let count = withUnsafeTemporaryAllocation(of: bf_ready.self, capacity: Self.batch) { ready -> Int32 in
            let count = bf_epoll_wait(descriptor, ready.baseAddress, Int32(Self.batch), milliseconds)
            guard count > 0 else { return count }
            for index in 0..<Int(count) {
                if ready[index].token == Self.wakeUpToken {
                    bf_event_clear(wakeUp)
                } else {
                    body(ready[index].token, Events(rawValue: ready[index].events))
                }
            }
            return count
        }
        return try NetworkCallError.check(count, "epoll", "cannot wait") > 0
    }
}
