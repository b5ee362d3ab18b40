/// HTTP/1.1 as firmware speaks it (RFC 9112): the head of a request as a server reads it, and of a response as a client
/// does. Only what the boot server heeds is kept; header names compare without case.
public enum HTTP {
    /// A head, with its request line, may be so long.
    public static let largestHead = 8192
    static let mostFields = 100

    public enum Method: Sendable, Equatable { case get, head, post, other }

    public struct Request: Sendable, Equatable {
        public var method = Method.other
        /// As written: an origin form (`/path?query`) or an absolute one.
        public var target = ""
        public var isKeepAlive = true
        /// HTTP/1.0, whose clients must be told that a connection stays.
        public var isOld = false
        /// Bytes of body that follow the head.
        public var contentLength = 0
        public var range: String?
        public var ifRange: String?
        public var ifNoneMatch: [String] = []
        /// As written.
        public var cookie: String?

        public init() {}
    }

    /// What a client learns of a response.
    public struct Response: Sendable, Equatable {
        public var status = 0
        /// Nil where the response does not say.
        public var contentLength: Int?
        public var isKeepAlive = true
    }

    public enum Reading<Head: Sendable>: Sendable {
        case incomplete
        /// `size`: bytes of the head with its blank line.
        case head(Head, size: Int)
        /// The status to answer before the connection is closed, and what is wrong.
        case refused(status: Int, reason: String)
    }

    struct Refusal: Error {
        var status = 400
        var reason: String
    }
}

extension HTTP.Request {
    /// Reads a request's head from the bytes received so far.
    public static func read(_ bytes: UnsafeRawBufferPointer) -> HTTP.Reading<HTTP.Request> {
        HTTP.read(bytes, HTTP.Request()) { request, line throws(HTTP.Refusal) in
            try request.readFirst(line)
        } field: { request, name, value throws(HTTP.Refusal) in
            try request.readField(name, value)
        }
    }

    private mutating func readFirst(_ line: UnsafeRawBufferPointer) throws(HTTP.Refusal) {
        guard let first = line.firstIndex(of: 32), let last = line.lastIndex(of: 32), first < last, first > 0 else {
            throw HTTP.Refusal(reason: "no request line")
        }
        let version = HTTP.part(line, (last + 1)..<line.count)
        guard HTTP.isVersionOne(version) else {
            throw HTTP.Refusal(status: 505, reason: "not HTTP/1.0 or HTTP/1.1")
        }
        isOld = version[7] == 48
        isKeepAlive = !isOld
        switch first {
        case 3 where HTTP.equals(HTTP.part(line, 0..<first), "GET"): method = .get
        case 4 where HTTP.equals(HTTP.part(line, 0..<first), "HEAD"): method = .head
        case 4 where HTTP.equals(HTTP.part(line, 0..<first), "POST"): method = .post
        default: method = .other
        }
        let target = HTTP.part(line, (first + 1)..<last)
        guard !target.isEmpty, target.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw HTTP.Refusal(reason: "a target that is not plain ASCII")
        }
        self.target = String(decoding: target, as: UTF8.self)
    }

    private mutating func readField(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(HTTP.Refusal) {
        if HTTP.equals(name, "content-length") {
            guard let length = HTTP.number(value) else {
                throw HTTP.Refusal(reason: "a Content-Length that is no number")
            }
            guard contentLength == 0 || contentLength == length else {
                throw HTTP.Refusal(reason: "two Content-Lengths")
            }
            contentLength = length
        } else if HTTP.equals(name, "transfer-encoding") {
            // No firmware sends one, and a body of unknown length is a way to hide a request.
            throw HTTP.Refusal(status: 501, reason: "a body without a Content-Length")
        } else if HTTP.equals(name, "connection") {
            if HTTP.contains(value, "close") { isKeepAlive = false }
            if HTTP.contains(value, "keep-alive"), isOld { isKeepAlive = true }
        } else if HTTP.equals(name, "range") {
            range = String(decoding: value, as: UTF8.self)
        } else if HTTP.equals(name, "if-range") {
            ifRange = String(decoding: value, as: UTF8.self)
        } else if HTTP.equals(name, "cookie") {
            cookie = String(decoding: value, as: UTF8.self)
        } else if HTTP.equals(name, "if-none-match") {
            for tag in String(decoding: value, as: UTF8.self).split(separator: ",") {
                ifNoneMatch.append(tag.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " "))
            }
        }
    }
}

