import Glibc
import LinuxCalls
import NIOPosix
import Synchronization

/// Something with a descriptor that a `DataLoop` watches; used on that loop's thread alone.
protocol DataSource: AnyObject {
    func ready(_ events: EventQueue.Events)
    /// Called ten times a second, for deadlines.
    func tick()
    /// The loop ends: close what is open.
    func close()
}

/// One thread that serves many sockets, none of which it waits for.
///
/// TFTP and HTTP run here and not on NIO's loops: a packet costs one wait and its own system calls, with no allocation.
/// (Through NIO's channels one client at block size 512 cost 1.4 times the CPU of tftpd-hpa, at 65,464 four times.)
final class DataLoop: @unchecked Sendable {
    /// Names a source until it is removed.
    struct Token: Equatable, Sendable { fileprivate let value: UInt64 }

    /// Room for the largest datagram that a client may send; what lies in it is gone with the next packet.
    static let receiveSize = 65_536

    private let queue: EventQueue
    private let submitted = Mutex<(bodies: [@Sendable () -> Void], isStopped: Bool)>(([], false))

    // The rest is the loop's thread's own, which is what makes the class sendable.
    let receiveBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: receiveSize, alignment: 64)
    let sendBuffer = DatagramBuffer()
    /// The time of the events that are handled now, since a fixed moment.
    private(set) var now = Duration.zero
    private var sources: [(source: (any DataSource)?, generation: UInt32)] = []
    private var free: [Int] = []
    private var nextTick = Duration.zero
    private var quickAnswers = QuickAnswers()
    private var hasJustHandled = false

    private static let tickLength = Duration.milliseconds(100)

    init() throws(NetworkCallError) { queue = try EventQueue() }

    deinit { receiveBuffer.deallocate() }

    /// Runs a body on the loop's thread, soon; not at all once the loop has ended.
    func submit(_ body: @escaping @Sendable () -> Void) {
        let isStopped = submitted.withLock { submitted in
            if !submitted.isStopped { submitted.bodies.append(body) }
            return submitted.isStopped
        }
        if !isStopped { queue.wake() }
    }

    /// Runs a body on the loop's thread, and waits for it.
    func run<Value: Sendable>(_ body: @escaping @Sendable (DataLoop) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Result { try body(self) }) }
        }
    }

    func stop() {
        submitted.withLock { $0.isStopped = true }
        queue.wake()
    }

    // MARK: - On the loop's thread

    func add(
        _ source: any DataSource, _ socket: Int32, for events: EventQueue.Events, isShared: Bool = false
    ) throws(NetworkCallError) -> Token {
        let slot = free.popLast() ?? sources.count
        if slot == sources.count { sources.append((nil, 0)) }
        let generation = sources[slot].generation &+ 1
        // Below the queue's own token, which has every bit set.
        let token = UInt64(slot) | UInt64(generation & 0x7fff_ffff) << 32
        sources[slot] = (source, generation)
        do throws(NetworkCallError) {
            try queue.add(socket, for: events, isShared: isShared, token: token)
        } catch {
            sources[slot].source = nil
            free.append(slot)
            throw error
        }
        return Token(value: token)
    }

    func change(_ socket: Int32, of token: Token, to events: EventQueue.Events) {
        queue.change(socket, to: events, token: token.value)
    }

    /// Call before the socket is closed.
    func remove(_ socket: Int32, _ token: Token) {
        guard source(token.value) != nil else { return }
        queue.remove(socket)
        let slot = Int(token.value & 0xffff_ffff)
        sources[slot].source = nil
        free.append(slot)
    }

    private func source(_ token: UInt64) -> (any DataSource)? {
        let slot = Int(token & 0xffff_ffff)
        guard slot < sources.count, sources[slot].generation & 0x7fff_ffff == UInt32(token >> 32) else { return nil }
        return sources[slot].source
    }

    /// Until `stop`; then every source is closed.
    func run() {
        lookAtClock()
        while true {
            let (bodies, isStopped) = submitted.withLock { submitted in
                defer { submitted.bodies = [] }
                return submitted
            }
            if isStopped { break }
            for body in bodies { body() }
            // A failing wait (ENOMEM) must not turn into a busy loop.
            do { try wait() } catch { usleep(10_000) }
            lookAtClock()
            if now >= nextTick {
                nextTick = now + Self.tickLength
                // By index: a tick may add and remove.
                for slot in sources.indices { sources[slot].source?.tick() }
            }
        }
        for slot in sources.indices { sources[slot].source?.close() }
    }

    private func wait() throws(NetworkCallError) {
        if hasJustHandled, quickAnswers.isWorthLooking() {
            let end = now + QuickAnswers.patience
            repeat {
                if try queue.wait(milliseconds: 0, handle) { return quickAnswers.looked(found: true) }
                // Whoever answers may be waiting for this processor.
                sched_yield()
                lookAtClock()
            } while now < end
            quickAnswers.looked(found: false)
        }
        hasJustHandled = try queue.wait(milliseconds: 100, handle)
    }

    private func handle(_ token: UInt64, _ events: EventQueue.Events) {
        lookAtClock()
        source(token)?.ready(events)
    }

    private func lookAtClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The loops of a server, one for each processor.
final class DataLoops: Sendable {
    let all: [DataLoop]
    private let threads: NIOThreadPool
    private let turn = Atomic(0)

    init(count: Int) throws(NetworkCallError) {
        var loops: [DataLoop] = []
        for _ in 0..<max(1, count) { loops.append(try DataLoop()) }
        all = loops
        threads = NIOThreadPool(numberOfThreads: loops.count)
        threads.start()
        for loop in loops { threads.submit { state in if case .active = state { loop.run() } } }
    }

    /// One after the other.
    func next() -> DataLoop {
        all[turn.wrappingAdd(1, ordering: .relaxed).oldValue % all.count]
    }

    /// Ends every loop, and waits for their threads.
    func stop() async {
        for loop in all { loop.stop() }
        try? await threads.shutdownGracefully()
    }
}
