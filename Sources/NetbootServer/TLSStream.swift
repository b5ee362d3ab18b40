import Glibc
import LinuxCalls
import OpenSSL

/// TLS between a connection and its socket. Used on its loop's thread.
///
/// TLS happens in memory (`TLSSession`), so that the socket is read and written as any other here: never waited for, never a
/// SIGPIPE. Kernel TLS would send files without a copy; it needs OpenSSL to own the socket.
final class TLSStream {
    private var session: TLSSession
    private let socket: Int32

    /// Bytes encrypted at a time: what a connection whose client does not read holds in memory.
    static let share = 32 << 10

    /// Nil where there is no memory.
    init?(of server: TLSServer, socket: Int32) {
        guard let session = TLSSession(of: server) else { return nil }
        self.session = session
        self.socket = socket
    }

    /// The client has said something.
    private(set) var isBegun = false
    var isEstablished: Bool { session.isEstablished }

    /// Encrypted bytes that the kernel has not taken yet.
    var pendingCount: Int { session.pendingCount }

    enum Reading: Equatable {
        case more, closed
        /// Why, in OpenSSL's words.
        case failed(String)
    }

    /// Takes what came from the socket, the first `count` bytes of the buffer, and appends what it carries to `received`; the
    /// buffer's content is gone afterwards. Call `flush` then: an answer may be due whatever came.
    func take(_ count: Int, of buffer: UnsafeMutableRawBufferPointer, appendingTo received: inout [UInt8]) -> Reading {
        isBegun = true
        session.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        while true {
            switch session.read(into: buffer) {
            case .bytes(let count): received.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .more: return .more
            case .closed: return .closed
            case .failed(let reason): return .failed(reason)
            }
        }
    }

    /// Encrypts bytes, at most `share` of them; call it when nothing is pending.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool { session.write(bytes) }

    /// Says that nothing follows.
    func close() { session.close() }

    /// Hands the kernel what is pending; 0 once it has all, else an errno negated.
    func flush() -> Int {
        while session.pendingCount > 0 {
            var result = 0
            session.send { bytes in
                result = DataSocket.send(socket, bytes)
                return result
            }
            guard result > 0 else { return result == 0 ? -Int(EPIPE) : result }
        }
        return 0
    }
}