extension HTTP.Response {
    /// Reads a response's head from the bytes received so far.
    public static func read(_ bytes: UnsafeRawBufferPointer) -> HTTP.Reading<HTTP.Response> {
        HTTP.read(bytes, HTTP.Response()) { response, line throws(HTTP.Refusal) in
            guard line.count >= 12, HTTP.isVersionOne(HTTP.part(line, 0..<8)), line[8] == 32,
                let status = HTTP.number(HTTP.part(line, 9..<12)), status >= 100
            else { throw HTTP.Refusal(reason: "no status line") }
            response.status = status
            response.isKeepAlive = line[7] != 48
        } field: { response, name, value throws(HTTP.Refusal) in
            if HTTP.equals(name, "content-length") {
                guard let length = HTTP.number(value) else {
                    throw HTTP.Refusal(reason: "a Content-Length that is no number")
                }
                response.contentLength = length
            } else if HTTP.equals(name, "connection"), HTTP.contains(value, "close") {
                response.isKeepAlive = false
            }
        }
    }
}

extension HTTP {
    /// Splits a head into its lines, which end in LF with or without CR before it, and each field at its colon.
    static func read<Head>(
        _ bytes: UnsafeRawBufferPointer, _ empty: Head,
        first: (inout Head, UnsafeRawBufferPointer) throws(Refusal) -> Void,
        field: (inout Head, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Refusal) -> Void
    ) -> Reading<Head> {
        var head = empty
        var position = 0
        // A client may leave a line end behind a body (RFC 9112 section 2.2).
        while position < bytes.count, position < 4, bytes[position] == 13 || bytes[position] == 10 { position += 1 }
        var fields = -1
        do throws(Refusal) {
            while true {
                let rest = part(bytes, position..<min(bytes.count, largestHead))
                guard let end = rest.firstIndex(of: 10) else {
                    if bytes.count >= largestHead {
                        throw Refusal(status: 431, reason: "a head of over \(largestHead) bytes")
                    }
                    return .incomplete
                }
                let line = part(rest, 0..<(end > 0 && rest[end - 1] == 13 ? end - 1 : end))
                position += end + 1
                if fields < 0 {
                    try first(&head, line)
                } else if line.isEmpty {
                    return .head(head, size: position)
                } else {
                    guard let colon = line.firstIndex(of: 58), colon > 0, line[0] != 32, line[0] != 9 else {
                        throw Refusal(reason: "a line that is no field")
                    }
                    try field(&head, part(line, 0..<colon), trimmed(part(line, (colon + 1)..<line.count)))
                }
                fields += 1
                guard fields <= mostFields else { throw Refusal(status: 431, reason: "over \(mostFields) fields") }
            }
        } catch {
            return .refused(status: error.status, reason: error.reason)
        }
    }

    static func part(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    static func isVersionOne(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count == 8 && equals(part(bytes, 0..<7), "http/1.") && (bytes[7] == 48 || bytes[7] == 49)
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var range = 0..<bytes.count
        while let first = range.first, bytes[first] == 32 || bytes[first] == 9 { range.removeFirst() }
        while let last = range.last, bytes[last] == 32 || bytes[last] == 9 { range.removeLast() }
        return part(bytes, range)
    }

    /// Without case; the text is lower-case, or all ASCII letters are compared as if it were.
    static func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where lower(bytes[index]) != lower(text.utf8Start[index]) { return false }
        return true
    }

    static func contains(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count >= count else { return false }
        return (0...(bytes.count - count)).contains { equals(part(bytes, $0..<($0 + count)), text) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }

    /// Digits alone, at most 15 of them.
    static func number(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard (1...15).contains(bytes.count) else { return nil }
        var value = 0
        for byte in bytes {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        return value
    }
}
