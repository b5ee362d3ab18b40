import BootProtocols

/// DHCPv6 on one interface: an address of the site's prefix that follows from the client's card, and the boot file's URL.
///
/// Nothing is remembered: the same card gets the same address for ever, after any restart, and two cards never share one.
public struct DHCPv6Responder: Sendable {
    public struct Answer: Sendable {
        public var reply: DHCPv6.Message?
        /// Lines for the timeline.
        public var lines: [String] = []
        public var ignored: String?

        static func ignoring(_ reason: String) -> Answer { Answer(ignored: reason) }
    }

    public var prefix: IPv6Prefix
    public var serverAddress: IPv6Address
    /// The server's identifier: its card (RFC 8415 section 11.4).
    public var serverIdentifier: [UInt8]
    public var seconds: UInt32

    public init(prefix: IPv6Prefix, serverAddress: IPv6Address, card: MACAddress, leaseSeconds: Int) {
        self.prefix = prefix
        self.serverAddress = serverAddress
        serverIdentifier = [0, 3, 0, 1] + card.bytes
        seconds = UInt32(clamping: leaseSeconds)
    }

    /// The request as the policy sees it; nil where nothing tells the client's card.
    public static func request(_ message: DHCPv6.Message, from source: IPv6Address?) -> BootRequest? {
        guard let card = message.card(sentFrom: source), card.isOfOneCard else { return nil }
        let vendor = message.vendorClass ?? ""
        let client: BootRequest.Client =
            message.userClasses.contains("iPXE")
            ? .iPXE
            : vendor.hasPrefix("HTTPClient")
                ? .uefiHTTP : vendor.hasPrefix("PXEClient") || !message.architectures.isEmpty ? .pxe : .plain
        return BootRequest(
            mac: card, client: client,
            architecture: message.architectures.first.map(ClientArchitecture.init(rawValue:)),
            machineUUID: message.machineUUID, vendorClass: message.vendorClass)
    }

    /// - Parameter policy: as it answers over IPv6.
    public func answer(
        _ message: DHCPv6.Message, from source: IPv6Address?, now: Duration, policy: BootPolicy,
        attempts: inout BootAttempts, newIdentifier: () -> String
    ) -> Answer {
        let ours = message[.serverIdentifier].map { $0 == serverIdentifier }
        let type: DHCPv6.MessageType
        // RFC 8415 section 16: which messages must, may and must not name a server.
        switch message.type {
        case .solicit, .confirm, .rebind:
            guard ours == nil else { return .ignoring("a server's identifier where none may be") }
            type = message.type == .solicit && message[.rapidCommit] == nil ? .advertise : .reply
        case .request, .renew, .release, .decline:
            guard ours == true else { return .ignoring("it is for another server") }
            type = .reply
        case .informationRequest:
            guard ours != false else { return .ignoring("it is for another server") }
            type = .reply
        case .advertise, .reply, .reconfigure: return .ignoring("a server's message")
        }
        guard let identifier = message[.clientIdentifier], (3...130).contains(identifier.count) else {
            // Section 18.3.9 allows an Information-request without, which nobody who boots sends.
            return .ignoring("no client identifier")
        }
        guard var request = Self.request(message, from: source) else { return .ignoring("nothing tells its card") }
        request.serial = policy.seen[request.mac]?.serial
        var reply = DHCPv6.Message(
            type: type, transaction: message.transaction,
            options: [
                DHCPv6.Option(.clientIdentifier, identifier), DHCPv6.Option(.serverIdentifier, serverIdentifier),
            ])
        var answer = Answer()
        if message.type == .release || message.type == .decline {
            reply.options.append(DHCPv6.Option(.success, ""))
            answer.reply = reply
            return answer
        }
        let address = IPv6Address(prefix: prefix, card: request.mac)
        if message.type == .confirm {
            let wanted = message.associations.flatMap(\.addresses)
            guard !wanted.isEmpty else { return .ignoring("a confirm without an address") }
            reply.options.append(
                DHCPv6.Option(wanted.allSatisfy { $0 == address } ? .success : .notOnLink, ""))
            answer.reply = reply
            return answer
        }
        if message.type == .solicit, message[.rapidCommit] != nil {
            reply.options.append(DHCPv6.Option(.rapidCommit, [UInt8]()))
        }
        if message.type != .informationRequest {
            for (place, association) in message.associations.enumerated() {
                reply.options.append(
                    DHCPv6.Option(
                        association,
                        place == 0 ? .address(address, seconds: seconds) : .status(.noAddressesLeft)))
            }
        }
        boot(request, message.type, &reply, &answer, now, policy, &attempts, newIdentifier)
        answer.reply = reply
        return answer
    }

    /// Adds what it boots, and begins or continues its boot.
    private func boot(
        _ request: BootRequest, _ type: DHCPv6.MessageType, _ reply: inout DHCPv6.Message, _ answer: inout Answer,
        _ now: Duration, _ policy: BootPolicy, _ attempts: inout BootAttempts, _ newIdentifier: () -> String
    ) {
        guard [.uefiHTTP, .iPXE, .pxe].contains(request.client), let system = policy.system(for: request.machine),
            case .boot = policy.offer(to: request, attempt: BootFileName.noAttempt).answer
        else { return }
        let known = attempts.current(of: request.mac)
        var attempt = known?.identifier
        if type == .solicit || type == .informationRequest || known == nil {
            answer.lines += attempts.endPrevious(of: request.mac, now: now)
            let given = policy.given(system, to: request.mac, after: attempts)
            let begun = attempts.begin(
                request, system: given.system, reason: given.reason, now: now, newIdentifier: newIdentifier)
            answer.lines += begun.lines
            answer.lines += attempts.record(
                .discovered(client: "\(request.name), IPv6"), of: begun.identifier, now: now)
            attempt = begun.identifier
        }
        guard let attempt else { return }
        let offer = policy.offer(to: request, attempt: attempt)
        guard case .boot(let file) = offer.answer else { return }
        // RFC 5970 section 3.1: a URL always, for TFTP too.
        let url = file.contains("://") ? file : "tftp://[\(serverAddress)]/\(file)"
        reply.options.append(DHCPv6.Option(.bootFileURL, url))
        // EDK2 that sees `PXEClient` takes the sender for a BINL server, and asks it again on UDP 4011.
        if let vendor = offer.vendorClass, request.client != .pxe {
            reply.options.append(DHCPv6.Option(vendorClass: vendor))
        }
        if reply.type == .advertise {
            answer.lines += attempts.record(.offered(address: nil, bootFile: url), of: attempt, now: now)
        }
    }
}
