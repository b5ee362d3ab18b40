import Foundation
import Glibc
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

    let port: UInt16
    private let listener: Int32
    private let accepted = Mutex(0)
    private let isStopped = Atomic(false)

    /// How many connections clients have made.
    var connections: Int { accepted.withLock { $0 } }

    init(_ behaviour: Behaviour) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard bound else { throw CocoaError(.fileNoSuchFile) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                accepted.withLock { $0 += 1 }
                Thread.detachNewThread { [self] in
                    answer(client, behaviour)
                    close(client)
                }
            }
        }
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func answer(_ client: Int32, _ behaviour: Behaviour) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = recv(client, &buffer, buffer.count, 0)
        switch behaviour {
        case .hangsUp: return
        case .silent: wait(seconds: 5)
        case .failing: _ = say("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", client)
        case .endless:
            guard say("HTTP/1.1 200 OK\r\n\r\n", client) else { return }
            while say(String(repeating: "x", count: 1 << 16), client) {}
        case .trickling:
            guard say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", client) else { return }
            for _ in 0..<50 where say("x", client) { wait(seconds: 0.1) }
        }
    }

    private func wait(seconds: Double) {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end, !isStopped.load(ordering: .relaxed) { usleep(50_000) }
    }

    private func say(_ text: String, _ client: Int32) -> Bool {
        let bytes = Array(text.utf8)
        return send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
