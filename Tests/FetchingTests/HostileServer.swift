import Foundation
import Glibc
import LoopbackListener
import Synchronization

/// An HTTP server on the loopback whose paths each misbehave in one way.
final class HostileServer: Sendable {
    /// `/BEHAVIOUR/anything`.
    enum Behaviour: String {
        case good
        /// Promises everything, sends at most 300,000 bytes, hangs up.
        case drops
        /// As `drops`, and one byte is another.
        case dropsAltered
        /// As `drops`, and ignores Range.
        case dropsWhole
        /// Ignores Range.
        case whole
        /// One byte is another.
        case altered
        /// Says a smaller length, and keeps to it.
        case short
        /// Sends more than there is.
        case long
        case missing
        /// 503 twice, then well.
        case busy
        /// Sends 10,000 bytes every 10 ms.
        case slow
        /// Accepts and says nothing for a byte's worth, then hangs up, for ever.
        case silent
        /// Keeps the connection open for the next request.
        case kept
        /// Only for `apt` with the password `debian`.
        case guarded
    }

    private let listener: LoopbackListener
    private let answers: Answers

    /// How many connections clients have made.
    var connections: Int { listener.connections }
    /// `PATH RANGE` of every request, in order.
    var log: [String] { answers.log }

    init(body: [UInt8]) throws {
        let answers = Answers(body)
        self.answers = answers
        listener = try LoopbackListener { client in while answers.give(client) {} }
    }

    func stop() { listener.stop() }

    func url(_ behaviour: Behaviour, _ name: String = "file") -> String {
        "http://127.0.0.1:\(listener.port)/\(behaviour.rawValue)/\(name)"
    }
}

/// What connections get, and what was asked for.
private final class Answers: Sendable {
    private let body: [UInt8]
    private let requests = Mutex<[String]>([])

    init(_ body: [UInt8]) { self.body = body }

    var log: [String] { requests.withLock { $0 } }

    /// Answers one request; returns whether the connection is kept for another.
    func give(_ client: Int32) -> Bool {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !text.hasSuffix("\r\n\r\n") {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let lines = text.components(separatedBy: "\r\n")
        let path = lines[0].split(separator: " ")[1]
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
        let start = range.flatMap { Int($0.dropFirst(13).dropLast()) } ?? 0
        let earlier = requests.withLock { requests in
            requests.append("\(path) \(start)")
            return requests.count { $0.hasPrefix("\(path) ") }
        }
        let behaviour = HostileServer.Behaviour(rawValue: String(path.split(separator: "/")[0])) ?? .missing
        switch behaviour {
        case .kept:
            send(client, "HTTP/1.1 200 Fine\r\nContent-Length: \(body.count)\r\n\r\n", body[...])
            return true
        case .guarded where !text.contains("Authorization: Basic YXB0OmRlYmlhbg=="):
            let asks = "WWW-Authenticate: Basic realm=\"mirror\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            send(client, "HTTP/1.1 401 Who are you\r\n\(asks)", [])
        case .missing: send(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", [])
        case .busy where earlier <= 2: send(client, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", [])
        case .silent: return false
        case .slow:
            var place = start
            send(client, head(start > 0 ? 206 : 200, body.count - start), [])
            while place < body.count {
                let end = min(body.count, place + 10_000)
                send(client, "", body[place..<end])
                place = end
                usleep(10_000)
            }
        case .whole: send(client, head(200, body.count), body[...])
        case .altered, .dropsAltered:
            var other = body
            other[body.count - 1] ^= 1
            let end = behaviour == .altered ? body.count : min(body.count, start + 300_000)
            send(client, head(start > 0 ? 206 : 200, body.count - start), other[start..<end])
        case .dropsWhole: send(client, head(200, body.count), body[..<300_000])
        case .short: send(client, head(200, 1000), body[..<1000])
        case .long: send(client, head(200, body.count + 1000), body + [UInt8](repeating: 0, count: 1000))
        case .drops:
            send(
                client, head(start > 0 ? 206 : 200, body.count - start), body[start..<min(body.count, start + 300_000)])
        case .good, .busy, .guarded: send(client, head(start > 0 ? 206 : 200, body.count - start), body[start...])
        }
        return false
    }

    private func head(_ status: Int, _ length: Int) -> String {
        "HTTP/1.1 \(status) Whatever\r\nContent-Length: \(length)\r\nConnection: close\r\n\r\n"
    }

    private func send(_ client: Int32, _ head: String, _ bytes: ArraySlice<UInt8>) {
        let all = [UInt8](head.utf8) + bytes
        var sent = 0
        while sent < all.count {
            let count = all[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func send(_ client: Int32, _ head: String, _ bytes: [UInt8]) { send(client, head, bytes[...]) }
}
