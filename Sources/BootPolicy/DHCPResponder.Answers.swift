import BootProtocols

extension DHCPResponder {
    /// One message on its way to an answer.
    struct Exchange {
        let message: DHCP.Message
        let kind: DHCP.MessageType
        let request: BootRequest
        let port: Int
        let now: Duration
        var attempt: String?
        var offer = BootOffer(.addressOnly, why: [])
        var lines: [String] = []

        init(message: DHCP.Message, kind: DHCP.MessageType, request: BootRequest, port: Int, now: Duration) {
            self.message = message
            self.kind = kind
            self.request = request
            self.port = port
            self.now = now
        }

        /// What the policy offers; a booting client's discover begins or continues its attempt.
        mutating func decide(policy: BootPolicy, attempts: inout BootAttempts, newIdentifier: () -> String) {
            if request.client != .plain, let system = policy.system(for: request.mac) {
                let known = attempts.current(of: request.mac)
                if kind == .discover || known == nil {
                    // Only a client that will be served begins a boot.
                    if case .ignored = policy.offer(to: request, attempt: BootFileName.noAttempt).answer {
                    } else {
                        lines += attempts.endPrevious(of: request.mac, now: now)
                        let given = policy.given(system, to: request.mac, after: attempts)
                        let begun = attempts.begin(
                            request, system: given.system, reason: given.reason, now: now, newIdentifier: newIdentifier)
                        attempt = begun.identifier
                        lines += begun.lines
                        lines += attempts.record(.discovered(client: request.name), of: begun.identifier, now: now)
                    }
                } else {
                    attempt = known?.identifier
                }
            }
            offer = policy.offer(to: request, attempt: attempt ?? BootFileName.noAttempt)
        }

        func finished(_ answer: Answer) -> Answer {
            var answer = answer
            answer.lines = lines
            answer.why = offer.why
            // The relay's own option goes back as it came, last (RFC 3046 section 2.2).
            if let relay = message[.relayAgent] { answer.reply?.options.append(DHCP.Option(.relayAgent, relay)) }
            return answer
        }
    }

    func proxyAnswer(_ exchange: inout Exchange, attempts: inout BootAttempts) -> Answer {
        guard case .boot(let file) = exchange.offer.answer else {
            return exchange.finished(.ignoring("nothing to boot"))
        }
        guard exchange.port == DHCP.proxyPort || exchange.kind == .discover else {
            return exchange.finished(.ignoring("not a discover"))
        }
        var reply = head(exchange, exchange.kind == .discover ? .offer : .acknowledge)
        addBoot(exchange, to: &reply)
        if let attempt = exchange.attempt, exchange.kind == .discover {
            exchange.lines += attempts.record(.offered(address: nil, bootFile: file), of: attempt, now: exchange.now)
        }
        var answer = Answer(reply: reply)
        answer.destination = exchange.port == DHCP.proxyPort ? .sender : destination(exchange.message)
        return exchange.finished(answer)
    }

    mutating func fullAnswer(_ exchange: inout Exchange, _ seconds: Int, attempts: inout BootAttempts) -> Answer {
        let client = exchange.request.mac
        switch exchange.kind {
        case .discover:
            guard
                let address = leases?.offer(
                    to: client, requested: exchange.message.requestedAddress, excluding: network.reserved,
                    now: seconds)
            else { return exchange.finished(.ignoring("no free address is left in the range")) }
            return finish(&exchange, .offer, address, attempts: &attempts)
        case .inform: return finish(&exchange, .acknowledge, nil, attempts: &attempts)
        default:
            let wanted = exchange.message.requestedAddress ?? exchange.message.clientAddress
            let before = leases?.lease(of: client, now: seconds)
            guard !network.reserved.contains(wanted),
                leases?.bind(wanted, to: client, seconds: network.leaseSeconds, now: seconds) == true
            else { return refuse(&exchange, wanted) }
            var answer = finish(&exchange, .acknowledge, wanted, attempts: &attempts)
            answer.leasesChanged = leases?.lease(of: client, now: seconds) != before
            return answer
        }
    }

