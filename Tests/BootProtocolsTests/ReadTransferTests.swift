import SeededRandomness
import Testing

@testable import BootProtocols

@Suite struct ReadTransferTests {
    typealias Transfer = TFTP.ReadTransfer

    static func transfer(size: Int, _ options: [(String, String)] = [], mtu: Int = 1500) -> Transfer {
        Transfer(
            request: TFTP.ReadRequest(file: "f", options: options.map { TFTP.Option($0.0, $0.1) }), fileSize: size,
            limits: Transfer.Limits(mtu: mtu))
    }

    @Test func `without options the first answer is the first block`() {
        var transfer = Self.transfer(size: 600)
        #expect(transfer.start(now: .zero) == [.sendBlocks(1...1), .armTimer(at: .seconds(1))])
        #expect(transfer.byteRange(of: 1...1) == 0..<512)
        #expect(transfer.received(.acknowledgement(block: 1), now: .zero).first == .sendBlocks(2...2))
        #expect(transfer.byteRange(of: 2...2) == 512..<600)
        #expect(transfer.received(.acknowledgement(block: 2), now: .zero) == [.finish(.complete)])
    }

    @Test func `a size that fills its blocks ends with an empty one`() {
        let transfer = Self.transfer(size: 1024)
        #expect(transfer.blockCount == 3)
        #expect(transfer.byteRange(of: 3...3).isEmpty)
        #expect(Self.transfer(size: 0).blockCount == 1)
    }

    @Test func `options are granted within their limits, and only those`() {
        let transfer = Self.transfer(
            size: 5000,
            [
                ("BLKSIZE", "65464"), ("windowsize", "500"), ("tsize", "0"), ("timeout", "3"), ("multicast", ""),
                ("blksize2", "9"),
            ])
        #expect(transfer.blockSize == 1468)
        #expect(transfer.windowSize == 64)
        #expect(transfer.granted.map(\.name) == ["BLKSIZE", "windowsize", "tsize", "timeout"])
        #expect(transfer.granted.map(\.value) == ["1468", "64", "5000", "3"])
        #expect(Self.transfer(size: 1, [("blksize", "7"), ("windowsize", "0"), ("timeout", "0")]).granted.isEmpty)
        #expect(Self.transfer(size: 1, [("blksize", "70000")], mtu: 65_536).blockSize == 65_464)
    }

    @Test func `options are acknowledged by block 0 before data flows`() {
        var transfer = Self.transfer(size: 5000, [("windowsize", "4")])
        #expect(transfer.start(now: .zero).first == .send(.optionAcknowledgement([TFTP.Option("windowsize", "4")])))
        #expect(transfer.received(.acknowledgement(block: 1), now: .zero) == [])
        #expect(transfer.received(.acknowledgement(block: 0), now: .zero).first == .sendBlocks(1...4))
        #expect(transfer.received(.acknowledgement(block: 4), now: .zero).first == .sendBlocks(5...8))
    }

    @Test func `a window is sent again from the last acknowledgement`() {
        var transfer = Self.transfer(size: 50_000, [("windowsize", "4")])
        _ = transfer.start(now: .zero)
        _ = transfer.received(.acknowledgement(block: 0), now: .zero)
        #expect(transfer.received(.acknowledgement(block: 2), now: .zero).first == .sendBlocks(3...6))
        // The rest of the first window arrives out of order and is acknowledged again: no second copy.
        #expect(transfer.received(.acknowledgement(block: 2), now: .zero) == [])
        #expect(transfer.received(.acknowledgement(block: 2), now: .zero) == [])
        #expect(transfer.timerFired(now: .seconds(1)) == [.sendBlocks(3...6), .armTimer(at: .seconds(3))])
    }

    @Test func `a repeated acknowledgement of single blocks sends nothing twice`() {
        var transfer = Self.transfer(size: 5000)
        _ = transfer.start(now: .zero)
        #expect(transfer.received(.acknowledgement(block: 1), now: .zero).first == .sendBlocks(2...2))
        #expect(transfer.received(.acknowledgement(block: 1), now: .zero) == [])
        #expect(transfer.received(.acknowledgement(block: 0), now: .zero) == [])
        #expect(transfer.received(.acknowledgement(block: 9), now: .zero) == [])
    }

    @Test func `the wait doubles, and a silent client is given up`() {
        var transfer = Self.transfer(size: 5000)
        var now = Duration.zero
        var waits: [Duration] = []
        var actions = transfer.start(now: now)
        while case .armTimer(let at) = actions.last {
            waits.append(at - now)
            now = at
            actions = transfer.timerFired(now: now)
        }
        #expect(waits == [1, 2, 4, 8, 16, 16, 13].map { .seconds($0) })
        #expect(actions == [.finish(.silent(delivered: 0))])
        #expect(transfer.timerFired(now: now) == [])
    }

