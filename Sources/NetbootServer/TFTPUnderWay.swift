import BootProtocols
import NIOCore
import Synchronization

/// One transfer under way, as the listener knows it.
final class TFTPUnderWay: Sendable {
    private struct State {
        var channel: (any Channel)?
        var isHeard = false
        var isSuperseded = false
    }

    /// The client asked anew from the same port: the transfer's channel ends it.
    struct Superseded: Sendable {}

    let request: TFTP.ReadRequest
    private let state = Mutex(State())

    init(_ request: TFTP.ReadRequest) { self.request = request }

    /// The client has answered, so it has our first packet.
    func heard() { state.withLock { $0.isHeard = true } }

    /// The same request while our first answer is on its way, or lost, in which case it will be repeated.
    func isRepeated(by other: TFTP.ReadRequest) -> Bool { request == other && !state.withLock { $0.isHeard } }

    func opened(_ channel: any Channel) {
        let isSuperseded = state.withLock { state in
            state.channel = channel
            return state.isSuperseded
        }
        if isSuperseded { channel.pipeline.fireUserInboundEventTriggered(Superseded()) }
    }

    func supersede() {
        let channel = state.withLock { state in
            state.isSuperseded = true
            return state.channel
        }
        channel?.pipeline.fireUserInboundEventTriggered(Superseded())
    }
}
