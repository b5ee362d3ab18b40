import BootPolicy
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends the extents of one response: literals from memory, stored ones by sendfile, one after the other, so that a
/// slow client holds one open file and nothing in memory. Lives on its channel's event loop.
final class BootFileSender {
    private let extents: [BootFile.Extent]
    private let size: Int
    private let label: String
    private let attempt: String
    private let state: ServerState
    private let fileIO: NonBlockingFileIO
    private var index = 0
    private var sent = 0
    private var nextReport = reportSize
    private var began = NIODeadline.now()
    private var isDone = false
    private var keepAlive = true

    /// One sendfile's share: the idle timeout sees progress only after each, so a slow client needs small ones.
    private static let share = 256 << 10
    /// Bytes between two progress events.
    private static let reportSize = 4 << 20

    init(
        extents: [BootFile.Extent], size: Int, label: String, attempt: String, state: ServerState,
        fileIO: NonBlockingFileIO
    ) {
        self.extents = extents
        self.size = size
        self.label = label
        self.attempt = attempt
        self.state = state
        self.fileIO = fileIO
    }

    func start(_ context: ChannelHandlerContext, keepAlive: Bool) {
        self.keepAlive = keepAlive
        state.record(.transferStarted(file: label, transport: .http, size: size), of: attempt)
        proceed(context)
    }

    /// The client went before the end.
    func connectionClosed() { stop("the client closed the connection") }

    private func proceed(_ context: ChannelHandlerContext) {
        while index < extents.count {
            let extent = extents[index]
            index += 1
            switch extent {
            case .literal(let bytes):
                sent += bytes.count
                let buffer = context.channel.allocator.buffer(bytes: bytes)
                context.write(HTTPHandler.part(.body(.byteBuffer(buffer))), promise: nil)
            case .stored(let path, let offset, let length):
                return send(path, offset, length, context)
            }
        }
        finish(context)
    }

    private func send(_ path: String, _ offset: Int, _ length: Int, _ context: ChannelHandlerContext) {
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        guard let physical = state.physicalPath(path) else { return fail(path, "not a path in the store", context) }
        // Opened for this response only: a handle shared between event loops fails with EBUSY.
        fileIO.openFile(_deprecatedPath: physical.string, eventLoop: context.eventLoop).whenComplete { result in
            switch result {
            case .failure(let error): this.value.fail(path, "\(error)", bound.value)
            case .success((let handle, let region)):
                guard region.endIndex >= offset + length else {
                    try? handle.close()
                    return this.value.fail(
                        path, "ends at byte \(region.endIndex), expected \(offset + length)", bound.value)
                }
                this.value.send(handle, offset..<(offset + length), path, bound.value)
            }
        }
    }

    private func send(_ handle: NIOFileHandle, _ range: Range<Int>, _ path: String, _ context: ChannelHandlerContext) {
        let part = range.prefix(Self.share)
        let region = FileRegion(fileHandle: handle, readerIndex: part.startIndex, endIndex: part.endIndex)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(HTTPHandler.part(.body(.fileRegion(region)))).whenComplete { result in
            let sender = this.value
            switch result {
            case .failure(let error):
                try? handle.close()
                sender.stop("\(error)")
                bound.value.close(promise: nil)
            case .success:
                sender.sent += part.count
                let rest = part.endIndex..<range.upperBound
                if sender.sent >= sender.nextReport {
                    sender.nextReport = sender.sent + Self.reportSize
                    sender.state.record(
                        .transferProgress(file: sender.label, transport: .http, bytes: sender.sent), of: sender.attempt)
                }
                if rest.isEmpty {
                    try? handle.close()
                    sender.proceed(bound.value)
                } else {
                    sender.send(handle, rest, path, bound.value)
                }
            }
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(HTTPHandler.part(.end(nil))).whenComplete { result in
            let sender = this.value
            if case .failure(let error) = result { return sender.stop("\(error)") }
            guard !sender.isDone else { return }
            sender.isDone = true
            let seconds = Double((NIODeadline.now() - sender.began).nanoseconds) / 1e9
            sender.state.record(
                .transferFinished(file: sender.label, transport: .http, bytes: sender.size, seconds: seconds),
                of: sender.attempt)
            if !sender.keepAlive { bound.value.close(promise: nil) }
        }
    }

    /// The length is promised already: only closing the connection tells the client that the file is not whole.
    private func fail(_ path: String, _ reason: String, _ context: ChannelHandlerContext) {
        state.logger.error("a boot file cannot be read", metadata: ["path": "\(path)", "error": "\(reason)"])
        stop("the server cannot read \(path): \(reason)")
        context.close(promise: nil)
    }

    private func stop(_ reason: String) {
        guard !isDone else { return }
        isDone = true
        state.record(
            .transferStopped(file: label, transport: .http, bytes: sent, size: size, reason: reason), of: attempt)
    }
}

extension HTTPHandler {
    static func part(_ part: HTTPServerResponsePart) -> NIOAny { NIOAny(part) }
}