    @Test func `a client cannot ask for waits that keep its place after it has gone`() {
        #expect(Self.transfer(size: 1, [("timeout", "255")]).granted.isEmpty)
        var transfer = Self.transfer(size: 5000, [("timeout", "10")])
        var now = Duration.zero
        var actions = transfer.start(now: now)
        while case .armTimer(let at) = actions.last {
            now = at
            actions = transfer.timerFired(now: now)
        }
        #expect(now == .seconds(60))
        #expect(actions == [.finish(.silent(delivered: 0))])
    }

    @Test func `a client that only wanted the size may hang up`() {
        var transfer = Self.transfer(size: 5000, [("tsize", "0")])
        _ = transfer.start(now: .zero)
        let error = TFTP.Packet.error(code: .refusedOptions, message: "")
        #expect(
            transfer.received(error, now: .zero)
                == [.finish(.abortedByClient(code: .refusedOptions, message: "", delivered: 0))])
        #expect(transfer.received(.acknowledgement(block: 0), now: .zero) == [])
    }

    @Test func `block numbers roll over to 0`() {
        var transfer = Self.transfer(size: 70_000 * 512)
        #expect(transfer.rollsOver)
        _ = transfer.start(now: .zero)
        for block in 1..<transfer.blockCount {
            let actions = transfer.received(.acknowledgement(block: UInt16(truncatingIfNeeded: block)), now: .zero)
            #expect(actions.first == .sendBlocks((block + 1)...(block + 1)))
        }
        let last = transfer.blockNumber(of: transfer.blockCount)
        #expect(transfer.received(.acknowledgement(block: last), now: .zero) == [.finish(.complete)])
    }

    /// A client as firmware writes it, on a network that loses, doubles and reorders.
    @Test(arguments: [1, 2, 4, 16, 64], [UInt64](1...6))
    func `every file arrives whole over a bad network`(window: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let size = Int.random(in: 0...200_000, using: &random)
        var transfer = Self.transfer(size: size, [("windowsize", "\(window)")])
        var now = Duration.zero
        var timer: Duration?
        var toClient: [Int] = []
        var toServer: [UInt16] = []
        var received = 0
        var bytes = 0
        var isComplete = false
        var outcome: Transfer.Outcome?
        var blocksSent = 0
        var hasOptions = false
        func perform(_ actions: Transfer.Actions) {
            for action in actions {
                switch action {
                case .send: hasOptions = true
                case .sendBlocks(let blocks):
                    blocksSent += blocks.count
                    toClient += blocks.flatMap { block -> [Int] in
                        let chance = Int.random(in: 0..<100, using: &random)
                        return chance < 5 ? [] : chance < 8 ? [block, block] : [block]
                    }
                case .armTimer(let at): timer = at
                case .finish(let how): outcome = how
                }
            }
        }
        perform(transfer.start(now: now))
        var steps = 0
        while outcome == nil, steps < 200_000 {
            steps += 1
            if hasOptions, toClient.isEmpty, received == 0, toServer.isEmpty { toServer.append(0) }
            if !toClient.isEmpty {
                let index = Int.random(in: 0..<100, using: &random) < 3 ? min(1, toClient.count - 1) : 0
                let block = toClient.remove(at: index)
                if block == received + 1 {
                    received = block
                    bytes += transfer.byteRange(of: block...block).count
                    isComplete = block == transfer.blockCount
                    if block % window == 0 || isComplete { toServer.append(transfer.blockNumber(of: block)) }
                } else {
                    toServer.append(transfer.blockNumber(of: received))
                }
                if Int.random(in: 0..<100, using: &random) < 5, !toServer.isEmpty { toServer.removeLast() }
            } else if !toServer.isEmpty {
                perform(transfer.received(.acknowledgement(block: toServer.removeFirst()), now: now))
            } else if let at = timer {
                now = at
                timer = nil
                perform(transfer.timerFired(now: now))
                // A client of whole windows asks again after its own silence.
                if received > 0 { toServer.append(transfer.blockNumber(of: received)) }
            }
        }
        #expect(outcome == .complete)
        #expect(bytes == size)
        // No storm: each block lost or out of order (some 8 in 100) costs a window or two, not a growing share.
        #expect(blocksSent < transfer.blockCount * (window == 1 ? 2 : 6 + window / 4) + 4 * window)
    }

    @Test(arguments: [65_535, 65_536, 100])
    func `a client that stops where 16 bits end is told from others`(last: Int) {
        var transfer = Self.transfer(size: 70_000 * 8, [("blksize", "8"), ("windowsize", "64")])
        _ = transfer.start(now: .zero)
        _ = transfer.acknowledged(0, now: .zero)
        for block in 1...last { _ = transfer.acknowledged(transfer.blockNumber(of: block), now: .zero) }
        #expect(transfer.delivered == last * 8)
        #expect(transfer.rollsOver && transfer.endedAtRollOver == (last > 100))
    }
}
