import CCurl
import Synchronization

/// A libcurl multi handle: the connections of one fetch at a time, which stay open for the next.
///
/// Sendable although it is none: one session uses it at a time, and libcurl lets it wander between threads.
final class MultiHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init() throws(FetchError) {
        _ = try CurlHandle()  // Initialises libcurl, or says why not.
        guard let pointer = bf_curl_multi_init() else { throw FetchError(.failed, "libcurl", "cannot be started") }
        self.pointer = pointer
    }

    deinit { bf_curl_multi_cleanup(pointer) }
}

/// The multi handles that wait for their next fetch.
///
/// There are never more than there were fetches at once, so a mirror sees no more connections than transfers.
final class ConnectionPool: Sendable {
    private let idle = Mutex<[MultiHandle]>([])

    func take() throws(FetchError) -> MultiHandle {
        if let handle = idle.withLock({ $0.popLast() }) { return handle }
        return try MultiHandle()
    }

    func giveBack(_ handle: MultiHandle) { idle.withLock { $0.append(handle) } }
}
