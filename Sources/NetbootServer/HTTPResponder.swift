import BootPolicy
import BootProtocols

/// What a request is answered with.
struct HTTPResponse {
    enum Body {
        case none
        case text(String)
        case bytes([UInt8])
        /// `size` bytes in all; `label` and `attempt` name the transfer in the boot's timeline. Only what reaches the file's
        /// end delivers it.
        case extents([BootFile.Extent], size: Int, reachesEnd: Bool, label: String, attempt: String)
    }

    var status: Int
    var headers: [(name: String, value: String)] = []
    /// Nil leaves Content-Length out, which 304 alone may.
    var contentLength: Int?
    var body = Body.none
    /// The connection cannot be used again: what follows on it is not known.
    var closes = false
    /// Goes out when what the request made happen is on disk.
    var waitsForRecords = false
    /// Stands for an answer that takes time: it is asked for, and goes out when it is there.
    var later: (@Sendable (_ give: @escaping @Sendable (HTTPResponse) -> Void) -> Void)?

    static func plain(_ status: Int, _ text: String, closes: Bool = false) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain")], contentLength: text.utf8.count,
            body: .text(text), closes: closes)
    }

    static let reasons: [Int: String] = [
        200: "OK", 206: "Partial Content", 304: "Not Modified", 400: "Bad Request",
        403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 413: "Content Too Large", 416: "Range Not Satisfiable",
        431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
        505: "HTTP Version Not Supported",
    ]

    /// The bytes up to the body.
    func head(for request: HTTP.Request) -> [UInt8] {
        var head: [UInt8] = []
        // One allocation; a string that grows piece by piece took a sixth of a small request.
        head.reserveCapacity(320)
        func add(_ pieces: String...) { for piece in pieces { head += piece.utf8 } }
        add("HTTP/1.1 ", String(status), " ", Self.reasons[status] ?? "Error", "\r\n")
        for header in headers { add(header.name, ": ", header.value, "\r\n") }
        if let contentLength { add("Content-Length: ", String(contentLength), "\r\n") }
        if closes || !request.isKeepAlive {
            add("Connection: close\r\n")
        } else if request.isOld {
            add("Connection: keep-alive\r\n")
        }
        add("\r\n")
        return head
    }
}

/// Requests and their answers: boot files and the phone-home.
///
/// For firmware's sake: exact Content-Length, no redirect, no chunks, and the connection stays open from HEAD to GET.
enum HTTPResponder {
    static let largestBody = 4096

    static func answer(
        _ request: HTTP.Request, body: [UInt8], client: ClientAddress, on port: HTTPPort, state: ServerState
    ) -> HTTPResponse {
        let (path, query) = split(request.target)
        if path == "/phone-home", request.method == .get || request.method == .post {
            return phoneHome(query, body, state)
        }
        if path == "/secrets", request.method == .post {
            return secrets(query, body, client, state)
        }
        guard request.method == .get || request.method == .head else {
            var answer = HTTPResponse.plain(405, "only GET and HEAD\n")
            answer.headers.append(("Allow", "GET, HEAD"))
            return answer
        }
        if let cache = state.binaryCache, path.hasPrefix(OfferedCache.prefix) {
            var answer = HTTPResponse(status: 200)
            answer.later = { cache.answer(request, path, logger: state.logger, $0) }
            return answer
        }
        guard path.hasPrefix("/"),
            let (name, file) = state.bootFile(
                named: path, on: port.network, overIPv6: port.isIPv6, cookie: request.cookie)
        else {
            if let attempt = BootFileName.attempt(in: path), request.method == .get {
                state.record(.refused(file: path, transport: port.transport), of: attempt)
            }
            return .plain(404, "no such boot file\n")
        }
        return give(file, ofAttempt: name.attempt, path, request)
    }

    static func give(
        _ file: BootFile, ofAttempt attempt: String, _ path: String, _ request: HTTP.Request
    ) -> HTTPResponse {
        let tag = file.entityTag
        let size = file.size
        var answer = HTTPResponse(
            status: 200,
            headers: [("Content-Type", file.contentType), ("Accept-Ranges", "bytes"), ("ETag", tag)])
        if request.ifNoneMatch.contains(where: { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }) {
            answer.status = 304
            return answer
        }
        let heedsRange = request.method == .get && (request.ifRange == nil || request.ifRange == tag)
        var range = 0..<size
        switch HTTPByteRange(header: heedsRange ? request.range : nil, size: size) {
        case .unsatisfiable:
            answer.status = 416
            answer.headers.append(("Content-Range", "bytes */\(size)"))
            answer.contentLength = 0
            return answer
        case .whole: break
        case .part(let part):
            range = part
            answer.status = 206
            answer.headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"))
        }
        answer.contentLength = range.count
        if request.method == .get {
            answer.body = .extents(
                range.count == size ? file.extents : file.extents(in: range), size: range.count,
                reachesEnd: range.upperBound == size, label: lastPart(of: path),
                attempt: attempt)
        }
        return answer
    }

    private static func lastPart(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// A booted node's word that it is up: `/phone-home?boot=ATTEMPT`, with a line of text in the body if it likes.
    private static func phoneHome(_ query: [String: String], _ body: [UInt8], _ state: ServerState) -> HTTPResponse {
        guard let attempt = query["boot"], state.knows(attempt) else { return .plain(404, "no such boot\n") }
        state.record(.phonedHome(message: String(decoding: body, as: UTF8.self)), of: attempt)
        var answer = HTTPResponse.plain(200, "ok\n")
        answer.waitsForRecords = true
        return answer
    }

    /// A node's secrets: `/secrets?boot=ATTEMPT`, with the boot's token in the body, where no log of requests has it.
    private static func secrets(
        _ query: [String: String], _ body: [UInt8], _ client: ClientAddress, _ state: ServerState
    ) -> HTTPResponse {
        let token = String(decoding: body.filter { $0 > 32 }, as: UTF8.self)
        switch state.secrets(of: query["boot"] ?? "", token: token, asker: client) {
        case .unknown: return .plain(404, "no such boot\n")
        case .refused(let reason): return .plain(403, "\(reason)\n")
        case .given(let bytes):
            return HTTPResponse(
                status: 200, headers: [("Content-Type", "application/octet-stream"), ("Cache-Control", "no-store")],
                contentLength: bytes.count, body: .bytes(bytes))
        }
    }

    /// Path and query of an origin or absolute form; `+` and `%` are not decoded, since no name of ours has them.
    static func split(_ uri: String) -> (path: String, query: [String: String]) {
        var target = uri[...]
        if target.utf8.first != UInt8(ascii: "/"),
            let scheme = ["http://", "https://"].first(where: { target.prefix($0.count).lowercased() == $0 })
        {
            target = target.dropFirst(scheme.count)
            target = target.firstIndex(of: "/").map { target[$0...] } ?? "/"
        }
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (String(target), [:]) }
        var query: [String: String] = [:]
        for pair in target[target.index(after: mark)...].split(separator: "&") {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(words[0])] = words.count > 1 ? String(words[1]) : ""
        }
        return (String(target[..<mark]), query)
    }
}
