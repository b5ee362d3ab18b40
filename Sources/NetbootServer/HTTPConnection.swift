import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import Logging

/// One HTTP connection: one request after the other, each answered before the next is read. Used on its loop's thread.
final class HTTPConnection: DataSource {
    private let socket: Int32
    private let client: ClientAddress
    private let port: HTTPPort
    private let tls: TLSStream?
    private let state: ServerState
    private let loop: DataLoop
    private let ended: () -> Void
    private var token: DataLoop.Token?
    /// Received and not yet read: a head that is not whole, or what a client sent ahead.
    private var received: [UInt8] = []
    private var output: HTTPOutput?
    private var watched: EventQueue.Events = .readable
    /// What came ahead waits for the loop to come round; meanwhile nothing more is read, or a client could fill the memory.
    private var waitsForTurn = false
    private var isClosing = false
    /// All answers are out, and the end is being told.
    private var isHangingUp = false
    /// The client sends nothing more.
    private var isLast = false
    private var isAnswering = false
    /// Whole requests may be left in what was received.
    private var hasMore = false

    /// When the head that has begun must be whole; a client that sends it byte by byte is not waited for.
    private var headDeadline: Duration?
    private var progressDeadline: Duration
    private var delivered = 0

    private static let headPatience = Duration.seconds(15)
    /// What a client must take at least between two looks, or it counts as gone.
    private static let leastProgress = 16 << 10
    /// Requests answered in a row before others have a turn.
    private static let turns = 8

    init(
        socket: Int32, client: ClientAddress, port: HTTPPort, state: ServerState, loop: DataLoop,
        ended: @escaping () -> Void
    ) {
        self.socket = socket
        self.client = client
        self.port = port
        tls = port.tls.flatMap { TLSStream(of: $0, socket: socket) }
        self.state = state
        self.loop = loop
        self.ended = ended
        progressDeadline = loop.now + .seconds(state.limits.idleSeconds)
        headDeadline = loop.now + Self.headPatience
    }

    func start() {
        guard (tls == nil) == (port.tls == nil) else {
            Glibc.close(socket)
            return ended()
        }
        do { token = try loop.add(self, socket, for: .readable) } catch {
            Glibc.close(socket)
            ended()
        }
    }

    // MARK: - DataSource

    func ready(_ events: EventQueue.Events) {
        if output != nil {
            write()
        } else if let tls, tls.pendingCount > 0 {
            if isHangingUp { endOutput() } else { flush(tls) }
        } else if events.contains(.readable) || events.contains(.failed) {
            read()
        }
    }

    func tick() {
        if output == nil, let deadline = headDeadline, loop.now >= deadline {
            if tls?.isEstablished == false {
                state.ignored(port.ignored, "a TLS handshake that was not whole in time")
            } else if !received.isEmpty {
                state.ignored(port.ignored, "a head that was not whole in time")
            }
            return close()
        }
        guard loop.now >= progressDeadline else { return }
        progressDeadline = loop.now + .seconds(state.limits.idleSeconds)
        guard let output else { return close() }
        let taken = output.handedOver - DataSocket.unacknowledged(socket) - (tls?.pendingCount ?? 0)
        guard taken >= delivered + Self.leastProgress || delivered == 0 && taken > 0 else {
            output.stop("the client stopped reading")
            return close()
        }
        delivered = taken
    }

    func close() {
        guard let token else { return }
        self.token = nil
        output?.stop("the client closed the connection")
        output = nil
        loop.remove(socket, token)
        Glibc.close(socket)
        ended()
    }

    // MARK: - In

    private func read() {
        let count = DataSocket.receive(socket, into: loop.receiveBuffer)
        guard count > 0 else {
            if count == -Int(EAGAIN) || count == -Int(EINTR) { return }
            if let tls, tls.isBegun, !tls.isEstablished { state.refused(tls: "the client hung up", by: client) }
            return close()
        }
        guard !isClosing else { return }
        if let tls { return read(tls, count) }
        let bytes = UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
        if received.isEmpty {
            // The usual case: one whole request, read where it lies.
            isAnswering = true
            let used = answer(bytes)
            isAnswering = false
            if used < count, token != nil { received.append(contentsOf: bytes[used...]) }
            if hasMore { answerLater() }
        } else {
            received.append(contentsOf: bytes)
            answerReceived()
        }
        if token != nil, output == nil, !received.isEmpty, headDeadline == nil {
            headDeadline = loop.now + Self.headPatience
        }
    }

    /// - Parameter count: so many bytes came, and are in the loop's buffer.
    private func read(_ tls: TLSStream, _ count: Int) {
        let wasEstablished = tls.isEstablished
        let reading = tls.take(count, of: loop.receiveBuffer, appendingTo: &received)
        if !wasEstablished, tls.isEstablished { headDeadline = loop.now + Self.headPatience }
        if case .failed(let reason) = reading {
            if wasEstablished { state.ignored(port.ignored, reason) } else { state.refused(tls: reason, by: client) }
            // With an alert, perhaps, that tells the client why.
            _ = tls.flush()
            return close()
        }
        isLast = reading == .closed
        flush(tls)
        guard token != nil else { return }
        if !received.isEmpty { answerReceived() }
        guard token != nil, output == nil else { return }
        if isLast, !waitsForTurn, !isHangingUp { return hangUp() }
        if !received.isEmpty, headDeadline == nil { headDeadline = loop.now + Self.headPatience }
    }

