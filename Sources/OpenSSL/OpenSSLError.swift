import COpenSSL

/// What OpenSSL said when a call failed, in its own words.
public struct OpenSSLError: Error, CustomStringConvertible {
    public let call: String
    public let reason: String

    /// Takes the newest entry off OpenSSL's error queue and clears the rest.
    init(call: String) {
        self.call = call
        var text = [CChar](repeating: 0, count: 256)
        let code = ERR_peek_last_error()
        ERR_clear_error()
        if code == 0 {
            reason = "no reason given"
        } else {
            ERR_error_string_n(code, &text, text.count)
            reason = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        }
    }

    public var description: String { "\(call): \(reason)" }
}

/// Turns OpenSSL's "1 is success" into an error.
func check(_ result: Int32, _ call: @autoclosure () -> String) throws(OpenSSLError) {
    guard result == 1 else { throw OpenSSLError(call: call()) }
}
