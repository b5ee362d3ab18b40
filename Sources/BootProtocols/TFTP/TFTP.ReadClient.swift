extension TFTP {
    /// The client's side of one read transfer, as a firmware does it: without socket, file or clock. Times are durations
    /// since any fixed moment.
    ///
    /// It acknowledges each window, repeats its last packet when nothing comes, and of blocks out of order says once which
    /// one it has (RFC 7440 section 4).
    public struct ReadClient: Sendable {
        public enum Outcome: Equatable, Sendable {
            case complete
            case refused(code: ErrorCode, message: String)
            case silent
            /// A packet that no server sends.
            case broken(String)
        }

        /// What a packet led to.
        public struct Step: Equatable, Sendable {
            /// Where in the packet new file bytes lie.
            public var accepted: Range<Int>?
            public var reply: Packet?
            public var outcome: Outcome?
        }

        public let request: ReadRequest
        public private(set) var blockSize = TFTP.defaultBlockSize
        public private(set) var windowSize = 1
        /// What the server said with `tsize`.
        public private(set) var announcedSize: Int?
        /// When to call `timerFired`.
        public private(set) var deadline = Duration.zero
        /// Packets repeated because nothing came.
        public private(set) var retries = 0

        private let timeout: Duration
        private let attempts: Int
        private var received = 0
        private var unacknowledged = 0
        private var isStarted = false
        private var silences = 0
        private var hasComplained = false

        /// - Parameters:
        ///   - blockSize: 512 asks for no option.
        ///   - attempts: Repetitions before the server counts as gone.
        public init(
            file: String, blockSize: Int = 512, windowSize: Int = 1, wantsSize: Bool = true,
            timeout: Duration = .seconds(1), attempts: Int = 8
        ) {
            var options: [Option] = []
            if wantsSize { options.append(Option("tsize", "0")) }
            if blockSize != TFTP.defaultBlockSize { options.append(Option("blksize", String(blockSize))) }
            if windowSize != 1 { options.append(Option("windowsize", String(windowSize))) }
            request = ReadRequest(file: file, options: options)
            self.timeout = timeout
            self.attempts = attempts
        }

        /// The first packet, which goes to the server's port for requests; all later ones go to the one that answered.
        public mutating func start(now: Duration) -> Packet {
            deadline = now + timeout
            return .readRequest(request)
        }

        public mutating func received(_ bytes: UnsafeRawBufferPointer, now: Duration) -> Step {
            guard bytes.count >= 4, bytes[0] == 0 else {
                if bytes.count >= 2, bytes[0] == 0, bytes[1] == 6 { return acknowledgedOptions(bytes, now) }
                return Step(outcome: .broken("\(bytes.count) bytes that are no packet"))
            }
            switch bytes[1] {
            case 3: return data(UInt16(bytes[2]) << 8 | UInt16(bytes[3]), 4..<bytes.count, now)
            case 6: return acknowledgedOptions(bytes, now)
            case 5:
                guard case .packet(.error(let code, let message)) = Packet.read(Array(bytes)) else {
                    return Step(outcome: .broken("an error that cannot be read"))
                }
                return Step(outcome: .refused(code: code, message: message))
            default: return Step(outcome: .broken("operation \(bytes[1])"))
            }
        }

        /// Call when `deadline` has come.
        public mutating func timerFired(now: Duration) -> Step {
            silences += 1
            guard silences <= attempts else { return Step(outcome: .silent) }
            retries += 1
            deadline = now + timeout * (1 << min(silences, 4))
            unacknowledged = 0
            return Step(reply: isStarted ? last : .readRequest(request))
        }

        private var last: Packet { .acknowledgement(block: UInt16(truncatingIfNeeded: received)) }

        private mutating func acknowledgedOptions(_ bytes: UnsafeRawBufferPointer, _ now: Duration) -> Step {
            // Repeated because our acknowledgement was lost.
            if isStarted { return received == 0 ? Step(reply: last) : Step() }
            guard case .packet(.optionAcknowledgement(let options)) = Packet.read(Array(bytes)) else {
                return Step(outcome: .broken("options that cannot be read"))
            }
            for option in options {
                guard let asked = request[option.name.lowercased()], let value = Int(option.value) else {
                    return Step(outcome: .broken("option \(option.name), which was not asked for"))
                }
                switch option.name.lowercased() {
                case "blksize" where (8...(Int(asked) ?? 0)).contains(value): blockSize = value
                case "windowsize" where (1...(Int(asked) ?? 0)).contains(value): windowSize = value
                case "tsize": announcedSize = value
                default: return Step(outcome: .broken("option \(option.name) = \(option.value)"))
                }
            }
            isStarted = true
            heard(now)
            return Step(reply: last)
        }

        private mutating func data(_ number: UInt16, _ payload: Range<Int>, _ now: Duration) -> Step {
            guard payload.count <= blockSize else { return Step(outcome: .broken("a block of \(payload.count) bytes")) }
            guard number == UInt16(truncatingIfNeeded: received + 1) else {
                // One word about a gap; more would have the window sent again for each of its blocks.
                let isAhead = UInt16(truncatingIfNeeded: Int(number) - received) < 32_768
                guard isAhead, windowSize > 1, !hasComplained else { return Step() }
                hasComplained = true
                unacknowledged = 0
                return Step(reply: last)
            }
            isStarted = true
            received += 1
            unacknowledged += 1
            heard(now)
            let isLast = payload.count < blockSize
            var step = Step(accepted: payload)
            if isLast || unacknowledged >= windowSize {
                unacknowledged = 0
                step.reply = last
            }
            if isLast { step.outcome = .complete }
            return step
        }

        private mutating func heard(_ now: Duration) {
            silences = 0
            hasComplained = false
            deadline = now + timeout
        }
    }
}
