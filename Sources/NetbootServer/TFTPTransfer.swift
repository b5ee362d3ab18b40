import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import Logging

/// One read transfer: `TFTP.ReadTransfer` decides, this sends and keeps the timer. Used on its loop's thread.
final class TFTPTransfer: DataSource {
    /// Where its packets leave from.
    enum Path {
        /// A socket of its own, connected to the client, which it closes.
        case own(Int32)
        /// The listener's, which hands it the client's packets.
        case shared(Int32)

        var socket: Int32 {
            switch self {
            case .own(let socket), .shared(let socket): socket
            }
        }
    }

    private var transfer: TFTP.ReadTransfer
    private let content: BootContent
    private let label: String
    private let attempt: String
    private let client: ClientAddress
    private let underWay: TFTPUnderWay
    private let state: ServerState
    private let path: Path
    private let loop: DataLoop
    private let ended: (TFTPTransfer) -> Void
    private let blocked: () -> Void
    private var token: DataLoop.Token?
    private var deadline: Duration?
    /// What a full socket buffer left unsent.
    private var unsent: ClosedRange<Int>?
    private let began: Duration
    private var nextReport = 1
    private var canSplit: Bool
    private(set) var isFinished = false
    private var isReleased = false

    /// Bytes between two progress events.
    private static let reportSize = 4 << 20
    /// A send of several datagrams is one packet of IP to the kernel until it is split.
    private static let largestSend = 65_000

    init(
        _ transfer: TFTP.ReadTransfer, of file: BootFile, label: String, attempt: String, client: ClientAddress,
        underWay: TFTPUnderWay, state: ServerState, path: Path, limits: TFTP.ReadTransfer.Limits,
        blocked: @escaping () -> Void = {}, ended: @escaping (TFTPTransfer) -> Void
    ) {
        self.transfer = transfer
        content = BootContent(file.extents, state: state)
        self.label = label
        self.attempt = attempt
        self.client = client
        self.underWay = underWay
        self.state = state
        self.path = path
        loop = underWay.loop
        began = loop.now
        self.ended = ended
        self.blocked = blocked
        // What is larger than a packet is fragmented, which the kernel does for single datagrams only.
        canSplit = transfer.blockSize <= limits.largestBlock
    }

    func start() {
        if case .own(let socket) = path {
            do { token = try loop.add(self, socket, for: .readable) } catch {
                return finish(nil, reason: "\(error)")
            }
        }
        if transfer.rollsOver {
            state.logger.debug(
                "more blocks than 16 bits number; a client that cannot start again from 0 stops there",
                metadata: ["client": "\(client)", "file": "\(label)", "blocks": "\(transfer.blockCount)"])
        }
        perform(transfer.start(now: loop.now))
    }

    // MARK: - DataSource

