import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import Logging

/// A response on its way out: what is small goes from memory, the store's files by sendfile. Nothing large is held.
final class HTTPOutput {
    enum Progress { case done, more, failed }

    private let state: ServerState
    private let head: [UInt8]
    private let content: BootContent?
    private let size: Int
    private let label: String
    private let transport: BootAttempt.Transport
    private let attempt: String?
    private let reachesEnd: Bool
    private let began: Duration
    /// Bytes of the head and the body that the kernel has.
    private(set) var handedOver = 0
    private var nextReport = reportSize
    private var isDone = false

    /// Sent in one turn; then other connections have theirs.
    private static let share = 2 << 20
    /// Bytes between two progress events.
    private static let reportSize = 4 << 20

    init(
        _ response: HTTPResponse, to request: HTTP.Request, by transport: BootAttempt.Transport, state: ServerState,
        began: Duration
    ) {
        self.state = state
        self.transport = transport
        self.began = began
        if case .extents(_, _, let reachesEnd, _, _) = response.body {
            self.reachesEnd = reachesEnd
        } else {
            reachesEnd = false
        }
        var head = response.head(for: request)
        switch response.body {
        case .none:
            content = nil
            size = 0
            (label, attempt) = ("", nil)
        case .text(let text):
            if request.method != .head { head += Array(text.utf8) }
            content = nil
            size = 0
            (label, attempt) = ("", nil)
        case .bytes(let bytes):
            if request.method != .head { head += bytes }
            content = nil
            size = 0
            (label, attempt) = ("", nil)
        case .extents(let extents, let size, _, let label, let attempt):
            content = BootContent(extents, state: state)
            self.size = size
            self.label = label
            self.attempt = attempt
            state.record(.transferStarted(file: label, transport: transport, size: size), of: attempt)
        }
        self.head = head
    }

    /// Hands the kernel what it takes now.
    func write(to socket: Int32, now: Duration) -> Progress {
        write(now, next: { try writeNext(to: socket, atMost: $0) }, rest: { 0 })
    }

    /// The same through TLS, with a buffer to read files into.
    func write(through tls: TLSStream, by buffer: UnsafeMutableRawBufferPointer, now: Duration) -> Progress {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<TLSStream.share])
        return write(now, next: { _ in try writeNext(through: tls, by: room) }, rest: { tls.flush() })
    }

    /// - Parameters:
    ///   - next: hands over something, at most so many bytes, and returns how many, or an errno negated.
    ///   - rest: hands over what is left when all was taken; 0 once that is done.
    private func write(_ now: Duration, next: (_ limit: Int) throws -> Int, rest: () -> Int) -> Progress {
        var left = Self.share
        let all = head.count + size
        while handedOver < all {
            guard left > 0 else { return .more }
            let sent: Int
            do { sent = try next(left) } catch {
                state.logger.error("a boot file cannot be read", metadata: ["file": "\(label)", "error": "\(error)"])
                // The length is promised already: only closing the connection tells the client that it is not whole.
                stop("the server cannot read it: \(error)")
                return .failed
            }
            if sent == -Int(EAGAIN) || sent == -Int(EINTR) { return .more }
            guard sent > 0 else {
                stop(sent == 0 ? "the store's file has become shorter" : "the client closed the connection")
                return .failed
            }
            handedOver += sent
            left -= sent
            if handedOver >= nextReport, let attempt {
                nextReport = handedOver + Self.reportSize
                state.record(
                    .transferProgress(file: label, transport: transport, bytes: min(size, handedOver - head.count)),
                    of: attempt)
            }
        }
        switch rest() {
        case 0: break
        case -Int(EAGAIN), -Int(EINTR): return .more
        default:
            stop("the client closed the connection")
            return .failed
        }
        finish(now)
        return .done
    }

    private func writeNext(to socket: Int32, atMost limit: Int) throws -> Int {
        guard handedOver >= head.count else {
            return try head.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[handedOver...])
                // With a small body, one call and one packet for both.
                if let content, size > 0, case .memory(let pointer, let count) = try content.next(at: 0), count == size
                {
                    return withUnsafeTemporaryAllocation(of: DataSocket.Part.self, capacity: 2) { parts in
                        guard let first = parts.baseAddress else { return -Int(ENOMEM) }
                        parts[0] = DataSocket.Part(
                            iov_base: UnsafeMutableRawPointer(mutating: rest.baseAddress), iov_len: rest.count)
                        parts[1] = DataSocket.Part(iov_base: UnsafeMutableRawPointer(mutating: pointer), iov_len: count)
                        return DataSocket.send(socket, parts: first, count: 2)
                    }
                }
                return DataSocket.send(socket, rest, more: size > 0)
            }
        }
        guard let content else { return 0 }
        let position = handedOver - head.count
        switch try content.next(at: position) {
        case .memory(let pointer, let count):
            return DataSocket.send(
                socket, UnsafeRawBufferPointer(start: pointer, count: count), more: position + count < size)
        case .file(let file, let offset, let count):
            return DataSocket.sendFile(file.descriptor, offset: offset, count: min(count, limit), to: socket)
        }
    }

    /// One share, encrypted; what was encrypted before it goes first.
    private func writeNext(through tls: TLSStream, by room: UnsafeMutableRawBufferPointer) throws -> Int {
        let waiting = tls.flush()
        guard waiting == 0 else { return waiting }
        var count = 0
        while count < room.count, handedOver + count < head.count + size {
            let rest = UnsafeMutableRawBufferPointer(rebasing: room[count...])
            let position = handedOver + count
            if position < head.count {
                let part = head[position...].prefix(rest.count)
                rest.copyBytes(from: part)
                count += part.count
            } else {
                let read = try content?.read(at: position - head.count, into: rest) ?? 0
                guard read > 0 else { return 0 }
                count += read
            }
        }
        return tls.write(UnsafeRawBufferPointer(rebasing: room[..<count])) ? count : -Int(EPIPE)
    }

    private func finish(_ now: Duration) {
        guard !isDone else { return }
        isDone = true
        guard let attempt, reachesEnd else { return }
        state.record(
            .transferFinished(
                file: label, transport: transport, bytes: size, seconds: (now - began) / .seconds(1)),
            of: attempt)
    }

    func stop(_ reason: String) {
        guard !isDone else { return }
        isDone = true
        guard let attempt else { return }
        state.record(
            .transferStopped(
                file: label, transport: transport, bytes: max(0, handedOver - head.count), size: size, reason: reason),
            of: attempt)
    }
}
