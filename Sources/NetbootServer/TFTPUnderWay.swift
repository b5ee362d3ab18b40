import BootProtocols
import Synchronization

/// One transfer under way, as the listener knows it.
final class TFTPUnderWay: @unchecked Sendable {
    let request: TFTP.ReadRequest
    let loop: DataLoop
    private let hasHeard = Atomic(false)
    /// On the loop's thread only.
    var transfer: TFTPTransfer?

    init(_ request: TFTP.ReadRequest, loop: DataLoop) {
        self.request = request
        self.loop = loop
    }

    /// The client has answered, so it has our first packet.
    func heard() { hasHeard.store(true, ordering: .relaxed) }

    /// The same request while our first answer is on its way, or lost, in which case it will be repeated.
    func isRepeated(by other: TFTP.ReadRequest) -> Bool { request == other && !hasHeard.load(ordering: .relaxed) }

    /// The client asked anew from the same port: the transfer ends.
    func supersede() { loop.submit { self.transfer?.supersede() } }
}