    func ready(_ events: EventQueue.Events) {
        if events.contains(.writable) { resume() }
        guard !isFinished, events.contains(.readable) || events.contains(.failed) else { return }
        let count = DataSocket.receive(path.socket, into: loop.receiveBuffer)
        if count >= 0 { return heard(UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count])) }
        guard count != -Int(EAGAIN), count != -Int(EINTR) else { return }
        // A client that has gone answers with "port unreachable".
        finish(.silent(delivered: transfer.delivered))
    }

    func tick() {
        guard let deadline, loop.now >= deadline, !isFinished else { return }
        self.deadline = nil
        perform(transfer.timerFired(now: loop.now))
    }

    func close() { release() }

    /// Goes on with what a full socket buffer left.
    func resume() {
        guard let blocks = unsent, !isFinished else { return }
        unsent = nil
        if let token { loop.change(path.socket, of: token, to: .readable) }
        send(blocks)
    }

    func supersede() {
        finish(
            .abortedByClient(
                code: .notDefined, message: "it asked anew from the same port", delivered: transfer.delivered))
    }

    // MARK: - Packets

    /// A datagram of the client's.
    func heard(_ bytes: UnsafeRawBufferPointer) {
        guard !isFinished else { return }
        if bytes.count == 4, bytes[0] == 0, bytes[1] == 4 {
            underWay.heard()
            perform(transfer.acknowledged(UInt16(bytes[2]) << 8 | UInt16(bytes[3]), now: loop.now))
        } else {
            // Nothing that a client sends here is longer.
            switch TFTP.Packet.read(Array(bytes.prefix(2048))) {
            case .packet(let packet):
                underWay.heard()
                perform(transfer.received(packet, now: loop.now))
            case .ignored(let reason): state.ignored(.tftp, reason)
            }
        }
        guard transfer.delivered >= nextReport, !isFinished else { return }
        if nextReport == 1 {
            state.record(.transferStarted(file: label, transport: .tftp, size: transfer.fileSize), of: attempt)
        } else {
            state.record(.transferProgress(file: label, transport: .tftp, bytes: transfer.delivered), of: attempt)
        }
        nextReport = transfer.delivered + Self.reportSize
    }

    private func perform(_ actions: TFTP.ReadTransfer.Actions) {
        for action in actions {
            switch action {
            case .send(let packet): send(packet)
            case .sendBlocks(let blocks):
                unsent = nil
                send(blocks)
            case .armTimer(let at): deadline = at
            case .finish(let outcome): finish(outcome)
            }
        }
    }

    private func send(_ packet: TFTP.Packet) {
        packet.bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            let buffer = loop.sendBuffer
            buffer.clear()
            buffer.append(start, bytes.count)
            // Lost or refused is the same to a client: the timer repeats it.
            _ = send(buffer)
        }
    }

    private func send(_ buffer: DatagramBuffer) -> Int {
        switch path {
        case .own(let socket): buffer.send(to: socket, segment: transfer.blockSize + 4)
        case .shared(let socket):
            buffer.send(to: socket, segment: transfer.blockSize + 4, peer: client.peer)
        }
    }

    private func send(_ blocks: ClosedRange<Int>) {
        let step = transfer.blockSize + 4
        let buffer = loop.sendBuffer
        var block = blocks.lowerBound
        while block <= blocks.upperBound {
            let perSend = canSplit ? max(1, min(DatagramBuffer.mostDatagrams, Self.largestSend / step)) : 1
            let first = block
            buffer.clear()
            do {
                repeat {
                    let range = transfer.byteRange(of: block...block)
                    guard buffer.hasRoom(extents: content.extentCount(in: range)) || block == first else { break }
                    buffer.beginBlock(transfer.blockNumber(of: block))
                    try content.append(range, to: buffer)
                    block += 1
                } while block <= blocks.upperBound && block - first < perSend
            } catch { return fail("\(error)") }
            let sent = send(buffer)
            if sent >= 0 { continue }
            switch Int32(-sent) {
            case EAGAIN:
                unsent = first...blocks.upperBound
                if let token { loop.change(path.socket, of: token, to: [.readable, .writable]) } else { blocked() }
                return
            case EINVAL where block - first > 1, EIO where block - first > 1, EMSGSIZE where block - first > 1:
                // This path cannot split; one by one then.
                canSplit = false
                block = first
            case EFAULT: return fail("the store's file has become shorter")
            case ECONNREFUSED: return finish(.silent(delivered: transfer.delivered))
            // ENOBUFS and the like: as if lost on the way.
            default: continue
            }
        }
    }

    private func fail(_ reason: String) {
        state.logger.error("a boot file cannot be read", metadata: ["file": "\(label)", "error": "\(reason)"])
        send(.error(code: .notDefined, message: "the server cannot read this file"))
        finish(nil, reason: "the server cannot read it: \(reason)")
    }

    // MARK: - The end

    private func finish(_ outcome: TFTP.ReadTransfer.Outcome?, reason: String = "") {
        guard !isFinished else { return }
        isFinished = true
        switch outcome {
        case .complete:
            let seconds = Double((loop.now - began) / .milliseconds(1)) / 1000
            state.record(
                .transferFinished(file: label, transport: .tftp, bytes: transfer.fileSize, seconds: seconds),
                of: attempt)
        case .abortedByClient(_, _, delivered: 0):
            // UEFI and iPXE ask for the size first and hang up.
            state.record(.sized(file: label, transport: .tftp, size: transfer.fileSize), of: attempt)
        case .abortedByClient(let code, let message, let delivered):
            stopped(delivered, "the client gave up: \(message.isEmpty ? "error \(code.rawValue)" : message)")
        case .silent(let delivered): stopped(delivered, "the client went silent")
        case nil: stopped(transfer.delivered, reason)
        }
        release()
        ended(self)
    }

    private func stopped(_ delivered: Int, _ reason: String) {
        let rollOver =
            transfer.endedAtRollOver
            ? " after block 65535: it cannot number more blocks; give it a larger block size, or HTTP" : ""
        state.record(
            .transferStopped(
                file: label, transport: .tftp, bytes: delivered, size: transfer.fileSize, reason: reason + rollOver),
            of: attempt)
    }

    private func release() {
        if case .own(let socket) = path, !isReleased {
            if let token { loop.remove(socket, token) }
            Glibc.close(socket)
        }
        isReleased = true
        token = nil
        underWay.transfer = nil
    }
}
