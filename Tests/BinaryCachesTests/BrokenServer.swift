import Foundation
import Glibc
import LoopbackListener
import Synchronization

/// An HTTP server on the loopback that misbehaves in one way.
final class BrokenServer: Sendable {
    enum Behaviour: Sendable {
        /// Accepts, and says nothing.
        case silent
        case hangsUp
        /// 500 to all.
        case failing
        /// A body without end.
        case endless
        /// A byte now and then.
        case trickling
    }

    private let listener: LoopbackListener
    private let isStopped: Flag

    var port: UInt16 { listener.port }
    var connections: Int { listener.connections }

    init(_ behaviour: Behaviour) throws {
        let isStopped = Flag()
        self.isStopped = isStopped
        listener = try LoopbackListener { Answer(client: $0, isStopped: isStopped).give(behaviour) }
    }

    func stop() {
        isStopped.value.store(true, ordering: .relaxed)
        listener.stop()
    }
}

/// Set when a server ends.
private final class Flag: Sendable {
    let value = Atomic(false)
}

/// What one connection gets.
private struct Answer {
    let client: Int32
    let isStopped: Flag

    func give(_ behaviour: BrokenServer.Behaviour) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = recv(client, &buffer, buffer.count, 0)
        switch behaviour {
        case .hangsUp: return
        case .silent: wait(seconds: 5)
        case .failing: _ = say("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        case .endless:
            guard say("HTTP/1.1 200 OK\r\n\r\n") else { return }
            while say(String(repeating: "x", count: 1 << 16)) {}
        case .trickling:
            guard say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") else { return }
            for _ in 0..<50 where say("x") { wait(seconds: 0.1) }
        }
    }

    private func wait(seconds: Double) {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end, !isStopped.value.load(ordering: .relaxed) { usleep(50_000) }
    }

    private func say(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
