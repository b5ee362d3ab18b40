extension TFTP {
    /// The server's side of one read transfer, without socket, file or clock: packets and times go in, actions come
    /// out. Times are durations since any fixed moment.
    ///
    /// Blocks count from 1 without rolling over; `blockNumber(of:)` gives the 16 bits on the wire (65535 -> 0).
    public struct ReadTransfer: Sendable {
        public enum Action: Equatable, Sendable {
            case send(Packet)
            /// Send these blocks, each `blockSize` bytes at `byteRange(of:)`; the last may be shorter or empty.
            case sendBlocks(ClosedRange<Int>)
            /// Replaces the timer that was armed before.
            case armTimer(at: Duration)
            case finish(Outcome)
        }

        public enum Outcome: Equatable, Sendable {
            case complete
            /// The client sent an error; before the first block that is how firmware asks for the size.
            case abortedByClient(code: ErrorCode, message: String, delivered: Int)
            /// The client went silent with so many bytes acknowledged.
            case silent(delivered: Int)
        }

        /// What a transfer may be granted.
        public struct Limits: Equatable, Sendable {
            /// The path's MTU in bytes.
            public var mtu: Int
            /// Bytes of IP's header: 20, and 40 of version 6.
            public var header: Int
            public var windowSize: Int
            /// Retransmissions of one window before the client counts as gone.
            public var attempts: Int
            /// Before the first retransmission, unless the client's `timeout` says otherwise; doubled each time.
            public var timeout: Duration
            /// Without progress for so long the client counts as gone, whatever attempts are left.
            public var patience: Duration

            public init(
                mtu: Int = 1500, header: Int = 20, windowSize: Int = 64, attempts: Int = 6,
                timeout: Duration = .seconds(1), patience: Duration = .seconds(60)
            ) {
                self.mtu = mtu
                self.header = header
                self.windowSize = windowSize
                self.attempts = attempts
                self.timeout = timeout
                self.patience = patience
            }

            /// What goes into one packet beside the headers of IP, UDP (8) and TFTP (4).
            public var largestBlock: Int { mtu - header - 12 }
        }

        public let fileSize: Int
        public let blockSize: Int
        public let windowSize: Int
        /// The options granted, in the client's order and spelling; empty where none was.
        public let granted: [Option]
        /// Blocks in all: one more than the whole ones, so the last is always short.
        public let blockCount: Int

        private let timeout: Duration
        private let attempts: Int
        private let patience: Duration
        private var state = State.fresh
        /// The highest block the client has, with all before it.
        private var acknowledged = 0
        /// The highest block ever sent.
        private var sent = 0
        private var retries = 0
        private var lastProgress = Duration.zero
        /// A repeated acknowledgement at or below this block answers packets that were still on their way: heeding
        /// it would double every packet from then on (the Sorcerer's Apprentice).
        private var quietUntil = -1

        private enum State { case fresh, awaitingZero, sending, finished }

        public init(request: ReadRequest, fileSize: Int, limits: Limits = Limits()) {
            let size = max(0, fileSize)
            var block = TFTP.defaultBlockSize
            var window = 1
            var wait = limits.timeout
            var granted: [Option] = []
            for option in request.options {
                let value = Int(option.value)
                switch (option.name.lowercased(), value) {
                case ("blksize", let asked?) where asked >= 8:
                    block = min(asked, 65_464, max(8, limits.largestBlock))
                    granted.append(Option(option.name, String(block)))
                case ("windowsize", let asked?) where (1...65_535).contains(asked):
                    window = min(asked, max(1, limits.windowSize))
                    granted.append(Option(option.name, String(window)))
                case ("tsize", 0?): granted.append(Option(option.name, String(size)))
                // RFC 2349 allows 255 s; a client that asked for that and went would hold its place for an hour.
                case ("timeout", let asked?) where (1...10).contains(asked):
                    wait = .seconds(asked)
                    granted.append(option)
                default: continue
                }
            }
            self.fileSize = size
            self.granted = granted
            blockSize = block
            windowSize = window
            timeout = wait
            attempts = limits.attempts
            patience = limits.patience
            blockCount = size / block + 1
        }

        /// Bytes the client has acknowledged.
        public var delivered: Int { min(acknowledged * blockSize, fileSize) }

        /// More blocks than 16 bits can number: some clients stop at the roll-over.
        public var rollsOver: Bool { blockCount > 65_535 }

        /// The client has every block that 16 bits number and none after: it stopped because it cannot count further.
        public var endedAtRollOver: Bool { rollsOver && (acknowledged == 65_535 || acknowledged == 65_536) }

        public func blockNumber(of block: Int) -> UInt16 { UInt16(truncatingIfNeeded: block) }

        /// Where a block's payload lies in the file; empty for a last block with nothing left.
        public func byteRange(of blocks: ClosedRange<Int>) -> Range<Int> {
            let start = min((blocks.lowerBound - 1) * blockSize, fileSize)
            return start..<min(blocks.upperBound * blockSize, fileSize)
        }

        public mutating func start(now: Duration) -> Actions {
            guard state == .fresh else { return .none }
            lastProgress = now
            if granted.isEmpty {
                state = .sending
                return sendWindow(now: now)
            }
            state = .awaitingZero
            return Actions(.send(.optionAcknowledgement(granted)), armed(now))
        }

        public mutating func received(_ packet: Packet, now: Duration) -> Actions {
            guard state != .finished, state != .fresh else { return .none }
            switch packet {
            case .acknowledgement(let block): return heard(block, now: now)
            case .error(let code, let message):
                state = .finished
                return Actions(.finish(.abortedByClient(code: code, message: message, delivered: delivered)))
            default: return .none
            }
        }

        /// The same as for the packet, without making one.
        public mutating func acknowledged(_ block: UInt16, now: Duration) -> Actions {
            guard state != .finished, state != .fresh else { return .none }
            return heard(block, now: now)
        }

        /// Call when the time armed last has come.
        public mutating func timerFired(now: Duration) -> Actions {
            guard state == .awaitingZero || state == .sending else { return .none }
            retries += 1
            guard retries <= attempts, now - lastProgress < patience else {
                state = .finished
                return Actions(.finish(.silent(delivered: delivered)))
            }
            if state == .awaitingZero { return Actions(.send(.optionAcknowledgement(granted)), armed(now)) }
            // What is still on its way will be acknowledged again; one answer is enough.
            quietUntil = max(quietUntil, acknowledged)
            return sendWindow(now: now)
        }

        private mutating func heard(_ number: UInt16, now: Duration) -> Actions {
            if state == .awaitingZero {
                guard number == 0 else { return .none }
                state = .sending
                retries = 0
                lastProgress = now
                return sendWindow(now: now)
            }
            // The wire's 16 bits name one of the blocks on their way, or an older one.
            let distance = Int(number &- blockNumber(of: acknowledged))
            let block = acknowledged + distance
            if distance == 0 {
                // Of a window, the first block may be what was lost (RFC 7440 section 4); alone, it is only an echo.
                guard windowSize > 1, acknowledged > quietUntil else { return .none }
                quietUntil = sent
                return sendWindow(now: now)
            }
            guard block <= sent else { return .none }
            if block < sent { quietUntil = max(quietUntil, sent) }
            acknowledged = block
            retries = 0
            lastProgress = now
            if block == blockCount {
                state = .finished
                return Actions(.finish(.complete))
            }
            return sendWindow(now: now)
        }

        private mutating func sendWindow(now: Duration) -> Actions {
            let blocks = (acknowledged + 1)...min(acknowledged + windowSize, blockCount)
            sent = max(sent, blocks.upperBound)
            return Actions(.sendBlocks(blocks), armed(now))
        }

        private func armed(_ now: Duration) -> Action {
            // Doubled each time, to 16 times the first wait at most.
            .armTimer(at: min(now + timeout * (1 << min(retries, 4)), lastProgress + patience))
        }
    }
}