    /// A client that insists on an address it cannot have is told so, and asks anew.
    private func refuse(_ exchange: inout Exchange, _ wanted: IPv4Address) -> Answer {
        var reply = head(exchange, .refuse)
        reply.options.append(DHCP.Option(.message, "\(wanted) is not yours to use here"))
        var answer = Answer(reply: reply)
        answer.destination =
            exchange.message.relayAddress == .unspecified ? .broadcast : destination(exchange.message)
        return exchange.finished(answer)
    }

    private func finish(
        _ exchange: inout Exchange, _ kind: DHCP.MessageType, _ address: IPv4Address?, attempts: inout BootAttempts
    ) -> Answer {
        var reply = head(exchange, kind)
        if let address {
            reply.yourAddress = address
            let lease = UInt32(clamping: network.leaseSeconds)
            reply.options += [
                DHCP.Option(.leaseSeconds, seconds: lease), DHCP.Option(.renewalSeconds, seconds: lease / 2),
                DHCP.Option(.rebindingSeconds, seconds: lease / 8 * 7),
            ]
        }
        reply.options.append(DHCP.Option(.subnetMask, IPv4Address(value: network.mask)))
        if let router = network.router { reply.options.append(DHCP.Option(.router, router)) }
        if !network.nameServers.isEmpty {
            reply.options.append(DHCP.Option(.nameServers, network.nameServers.flatMap(\.bytes)))
        }
        reply.options.append(
            DHCP.Option(.broadcastAddress, IPv4Address(value: network.serverAddress.value | ~network.mask)))
        var bootFile: String?
        if case .boot(let file) = exchange.offer.answer {
            bootFile = file
            addBoot(exchange, to: &reply)
        }
        if let attempt = exchange.attempt {
            if kind == .offer {
                exchange.lines += attempts.record(
                    .offered(address: address, bootFile: bootFile), of: attempt, now: exchange.now)
            } else if let address {
                exchange.lines += attempts.record(.leased(address: address), of: attempt, now: exchange.now)
            }
        }
        var answer = Answer(reply: reply)
        answer.destination = destination(exchange.message)
        return exchange.finished(answer)
    }

    /// What every reply has: the client's own words back, and who we are.
    private func head(_ exchange: Exchange, _ kind: DHCP.MessageType) -> DHCP.Message {
        let message = exchange.message
        var reply = DHCP.Message(
            isReply: true, hardwareType: message.hardwareType, hardwareAddress: message.hardwareAddress,
            transaction: message.transaction, wantsBroadcast: message.wantsBroadcast,
            clientAddress: kind == .acknowledge ? message.clientAddress : .unspecified,
            relayAddress: message.relayAddress)
        reply.options = [
            DHCP.Option(.messageType, [kind.rawValue]), DHCP.Option(.serverIdentifier, network.serverAddress),
        ]
        return reply
    }

    private func addBoot(_ exchange: Exchange, to reply: inout DHCP.Message) {
        guard case .boot(let file) = exchange.offer.answer else { return }
        reply.nextServer = network.serverAddress
        // The field and the options: some firmware reads only the one, some only the other.
        reply.file = Array(file.utf8.prefix(127))
        reply.options.append(DHCP.Option(.tftpServerName, "\(network.serverAddress)"))
        reply.options.append(DHCP.Option(.bootFileName, file))
        if let vendor = exchange.offer.vendorClass { reply.options.append(DHCP.Option(.vendorClass, vendor)) }
        if let machine = exchange.message[.machineIdentifier], machine.count == 17, machine[0] == 0 {
            reply.options.append(DHCP.Option(.machineIdentifier, machine))
        }
        reply.options += exchange.offer.options
    }

    private func destination(_ message: DHCP.Message) -> Destination {
        if message.relayAddress != .unspecified {
            return .unicast(message.relayAddress, port: DHCP.serverPort)
        }
        if message.clientAddress != .unspecified, !message.wantsBroadcast {
            return .unicast(message.clientAddress, port: DHCP.clientPort)
        }
        return .broadcast
    }
}
