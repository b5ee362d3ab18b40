import BootPolicy
import BootProtocols
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP/1.1 connection: boot files and the phone-home, one request after the other.
///
/// For firmware's sake: exact Content-Length, no redirect, no chunks, and the connection stays open from HEAD to GET.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let state: ServerState
    private let fileIO: NonBlockingFileIO
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var bodyIsTooLong = false
    private var sender: BootFileSender?

    static let largestBody = 4096

    init(state: ServerState, fileIO: NonBlockingFileIO) {
        self.state = state
        self.fileIO = fileIO
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
            bodyIsTooLong = false
        case .body(var part):
            if body.readableBytes + part.readableBytes > Self.largestBody {
                bodyIsTooLong = true
            } else {
                body.writeBuffer(&part)
            }
        case .end:
            guard let head else { return }
            self.head = nil
            respond(to: head, context)
        }
    }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let (path, query) = Self.split(head.uri)
        if bodyIsTooLong {
            return plain(.payloadTooLarge, "the body is over 4096 bytes\n", head, context, closes: true)
        }
        if path == "/phone-home", [.GET, .POST].contains(head.method) { return phoneHome(query, head, context) }
        guard [.GET, .HEAD].contains(head.method) else {
            return plain(.methodNotAllowed, "only GET and HEAD\n", head, context, headers: [("Allow", "GET, HEAD")])
        }
        guard path.hasPrefix("/"), let (name, file) = state.bootFile(named: path) else {
            if let attempt = BootFileName.attempt(in: path), head.method == .GET {
                state.record(.refused(file: path, transport: .http), of: attempt)
            }
            return plain(.notFound, "no such boot file\n", head, context)
        }
        give(file, name, path, head, context)
    }

    private func give(
        _ file: BootFile, _ name: BootFileName, _ path: String, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        let tag = file.entityTag
        let size = file.size
        var headers: [(String, String)] = [
            ("Content-Type", file.contentType), ("Accept-Ranges", "bytes"), ("ETag", tag),
        ]
        let known = head.headers[canonicalForm: "if-none-match"]
        if known.contains(where: { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }) {
            return write(HTTPResponseStatus.notModified, headers, length: nil, head, context)
        }
        let ifRange = head.headers.first(name: "If-Range")
        let asked = head.method == .GET && (ifRange == nil || ifRange == tag) ? head.headers.first(name: "Range") : nil
        let range: Range<Int>
        switch HTTPByteRange(header: asked, size: size) {
        case .unsatisfiable:
            headers.append(("Content-Range", "bytes */\(size)"))
            return write(.rangeNotSatisfiable, headers, length: 0, head, context)
        case .whole:
            range = 0..<size
            if head.method == .HEAD { return write(.ok, headers, length: size, head, context) }
            begin(.ok, headers, length: size, head, context)
        case .part(let part):
            range = part
            headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"))
            begin(.partialContent, headers, length: part.count, head, context)
        }
        let label = path.split(separator: "/").last.map(String.init) ?? path
        let sender = BootFileSender(
            extents: file.extents(in: range), size: range.count, label: label, attempt: name.attempt, state: state,
            fileIO: fileIO)
        self.sender = sender
        sender.start(context, keepAlive: Self.keepsAlive(head))
    }

    func channelInactive(context: ChannelHandlerContext) {
        sender?.connectionClosed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.logger.debug("HTTP connection", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - Phone-home

    /// A booted node's word that it is up: `/phone-home?boot=ATTEMPT`, with a line of text in the body if it likes.
    private func phoneHome(_ query: [String: String], _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard let attempt = query["boot"], state.knows(attempt) else {
            return plain(.notFound, "no such boot\n", head, context)
        }
        let text = String(decoding: body.readableBytesView, as: UTF8.self)
        state.record(.phonedHome(message: text), of: attempt)
        plain(.ok, "ok\n", head, context)
    }

    // MARK: - Responses

    private func plain(
        _ status: HTTPResponseStatus, _ text: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext,
        headers: [(String, String)] = [], closes: Bool = false
    ) {
        let isHead = head.method == .HEAD
        write(
            status, [("Content-Type", "text/plain")] + headers, length: text.utf8.count, head, context,
            body: isHead ? nil : ByteBuffer(string: text), closes: closes)
    }

    private func write(
        _ status: HTTPResponseStatus, _ headers: [(String, String)], length: Int?, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext, body: ByteBuffer? = nil, closes: Bool = false
    ) {
        begin(status, headers, length: length, head, context, closes: closes)
        if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let sent = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if closes || !Self.keepsAlive(head) {
            let channel = context.channel
            sent.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    private func begin(
        _ status: HTTPResponseStatus, _ headers: [(String, String)], length: Int?, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext, closes: Bool = false
    ) {
        var all = HTTPHeaders(headers)
        if let length { all.add(name: "Content-Length", value: String(length)) }
        if closes || !Self.keepsAlive(head) {
            all.add(name: "Connection", value: "close")
        } else if head.version == .http1_0 {
            all.add(name: "Connection", value: "keep-alive")
        }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: all))), promise: nil)
    }

    private static func keepsAlive(_ head: HTTPRequestHead) -> Bool { head.isKeepAlive }

    /// Path and query of an origin or absolute form; `+` and `%` are not decoded, since no name of ours has them.
    static func split(_ uri: String) -> (path: String, query: [String: String]) {
        var target = uri[...]
        if target.lowercased().hasPrefix("http://") {
            target = target.dropFirst(7)
            target = target.firstIndex(of: "/").map { target[$0...] } ?? "/"
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [String: String] = [:]
        for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(words[0])] = words.count > 1 ? String(words[1]) : ""
        }
        return (String(parts[0]), query)
    }
}
