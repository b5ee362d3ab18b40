import Testing

@testable import BootProtocols

@Suite struct HTTPTests {
    static func request(_ text: String) -> HTTP.Reading<HTTP.Request> {
        Array(text.utf8).withUnsafeBytes { HTTP.Request.read($0) }
    }

    static func head(_ text: String) -> HTTP.Request? {
        if case .head(let request, _) = request(text) { request } else { nil }
    }

    static func refusal(_ text: String) -> Int? {
        if case .refused(let status, _) = request(text) { status } else { nil }
    }

    @Test func `a request's line and the fields that matter are read`() throws {
        let text =
            "GET /boot/a1/kernel?x=1 HTTP/1.1\r\nHost: 10.0.0.1\r\nRANGE:  bytes=5-9 \r\nIf-None-Match: \"a\", W/\"b\"\r\n"
            + "If-Range: \"c\"\r\n\r\nrest"
        let request = try #require(Self.head(text))
        #expect(request.method == .get && request.target == "/boot/a1/kernel?x=1")
        #expect(request.range == "bytes=5-9" && request.ifRange == "\"c\"")
        #expect(request.ifNoneMatch == ["\"a\"", "W/\"b\""])
        #expect(request.isKeepAlive && !request.isOld && request.contentLength == 0)
        guard case .head(_, let size) = Self.request(text) else { return }
        #expect(size == text.utf8.count - 4)
    }

    @Test func `connections stay as the version and the client say`() {
        #expect(Self.head("GET / HTTP/1.0\r\n\r\n")?.isKeepAlive == false)
        #expect(Self.head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")?.isKeepAlive == true)
        #expect(Self.head("GET / HTTP/1.1\nconnection: close\n\n")?.isKeepAlive == false)
    }

    @Test func `every prefix of a head is incomplete`() {
        let text = "POST /phone-home HTTP/1.1\r\nContent-Length: 5\r\n\r\n"
        let bytes = Array(text.utf8)
        for count in bytes.indices {
            // Not as a String, which counts CR and LF as one character.
            guard case .incomplete = bytes[..<count].withUnsafeBytes({ HTTP.Request.read($0) }) else {
                Issue.record("\(count) bytes")
                continue
            }
        }
        #expect(Self.head(text)?.contentLength == 5)
    }

    @Test(arguments: [
        ("GET /\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505), (" GET / HTTP/1.1\r\n\r\n", 400),
        ("GET /\u{e9} HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400), ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    ])
    func `what is no request is refused`(text: String, status: Int) {
        #expect(Self.refusal(text) == status)
    }

    @Test func `a head has a largest size and a largest number of fields`() {
        #expect(Self.refusal("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 9000)) == 431)
        #expect(Self.refusal("GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 200) + "\r\n") == 431)
    }

    @Test func `a response's status and length are read`() {
        let text = "HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
        guard case .head(let response, let size) = Array(text.utf8).withUnsafeBytes({ HTTP.Response.read($0) }) else {
            Issue.record("no head")
            return
        }
        #expect(response == .init(status: 206, contentLength: 12, isKeepAlive: false) && size == text.utf8.count)
    }
}