    /// Sends what TLS has to say for itself.
    private func flush(_ tls: TLSStream) {
        let result = tls.flush()
        guard result == 0 || result == -Int(EAGAIN) || result == -Int(EINTR) else { return close() }
        watch()
    }

    private func answerReceived() {
        isAnswering = true
        let used = received.withUnsafeBytes { answer($0) }
        isAnswering = false
        received.removeFirst(used)
        if hasMore { answerLater() }
    }

    /// What came ahead is answered when the loop comes round, so that others have their turn.
    private func answerLater() {
        guard !waitsForTurn else { return }
        waitsForTurn = true
        watch()
        nonisolated(unsafe) let this = self
        loop.submit {
            this.waitsForTurn = false
            guard this.token != nil else { return }
            if this.output == nil { this.answerReceived() }
            this.watch()
        }
    }

    /// Answers what is whole; returns how many bytes that took.
    private func answer(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        var turn = 0
        hasMore = false
        defer { hasMore = position < bytes.count && turn == Self.turns }
        while position < bytes.count, output == nil, !isClosing, !waitsForTurn, token != nil, turn < Self.turns {
            turn += 1
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            switch HTTP.Request.read(rest) {
            case .incomplete: return position
            case .refused(let status, let reason):
                state.ignored(port.ignored, reason)
                position = bytes.count
                give(.plain(status, "\(reason)\n", closes: true), to: HTTP.Request())
            case .head(let request, let size):
                guard request.contentLength <= HTTPResponder.largestBody else {
                    position = bytes.count
                    state.ignored(port.ignored, "a body of over \(HTTPResponder.largestBody) bytes")
                    give(
                        .plain(413, "the body is over \(HTTPResponder.largestBody) bytes\n", closes: true), to: request)
                    break
                }
                let end = size + request.contentLength
                guard rest.count >= end else { return position }
                position += end
                headDeadline = nil
                give(
                    HTTPResponder.answer(
                        request, body: Array(rest[size..<end]), client: client, on: port, state: state),
                    to: request)
            }
        }
        return position
    }

    // MARK: - Out

    private func give(_ response: HTTPResponse, to request: HTTP.Request) {
        if let later = response.later { return giveLater(to: request, later) }
        if response.waitsForRecords {
            var response = response
            response.waitsForRecords = false
            // Who was told that it was heard does not say it again, so that must outlive this process first.
            return giveLater(to: request) { [state, response] give in state.whenRecorded { give(response) } }
        }
        progressDeadline = loop.now + .seconds(state.limits.idleSeconds)
        delivered = 0
        isClosing = response.closes || !request.isKeepAlive
        output = HTTPOutput(response, to: request, by: port.transport, state: state, began: loop.now)
        write()
    }

    /// Gives an answer when it is there, from whatever thread; until then nothing further is answered.
    private func giveLater(
        to request: HTTP.Request, _ ask: (_ give: @escaping @Sendable (HTTPResponse) -> Void) -> Void
    ) {
        waitsForTurn = true
        watch()
        nonisolated(unsafe) let this = self
        ask { [loop] response in
            loop.submit {
                this.waitsForTurn = false
                guard this.token != nil else { return }
                this.give(response, to: request)
                this.watch()
            }
        }
    }

    private func write() {
        guard let output else { return }
        let progress =
            if let tls { output.write(through: tls, by: loop.receiveBuffer, now: loop.now) } else {
                output.write(to: socket, now: loop.now)
            }
        switch progress {
        case .done:
            self.output = nil
            if isClosing || isLast && !isAnswering && received.isEmpty { return hangUp() }
            headDeadline = received.isEmpty ? nil : loop.now + Self.headPatience
            progressDeadline = loop.now + .seconds(state.limits.idleSeconds)
            watch()
            if !isAnswering, !received.isEmpty { answerLater() }
        case .more: watch()
        case .failed: close()
        }
    }

    /// The answer is out; the client reads it before the connection ends, since closing with unread bytes resets it.
    private func hangUp() {
        isClosing = true
        isHangingUp = true
        tls?.close()
        endOutput()
    }

    private func endOutput() {
        if let tls {
            flush(tls)
            guard token != nil, tls.pendingCount == 0 else { return }
        }
        watch()
        shutdown(socket, Int32(SHUT_WR))
        progressDeadline = loop.now + .seconds(2)
    }

    private func watch() {
        let hasBytes = output != nil || (tls?.pendingCount ?? 0) > 0
        let wanted: EventQueue.Events = hasBytes ? .writable : waitsForTurn ? [] : .readable
        guard wanted != watched, let token else { return }
        watched = wanted
        loop.change(socket, of: token, to: wanted)
    }
}
