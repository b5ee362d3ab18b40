import BootProtocols
import Glibc
import LinuxCalls

extension Storm {
    private static let httpTries = 4
    private static let httpPatience = Duration.seconds(20)

    func beginHTTP(_ node: StormNode, _ text: String) {
        guard let url = LiteralURL(text) else { return fail(node, "a URL without a literal address") }
        enter(.http, node)
        node.server = url.address
        node.httpPort = url.port
        node.wanted =
            settings.firmware == .uefiHTTP
            ? [.init(path: url.path, purpose: .size), .init(path: url.path, purpose: .part)]
            : [.init(path: url.path, purpose: .script)]
        connect(node)
    }

    /// The system is up and says so.
    func phoneHome(_ node: StormNode) {
        guard let attempt = node.attempt else { return booted(node) }
        if node.phase != .http {
            enter(.http, node)
            // The HTTP port is in the system's own parameters, which this node does not run; the default one then.
            guard settings.firmware != .uefi else { return booted(node) }
        }
        node.wanted = [.init(path: "/phone-home?boot=\(attempt)", purpose: .phoneHome)]
        if node.socket == nil { connect(node) } else { ask(node) }
    }

    private func connect(_ node: StormNode) {
        closeSocket(node)
        guard let address = node.address, let server = node.server else { return fail(node, "no address") }
        node.deadline = now + Self.httpPatience
        node.head = []
        node.isInBody = false
        node.isConnected = false
        _ = take(
            DataSocket.open(connectionTo: server.value, port: node.httpPort, from: address.value), node, for: .writable)
    }

    func repeatHTTP(_ node: StormNode, _ reason: String) {
        node.tries += 1
        guard node.tries < Self.httpTries else { return fail(node, reason) }
        retried("HTTP")
        node.download = nil
        connect(node)
    }

    private func ask(_ node: StormNode) {
        guard let wanted = node.wanted.first, let socket = node.socket, let server = node.server else { return }
        let method = wanted.purpose == .size ? "HEAD" : wanted.purpose == .phoneHome ? "POST" : "GET"
        let body = wanted.purpose == .phoneHome ? "storm" : ""
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let text =
            "\(method) \(wanted.path) HTTP/1.1\r\nHost: \(server)\r\nUser-Agent: bootferry-storm\r\n\(length)\r\n\(body)"
        let bytes = Array(text.utf8)
        // A new connection's buffer has room for a request.
        guard bytes.withUnsafeBytes({ DataSocket.send(socket, $0) }) == bytes.count else {
            return repeatHTTP(node, "a request cannot be sent")
        }
        node.head = []
        node.isInBody = false
        node.body = []
        node.deadline = now + Self.httpPatience
    }

    func hearHTTP(_ node: StormNode, _ events: EventQueue.Events) {
        guard let socket = node.socket else { return }
        if !node.isConnected {
            guard DataSocket.pendingError(socket) == 0 else { return repeatHTTP(node, "no connection by HTTP") }
            node.isConnected = true
            queue.change(socket, to: .readable, token: token(of: node))
            return ask(node)
        }
        let count = DataSocket.receive(socket, into: buffer)
        if count == -Int(EAGAIN) { return }
        guard count > 0 else { return repeatHTTP(node, "the HTTP server closed the connection") }
        node.deadline = now + Self.httpPatience
        take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), node)
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ node: StormNode) {
        guard !node.isInBody else { return takeBody(bytes, node) }
        node.head.append(contentsOf: bytes)
        switch node.head.withUnsafeBytes({ HTTP.Response.read($0) }) {
        case .incomplete: break
        case .refused(_, let reason): fail(node, "HTTP: \(reason)")
        case .head(let response, let size):
            guard let wanted = node.wanted.first else { return }
            guard response.status == 200 else { return fail(node, "HTTP status \(response.status)") }
            guard let length = response.contentLength else { return fail(node, "no Content-Length") }
            node.isInBody = true
            node.isKeepAlive = response.isKeepAlive
            node.bodySize = wanted.purpose == .size ? 0 : length
            node.bodyReceived = 0
            node.resetAfter = nil
            if wanted.purpose == .part {
                node.download = references.begin(Self.lastPart(wanted.path))
                if random.happens(settings.resets) { node.resetAfter = Int.random(in: 0...length, using: &random) }
            }
            let rest = Array(node.head.dropFirst(size))
            node.head = []
            rest.withUnsafeBytes { takeBody($0, node) }
        }
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer, _ node: StormNode) {
        guard let wanted = node.wanted.first else { return }
        node.bodyReceived += bytes.count
        guard node.bodyReceived <= node.bodySize else { return fail(node, "more bytes than Content-Length") }
        switch wanted.purpose {
        case .part:
            guard var download = node.download else { return }
            references.add(bytes, to: &download)
            node.download = download
            report.bytes += bytes.count
        case .script: node.body.append(contentsOf: bytes)
        case .size, .phoneHome: break
        }
        if let limit = node.resetAfter, node.bodyReceived >= limit, node.bodyReceived < node.bodySize {
            report.injected["broken off", default: 0] += 1
            // Not one of the node's own tries: it did this to itself.
            node.tries -= 1
            return repeatHTTP(node, "broken off")
        }
        if node.bodyReceived == node.bodySize { got(wanted, node) }
    }

    private func got(_ wanted: StormNode.Wanted, _ node: StormNode) {
        node.tries = 0
        switch wanted.purpose {
        case .script:
            let parts = Self.parts(of: String(decoding: node.body, as: UTF8.self), attempt: node.attempt)
            guard !parts.isEmpty else { return fail(node, "a script that loads nothing") }
            node.wanted += parts.map { .init(path: $0, purpose: .part) }
        case .part:
            guard let download = node.download else { return }
            node.download = nil
            guard references.finish(download, mayDiffer: mayDiffer) else { return fail(node, "wrong content by HTTP") }
        case .size: break
        case .phoneHome: return booted(node)
        }
        node.wanted.removeFirst()
        if node.wanted.isEmpty { return phoneHome(node) }
        if node.isKeepAlive { ask(node) } else { connect(node) }
    }

    /// What an iPXE script loads: the paths of the first URLs of its `kernel`, `initrd` and `imgfetch` lines.
    private static func parts(of script: String, attempt: String?) -> [String] {
        script.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let verb = words.first, ["kernel", "initrd", "imgfetch"].contains(String(verb)) else { return nil }
            return words.first { $0.hasPrefix("http://") }.flatMap { LiteralURL(String($0))?.path }
        }
    }
}
