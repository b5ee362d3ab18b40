import COpenSSL

extension SHA256 {
    /// HMAC-SHA-256 (RFC 2104): 32 bytes that only who has the key can make of a text.
    ///
    /// A libcrypto without it ends the program with OpenSSL's own text, since no input can cause that.
    public static func authenticationCode(of text: String, key: [UInt8]) -> [UInt8] {
        let message = Array(text.utf8)
        var code = [UInt8](repeating: 0, count: 32)
        var count = 0
        guard
            EVP_Q_mac(
                nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &code, code.count, &count)
                != nil, count == code.count
        else { fatalError("\(OpenSSLError(call: "EVP_Q_mac"))") }
        return code
    }
}
