import Testing

@testable import BootProtocols

/// The client's state machine against the server's, packet by packet.
@Suite struct ReadClientTests {
    /// Both ends joined by a wire that may lose packets; what the client got, and how it ended.
    static func run(
        file: [UInt8], blockSize: Int, windowSize: Int, losesEvery: Int? = nil
    ) -> (got: [UInt8], outcome: TFTP.ReadClient.Outcome?, retries: Int) {
        var client = TFTP.ReadClient(file: "f", blockSize: blockSize, windowSize: windowSize)
        var now = Duration.zero
        guard case .readRequest(let request) = client.start(now: now) else { return ([], nil, 0) }
        var server = TFTP.ReadTransfer(request: request, fileSize: file.count)
        var timer: Duration?
        var toClient: [[UInt8]] = []
        var got: [UInt8] = []
        var count = 0
        func perform(_ actions: TFTP.ReadTransfer.Actions) {
            for action in actions {
                switch action {
                case .send(let packet): toClient.append(packet.bytes)
                case .sendBlocks(let blocks):
                    for block in blocks {
                        toClient.append(
                            TFTP.Packet.data(
                                block: server.blockNumber(of: block),
                                payload: Array(file[server.byteRange(of: block...block)])
                            ).bytes)
                    }
                case .armTimer(let at): timer = at
                case .finish: timer = nil
                }
            }
        }
        perform(server.start(now: now))
        for _ in 0..<100_000 {
            var step = TFTP.ReadClient.Step()
            if toClient.isEmpty {
                now = min(client.deadline, timer ?? client.deadline)
                if let at = timer, at <= now {
                    timer = nil
                    perform(server.timerFired(now: now))
                }
                if client.deadline <= now { step = client.timerFired(now: now) }
            } else {
                let bytes = toClient.removeFirst()
                count += 1
                if let losesEvery, count % losesEvery == 0 { continue }
                step = bytes.withUnsafeBytes { client.received($0, now: now) }
                if let accepted = step.accepted { got += bytes[accepted] }
            }
            if let reply = step.reply { perform(server.received(reply, now: now)) }
            if let outcome = step.outcome { return (got, outcome, client.retries) }
        }
        return (got, nil, client.retries)
    }

    @Test(arguments: [1, 2, 16, 64], [nil, 7, 50])
    func `a file arrives whole, whatever is lost`(windowSize: Int, losesEvery: Int?) {
        let file = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let result = Self.run(file: file, blockSize: 1000, windowSize: windowSize, losesEvery: losesEvery)
        #expect(result.got == file && result.outcome == .complete)
        #expect(losesEvery != nil || result.retries == 0)
    }

    @Test func `block numbers roll over`() {
        let file = [UInt8](repeating: 5, count: 70_000 * 8 + 3)
        let result = Self.run(file: file, blockSize: 8, windowSize: 64)
        #expect(result.got.count == file.count && result.outcome == .complete)
    }

    @Test func `an error ends it, and so does what no server sends`() {
        func outcome(_ bytes: [UInt8]) -> TFTP.ReadClient.Outcome? {
            var client = TFTP.ReadClient(file: "f")
            _ = client.start(now: .zero)
            return bytes.withUnsafeBytes { client.received($0, now: .zero) }.outcome
        }
        let error = TFTP.Packet.error(code: .fileNotFound, message: "no such boot file")
        #expect(outcome(error.bytes) == .refused(code: .fileNotFound, message: "no such boot file"))
        #expect(outcome(TFTP.Packet.data(block: 1, payload: .init(repeating: 0, count: 600)).bytes) != nil)
        #expect(outcome([0, 9, 0, 0]) != nil && outcome([1]) != nil)
        #expect(outcome(TFTP.Packet.optionAcknowledgement([.init("blksize", "1468")]).bytes) != nil)
    }

    @Test func `a server that says nothing is given up`() {
        var client = TFTP.ReadClient(file: "f", attempts: 3)
        _ = client.start(now: .zero)
        for _ in 0..<3 { #expect(client.timerFired(now: client.deadline).reply == .readRequest(client.request)) }
        #expect(client.timerFired(now: client.deadline).outcome == .silent)
    }

    @Test(arguments: [
        ("kernel", "kernel"), ("/kernel", "kernel"), ("//boot\\a1\\\\kernel", "boot/a1/kernel"),
        ("boot/a1/../kernel", "boot/a1/../kernel"), ("", ""), ("\\", ""),
    ])
    func `names are written plainly`(name: String, plain: String) { #expect(TFTP.plainName(name) == plain) }
}
