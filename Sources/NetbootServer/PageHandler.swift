import BootPolicy
import BootProtocols
import Diagnostics
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection to the page: its files, its JSON interface, its stream of events, Prometheus' metrics.
///
///     GET  /            the page           GET  /api/state        a SiteReport
///     GET  /metrics     for Prometheus     GET  /api/nodes/MAC    a node's boots with their timelines
///     GET  /api/events  server-sent events: `nodes`, `systems`
///     POST /api/publish, /api/rollback, /api/adopt   JSON, with `Authorization: Bearer TOKEN`
final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let listener: PageListener
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var bodyIsTooLong = false

    static let largestBody = 4096

    init(listener: PageListener) { self.listener = listener }

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
        if bodyIsTooLong { return fail(.payloadTooLarge, "the body is over \(Self.largestBody) bytes", head, context) }
        let path = String(head.uri.prefix { $0 != "?" })
        if head.method == .POST { return act(path, head, context) }
        guard [.GET, .HEAD].contains(head.method) else {
            return fail(.methodNotAllowed, "only GET, HEAD and POST", head, context)
        }
        let state = listener.state
        if let file = listener.configuration.files[path] {
            return send(.ok, file.contentType, ByteBuffer(bytes: file.bytes), head, context)
        }
        switch path {
        case "/metrics":
            let text = state.metrics(started: listener.started)
            send(.ok, "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: text), head, context)
        case "/api/state": send(json: state.report(), head, context)
        case "/api/events" where head.method == .GET: watch(context)
        default:
            guard path.hasPrefix("/api/nodes/"), let node = MACAddress(String(path.dropFirst(11))) else {
                return fail(.notFound, "no such page", head, context)
            }
            send(json: state.boots(of: node).map(ToldBoot.init), head, context)
        }
    }

    /// A boot's record, and its timeline in words beside it.
    private struct ToldBoot: Encodable {
        let boot: BootAttempt
        enum CodingKeys: CodingKey { case timeline }

        func encode(to encoder: any Encoder) throws {
            try boot.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(boot.timeline, forKey: .timeline)
        }
    }

    // MARK: - Events

    private func watch(_ context: ChannelHandlerContext) {
        guard listener.addReader(context.channel) else {
            return fail(.serviceUnavailable, "too many watch already", nil, context)
        }
        // Whoever watches says nothing for hours.
        context.pipeline.syncOperations.removeHandler(name: PageListener.idleName, promise: nil)
        var headers = Self.commonHeaders
        headers.add(name: "Content-Type", value: "text/event-stream")
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
        // The first look; what changes meanwhile comes with the next event.
        let text = PageListener.event("state", listener.state.report())
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }

    // MARK: - Actions

    /// Needs the token in a header, which no other site's page can make a browser send, and JSON, which no form sends.
    private func act(_ path: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard let token = listener.configuration.token else {
            return fail(.forbidden, "this page only shows; --page-token-file lets it do more", head, context)
        }
        let shown = head.headers.first(name: "Authorization") ?? ""
        guard Self.isSame(shown, "Bearer \(token)") else {
            return fail(.unauthorized, "the token is not the administrator's", head, context)
        }
        guard PageRequest.paths.contains(path) else { return fail(.notFound, "no such action", head, context) }
        guard head.headers.first(name: "Content-Type")?.hasPrefix("application/json") == true,
            let request = try? JSONDecoder().decode(PageRequest.self, from: Data(body.readableBytesView)),
            let action = request.action(at: path)
        else {
            return fail(
                .badRequest, "expected JSON such as {\"system\": \"lab-node\"}, or {\"mac\": \"52:54:00:12:34:56\"}",
                head, context)
        }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        listener.pool.runIfActive(eventLoop: context.eventLoop) { [listener] in
            let said = try listener.configuration.act(action)
            try listener.state.refreshGenerations()
            try listener.state.refreshNodes()
            return said
        }.whenComplete { result in
            switch result {
            case .success(let said): this.value.send(json: ["message": said], head, bound.value)
            case .failure(let error): this.value.fail(.badRequest, "\(error)", head, bound.value)
            }
        }
    }

    /// Compares without telling by its time where the two differ.
    static func isSame(_ shown: String, _ expected: String) -> Bool {
        let (shown, expected) = (Array(shown.utf8), Array(expected.utf8))
        var difference = UInt8(shown.count == expected.count ? 0 : 1)
        for index in expected.indices { difference |= expected[index] ^ (index < shown.count ? shown[index] : 0) }
        return difference == 0
    }

    // MARK: - Responses

    private static let commonHeaders = HTTPHeaders([
        ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ])

    private func send(json value: some Encodable, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            return fail(.internalServerError, "cannot be told as JSON", head, context)
        }
        send(.ok, "application/json", ByteBuffer(bytes: data), head, context)
    }

    private func fail(
        _ status: HTTPResponseStatus, _ message: String, _ head: HTTPRequestHead?, _ context: ChannelHandlerContext
    ) {
        let text = (try? JSONEncoder().encode(["error": message])) ?? Data()
        send(status, "application/json", ByteBuffer(bytes: text), head, context)
    }

    private func send(
        _ status: HTTPResponseStatus, _ type: String, _ body: ByteBuffer, _ head: HTTPRequestHead?,
        _ context: ChannelHandlerContext
    ) {
        var headers = Self.commonHeaders
        headers.add(name: "Content-Type", value: type)
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        let closes = head?.isKeepAlive != true || status == .payloadTooLarge
        if closes { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        if head?.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let sent = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard closes else { return }
        let channel = context.channel
        sent.whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
