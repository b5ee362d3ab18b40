import CCurl

/// A libcurl easy handle: one transfer at a time, its connection kept for the next.
final class CurlHandle {
    let pointer: UnsafeMutableRawPointer
    // libcurl writes its own account of a failure here.
    private let errorBuffer: UnsafeMutablePointer<CChar>

    init() throws(FetchError) {
        if let reason = bf_curl_load() {
            throw FetchError(
                .failed, "libcurl", "cannot be loaded", cause: String(cString: reason),
                remedy: "apt-get install libcurl4")
        }
        guard let pointer = bf_curl_easy_init() else {
            throw FetchError(.failed, "libcurl", "cannot be started")
        }
        self.pointer = pointer
        errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        bf_curl_easy_cleanup(pointer)
        errorBuffer.deallocate()
    }

    /// Makes the handle ready to get `url` from byte `offset` on; `receiver` is passed to `write`.
    func prepare(
        url: String, offset: Int, proxy: String?, credential: FetchCredential?, patience: FetchPatience,
        receiver: UnsafeMutableRawPointer,
        write: @escaping @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int
    ) throws(FetchError) {
        bf_curl_easy_reset(pointer)
        errorBuffer.pointee = 0
        try check(bf_curl_set_pointer(pointer, CURLOPT_ERRORBUFFER, errorBuffer), url)
        try check(bf_curl_set_string(pointer, CURLOPT_URL, url), url)
        try check(bf_curl_set_string(pointer, CURLOPT_PROTOCOLS_STR, "http,https,file"), url)
        try check(bf_curl_set_string(pointer, CURLOPT_REDIR_PROTOCOLS_STR, "http,https"), url)
        try check(bf_curl_set_string(pointer, CURLOPT_USERAGENT, "bootferry"), url)
        for (option, value) in [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FAILONERROR, 1), (CURLOPT_FOLLOWLOCATION, 1), (CURLOPT_MAXREDIRS, 5),
            (CURLOPT_CONNECTTIMEOUT, patience.connectSeconds), (CURLOPT_LOW_SPEED_LIMIT, patience.leastBytesPerSecond),
            (CURLOPT_LOW_SPEED_TIME, patience.slowSeconds),
        ] {
            try check(bf_curl_set_long(pointer, option, value), url)
        }
        if let proxy, url.hasPrefix("http:") { try check(bf_curl_set_string(pointer, CURLOPT_PROXY, proxy), url) }
        if let credential {
            try check(bf_curl_set_string(pointer, CURLOPT_USERNAME, credential.user), url)
            try check(bf_curl_set_string(pointer, CURLOPT_PASSWORD, credential.password), url)
        }
        if offset > 0 {
            // Not CURLOPT_RESUME_FROM: that fails where a server ignores ranges, which can be gone on from.
            try check(bf_curl_set_string(pointer, CURLOPT_RANGE, "\(offset)-"), url)
        }
        try check(bf_curl_set_pointer(pointer, CURLOPT_WRITEDATA, receiver), url)
        try check(bf_curl_set_write(pointer, write), url)
    }

    /// Ends the transfer that was prepared after so many seconds, whatever has come.
    func limit(seconds: Int, _ url: String) throws(FetchError) {
        try check(bf_curl_set_long(pointer, CURLOPT_TIMEOUT, seconds), url)
    }

    /// The HTTP status; 0 for a file or where no answer came.
    var status: Int {
        var value = 0
        bf_curl_get_long(pointer, CURLINFO_RESPONSE_CODE, &value)
        return value
    }

    /// What went wrong, in libcurl's words.
    func explanation(of code: CURLcode) -> String {
        let detail = String(cString: errorBuffer)
        return detail.isEmpty ? String(cString: bf_curl_easy_strerror(code)) : detail
    }

    private func check(_ code: CURLcode, _ url: String) throws(FetchError) {
        guard code != CURLE_OK else { return }
        throw FetchError(.failed, url, "libcurl refuses it", cause: String(cString: bf_curl_easy_strerror(code)))
    }
}
