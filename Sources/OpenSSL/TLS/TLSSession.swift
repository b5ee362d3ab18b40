import COpenSSL

/// The server's end of one TLS connection, without its socket: bytes of the network go in and come out, and the bytes that
/// they carry come out and go in. Used on one thread at a time.
///
/// What it holds is bounded by what one `take` and one `write` are given: the caller sends `pending` before more of either.
public struct TLSSession: ~Copyable {
    /// What `read` found.
    public enum Reading: Equatable {
        /// So many bytes were written to the buffer.
        case bytes(Int)
        /// Nothing more until more is taken.
        case more
        /// The client has said that it sends no more.
        case closed
        /// The client is not understood, or does not want us: why, in OpenSSL's words.
        case failed(String)
    }

    private let session: OpaquePointer
    /// Owned by the session.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// Bytes at the beginning of `outgoing` that are sent.
    private var sentCount = 0

    /// Nil where there is no memory.
    public init?(of server: TLSServer) {
        guard let session = server.newSession() else { return nil }
        guard let incoming = BIO_new(BIO_s_mem()) else {
            SSL_free(session)
            return nil
        }
        guard let outgoing = BIO_new(BIO_s_mem()) else {
            BIO_free(incoming)
            SSL_free(session)
            return nil
        }
        // Empty means "later", not "over".
        for memory in [incoming, outgoing] { BIO_ctrl(memory, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil) }
        SSL_set_bio(session, incoming, outgoing)
        SSL_set_accept_state(session)
        self.session = session
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit { SSL_free(session) }

    /// The handshake is over, and what is read is the client's own.
    public var isEstablished: Bool { SSL_is_init_finished(session) == 1 }

    /// Takes bytes from the network.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        _ = BIO_write(incoming, start, Int32(clamping: bytes.count))
    }

    /// Decrypts what was taken, or goes on with the handshake; call it until it says that there is no more.
    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Reading {
        ERR_clear_error()
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .more
        case SSL_ERROR_ZERO_RETURN: return .closed
        default: return .failed(Self.reason())
        }
    }

    /// Encrypts bytes; false where the connection cannot be used any more.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return true }
        ERR_clear_error()
        return SSL_write(session, start, Int32(clamping: bytes.count)) == Int32(clamping: bytes.count)
    }

    /// Tells the client that nothing follows.
    public mutating func close() {
        ERR_clear_error()
        _ = SSL_shutdown(session)
    }

    /// How many bytes wait to be sent.
    public var pendingCount: Int { BIO_ctrl(outgoing, BIO_CTRL_PENDING, 0, nil) - sentCount }

    /// What is to be sent, for as long as `body` runs; it returns how many of the bytes are.
    public mutating func send(_ body: (UnsafeRawBufferPointer) -> Int) {
        var start: UnsafeMutableRawPointer?
        let count = withUnsafeMutablePointer(to: &start) { BIO_ctrl(outgoing, BIO_CTRL_INFO, 0, $0) }
        guard count > sentCount, let start else { return }
        sentCount += max(0, body(UnsafeRawBufferPointer(start: start + sentCount, count: count - sentCount)))
        guard sentCount >= count else { return }
        BIO_ctrl(outgoing, BIO_CTRL_RESET, 0, nil)
        sentCount = 0
    }

    /// The newest error of this thread in OpenSSL's words, without numbers and places; clears them all.
    static func reason() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "no reason given"
    }
}
