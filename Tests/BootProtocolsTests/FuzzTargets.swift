import BootProtocols

/// What every byte string from the network must survive; `Tests/Fuzz/run` looks for one that does not, and the seeds it
/// kept are replayed as a test. Each traps where a promise is broken.
enum FuzzTargets {
    static let all: [String: @Sendable ([UInt8]) -> Void] = ["dhcp": dhcp, "tftp": tftp, "http": http]

    /// A message that is read, is read again as the same from what is written of it.
    @Sendable static func dhcp(_ bytes: [UInt8]) {
        guard case .packet(let message) = DHCP.Message.read(bytes) else { return }
        _ = (message.messageType, message.macAddress, message.requestedAddress, message.serverIdentifier)
        _ = (message.vendorClass, message.bootFileName, message.architectures, message.userClasses, message.machineUUID)
        guard case .packet(let again) = DHCP.Message.read(message.bytes) else { preconditionFailure("not read again") }
        precondition(again.transaction == message.transaction && again.hardwareAddress == message.hardwareAddress)
        precondition(again.messageType == message.messageType)
    }

    /// The packet itself, then the rest as packets of one transfer, for the server and for the client.
    @Sendable static func tftp(_ bytes: [UInt8]) {
        if case .packet(let packet) = TFTP.Packet.read(bytes) {
            if case .readRequest(let request) = packet {
                _ = TFTP.plainName(request.file)
                serve(request, bytes)
            }
            precondition(TFTP.Packet.read(packet.bytes).packet != nil || packet.bytes.count > 1024)
        }
        let size = Int(bytes.first ?? 0) * 1000
        serve(.init(file: "f", options: [.init("windowsize", "64"), .init("blksize", "8")]), bytes, size: size)
        receive(bytes)
    }

    private static func serve(_ request: TFTP.ReadRequest, _ bytes: [UInt8], size: Int = 1_000_000) {
        var transfer = TFTP.ReadTransfer(request: request, fileSize: size)
        var now = Duration.zero
        func check(_ actions: TFTP.ReadTransfer.Actions) {
            for case .sendBlocks(let blocks) in actions {
                let range = transfer.byteRange(of: blocks)
                precondition(range.lowerBound >= 0 && range.upperBound <= size && blocks.count <= transfer.windowSize)
            }
        }
        check(transfer.start(now: now))
        for index in stride(from: 0, to: bytes.count - 3, by: 3) {
            now += .milliseconds(Int(bytes[index]))
            let number = UInt16(bytes[index + 1]) << 8 | UInt16(bytes[index + 2])
            switch bytes[index] % 4 {
            case 0: check(transfer.timerFired(now: now))
            case 1: check(transfer.acknowledged(number % 200, now: now))
            case 2: check(transfer.acknowledged(number, now: now))
            default: check(transfer.received(.data(block: number, payload: []), now: now))
            }
            precondition(transfer.delivered <= size)
        }
    }

    private static func receive(_ bytes: [UInt8]) {
        var client = TFTP.ReadClient(file: "f", blockSize: 1468, windowSize: 4)
        _ = client.start(now: .zero)
        // Cut into packets by their first byte.
        var rest = bytes[...]
        while let length = rest.popFirst() {
            let packet = Array(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
            let step = packet.withUnsafeBytes { client.received($0, now: .zero) }
            if let accepted = step.accepted { precondition(accepted.upperBound <= packet.count) }
            if step.outcome != nil { return }
        }
    }

    /// A head is read whole or not at all, and no more bytes than there are.
    @Sendable static func http(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            if case .head(let request, let size) = HTTP.Request.read(bytes) {
                precondition(size <= bytes.count && size <= HTTP.largestHead)
                precondition(request.contentLength >= 0 && !request.target.isEmpty)
                if size > 0, case .head = HTTP.Request.read(UnsafeRawBufferPointer(rebasing: bytes[..<(size - 1)])) {
                    preconditionFailure("a head that ends before its end")
                }
            }
            if case .head(_, let size) = HTTP.Response.read(bytes) { precondition(size <= bytes.count) }
        }
    }
}
