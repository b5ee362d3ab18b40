import BootPolicy
import BootProtocols
import Logging
import NIOCore
import NIOPosix

/// One read transfer on a socket of its own: `TFTP.ReadTransfer` decides, this sends, reads ahead and keeps the timer.
final class TFTPTransferHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private var transfer: TFTP.ReadTransfer
    private let label: String
    private let attempt: String
    private let client: SocketAddress
    private let underWay: TFTPUnderWay
    private let reader: ExtentReader
    private let state: ServerState
    private let pool: NIOThreadPool
    private let mtu: Int

    private var timer: Scheduled<Void>?
    /// File bytes in memory, from `aheadStart` on.
    private var ahead = ByteBuffer()
    private var aheadStart = 0
    private var isReading = false
    private var wanted: ClosedRange<Int>?
    private var began = Duration.zero
    private var nextReport = 1
    private var isFinished = false

    /// Bytes read at once: large enough that the thread hop is lost in it, small enough for a thousand clients.
    private static let readSize = 64 * 1024
    /// Bytes between two progress events.
    private static let reportSize = 4 << 20
    /// The kernel splits at most so many segments of one send (UDP_MAX_SEGMENTS), and 64 KiB less headers.
    private static let largestSend = 65_000
    private static let mostSegments = 64

    init(
        transfer: TFTP.ReadTransfer, label: String, attempt: String, client: SocketAddress, underWay: TFTPUnderWay,
        reader: ExtentReader, state: ServerState, pool: NIOThreadPool, mtu: Int
    ) {
        self.transfer = transfer
        self.label = label
        self.attempt = attempt
        self.client = client
        self.underWay = underWay
        self.reader = reader
        self.state = state
        self.pool = pool
        self.mtu = mtu
    }

    func channelActive(context: ChannelHandlerContext) {
        began = now
        perform(transfer.start(now: now), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        guard let packet = TFTP.Packet.read(bytes).packet else { return }
        underWay.heard()
        perform(transfer.received(packet, now: now), context)
        guard transfer.delivered >= nextReport, !isFinished else { return }
        if nextReport == 1 {
            state.record(.transferStarted(file: label, transport: .tftp, size: transfer.fileSize), of: attempt)
        } else {
            state.record(.transferProgress(file: label, transport: .tftp, bytes: transfer.delivered), of: attempt)
        }
        nextReport = transfer.delivered + Self.reportSize
    }

    /// A client that has gone answers with "port unreachable".
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.silent(delivered: transfer.delivered), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TFTPUnderWay.Superseded {
            let how = TFTP.ReadTransfer.Outcome.abortedByClient(
                code: .notDefined, message: "it asked anew from the same port", delivered: transfer.delivered)
            return finish(how, context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) { timer?.cancel() }

    private var now: Duration { .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

    private func perform(_ actions: [TFTP.ReadTransfer.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .send(let packet):
                context.writeAndFlush(
                    wrapOutboundOut(envelope(context.channel.allocator.buffer(bytes: packet.bytes))), promise: nil)
            case .sendBlocks(let blocks): send(blocks, context)
            case .armTimer(let at):
                timer?.cancel()
                let delay = at - now
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
                timer = context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
                    handler.value.perform(handler.value.transfer.timerFired(now: handler.value.now), bound.value)
                }
            case .finish(let outcome): finish(outcome, context)
            }
        }
    }

    private func send(_ blocks: ClosedRange<Int>, _ context: ChannelHandlerContext) {
        let range = transfer.byteRange(of: blocks)
        guard range.lowerBound >= aheadStart, range.upperBound <= aheadStart + ahead.readableBytes else {
            wanted = blocks
            return read(from: range, context)
        }
        wanted = nil
        // One send for as many blocks as the kernel splits; blocks over the MTU go one by one.
        let step = transfer.blockSize + 4
        let canSplit = System.supportsUDPSegmentationOffload && step + 28 <= mtu
        let perSend = canSplit ? max(1, min(Self.mostSegments, Self.largestSend / step)) : 1
        var block = blocks.lowerBound
        while block <= blocks.upperBound {
            let last = min(block + perSend - 1, blocks.upperBound)
            var buffer = context.channel.allocator.buffer(capacity: (last - block + 1) * step)
            for number in block...last {
                let part = transfer.byteRange(of: number...number)
                buffer.writeInteger(UInt16(3))
                buffer.writeInteger(transfer.blockNumber(of: number))
                if let bytes = ahead.getSlice(at: part.lowerBound - aheadStart, length: part.count) {
                    buffer.writeImmutableBuffer(bytes)
                }
            }
            let isSplit = buffer.readableBytes > step
            context.write(wrapOutboundOut(envelope(buffer, segment: isSplit ? step : nil)), promise: nil)
            block = last + 1
        }
        context.flush()
    }

    /// Reads what a window wants and some of what follows, then sends the window that is wanted by then.
    private func read(from range: Range<Int>, _ context: ChannelHandlerContext) {
        guard !isReading else { return }
        isReading = true
        let start = range.lowerBound
        let whole = start..<min(transfer.fileSize, start + max(range.count, Self.readSize))
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        pool.runIfActive(eventLoop: context.eventLoop) { [reader] in try reader.read(whole) }
            .whenComplete { result in
                let this = handler.value
                this.isReading = false
                guard !this.isFinished else { return }
                switch result {
                case .success(let buffer):
                    this.ahead = buffer
                    this.aheadStart = start
                    if let wanted = this.wanted { this.send(wanted, bound.value) }
                case .failure(let error):
                    this.state.logger.error(
                        "a boot file cannot be read", metadata: ["file": "\(this.label)", "error": "\(error)"])
                    this.perform(
                        [.send(.error(code: .notDefined, message: "the server cannot read this file"))], bound.value)
                    this.finish(nil, bound.value, reason: "the server cannot read it: \(error)")
                }
            }
    }

    private func envelope(_ data: ByteBuffer, segment: Int? = nil) -> AddressedEnvelope<ByteBuffer> {
        AddressedEnvelope(
            remoteAddress: client, data: data,
            metadata: segment.map { .init(ecnState: .transportNotCapable, packetInfo: nil, segmentSize: $0) })
    }

    private func finish(_ outcome: TFTP.ReadTransfer.Outcome?, _ context: ChannelHandlerContext, reason: String = "") {
        guard !isFinished else { return }
        isFinished = true
        timer?.cancel()
        let seconds = Double((now - began) / .milliseconds(1)) / 1000
        switch outcome {
        case .complete:
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
        context.close(promise: nil)
    }

    private func stopped(_ delivered: Int, _ reason: String) {
        state.record(
            .transferStopped(file: label, transport: .tftp, bytes: delivered, size: transfer.fileSize, reason: reason),
            of: attempt)
    }
}
