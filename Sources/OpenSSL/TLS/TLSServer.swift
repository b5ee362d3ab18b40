import COpenSSL

/// What a TLS server proves itself with, shared by all its connections: a certificate, those above it, and the key.
///
/// TLS 1.2 and 1.3 (RFC 5246, 8446), no client certificates, no resumption, no renegotiation. RSA key exchange is left to
/// those that know nothing newer: firmware of 2022 has no elliptic curves.
public final class TLSServer: @unchecked Sendable {
    // Sendable since it never changes after `init`, and OpenSSL counts its users itself.
    private let context: OpaquePointer

    /// Which of the two inputs an error is about.
    public enum Refusal: Error, Sendable, Equatable {
        /// What is wrong, in words.
        case certificate(String)
        case key(String)
    }

    /// - Parameters:
    ///   - certificate: PEM: the server's own certificate first, then those that vouch for it; at most 16.
    ///   - key: PEM: the private key of the first, without a passphrase.
    public init(certificate: [UInt8], key: [UInt8]) throws(Refusal) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw .certificate("\(OpenSSLError(call: "SSL_CTX_new"))")
        }
        self.context = context
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // Ephemeral Diffie-Hellman for clients without elliptic curves: what was recorded stays secret without the key.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_DH_AUTO, 1, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        SSL_CTX_set_num_tickets(context, 0)
        // By number: the header's are shifts that Swift does not import.
        SSL_CTX_set_options(context, Option.noTicket | Option.noRenegotiation | Option.serverPreference)
        let chain = try Self.certificates(certificate)
        guard SSL_CTX_use_certificate(context, chain.first) == 1 else { throw .certificate(Self.reason()) }
        for issuer in chain.issuers {
            // "1": the chain takes a reference of its own.
            guard SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(issuer)) == 1 else {
                throw .certificate(Self.reason())
            }
        }
        try Self.use(key, in: context)
    }

    deinit { SSL_CTX_free(context) }

    /// Whether the certificate is made out to an address, of 4 or 16 bytes.
    public func isFor(address: [UInt8]) -> Bool {
        X509_check_ip(SSL_CTX_get0_certificate(context), address, address.count, 0) == 1
    }

    public enum Validity: Sendable, Equatable { case notYet, valid, over }

    /// Whether the certificate holds at a time, in seconds since the Unix epoch.
    public func validity(at seconds: Int) -> Validity {
        var time = time_t(seconds)
        let certificate = SSL_CTX_get0_certificate(context)
        // Negative: the certificate's time is earlier.
        if X509_cmp_time(X509_get0_notBefore(certificate), &time) > 0 { return .notYet }
        return X509_cmp_time(X509_get0_notAfter(certificate), &time) < 0 ? .over : .valid
    }

    /// A new connection's state, which the caller frees.
    func newSession() -> OpaquePointer? { SSL_new(context) }

    // MARK: - What was written

    private enum Option {
        static let noTicket: UInt64 = 1 << 14
        static let serverPreference: UInt64 = 1 << 22
        static let noRenegotiation: UInt64 = 1 << 30
    }

    private static let mostCertificates = 16

    /// Owns what was read until the context has it.
    private struct Chain: ~Copyable {
        var all: [OpaquePointer] = []
        var first: OpaquePointer? { all.first }
        var issuers: ArraySlice<OpaquePointer> { all.dropFirst() }
        deinit { for certificate in all { X509_free(certificate) } }
    }

    /// With a copy of the text: what BIO_new_mem_buf is given, it keeps.
    private static func buffer(of text: [UInt8]) -> OpaquePointer? {
        guard let buffer = BIO_new(BIO_s_mem()) else { return nil }
        let count = Int32(clamping: text.count)
        guard count == 0 || BIO_write(buffer, text, count) == count else {
            BIO_free(buffer)
            return nil
        }
        return buffer
    }

    private static func certificates(_ text: [UInt8]) throws(Refusal) -> Chain {
        ERR_clear_error()
        var chain = Chain()
        guard let input = buffer(of: text) else { throw .certificate(reason()) }
        defer { BIO_free(input) }
        while let certificate = withNoPassphrase({ PEM_read_bio_X509(input, nil, nil, $0) }) {
            chain.all.append(certificate)
            guard chain.all.count <= mostCertificates else {
                throw .certificate("more than \(mostCertificates) certificates")
            }
        }
        let isEnd = ERR_peek_last_error() & 0x7f_ffff == UInt(PEM_R_NO_START_LINE)
        guard isEnd else { throw .certificate(reason()) }
        ERR_clear_error()
        guard !chain.all.isEmpty else { throw .certificate("expected a certificate in PEM, found none") }
        return chain
    }

    private static func use(_ text: [UInt8], in context: OpaquePointer) throws(Refusal) {
        ERR_clear_error()
        guard let input = buffer(of: text) else { throw .key(reason()) }
        defer { BIO_free(input) }
        guard let key = withNoPassphrase({ PEM_read_bio_PrivateKey(input, nil, nil, $0) }) else {
            let code = ERR_peek_last_error() & 0x7f_ffff
            let isEncrypted = String(decoding: text, as: UTF8.self).contains("ENCRYPTED")
            if isEncrypted { ERR_clear_error() }
            throw .key(
                isEncrypted
                    ? "the key has a passphrase, which nobody is asked for"
                    : code == UInt(PEM_R_NO_START_LINE)
                        ? "expected a private key in PEM, found none" : reason())
        }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            throw .key(reason())
        }
    }

    /// OpenSSL would ask for a passphrase on the terminal; an empty one is its word for "do not".
    private static func withNoPassphrase(
        _ body: (UnsafeMutableRawPointer?) -> OpaquePointer?
    ) -> OpaquePointer? {
        var empty: CChar = 0
        return body(&empty)
    }

    private static func reason() -> String { TLSSession.reason() }
}
