import BootProtocols

extension DHCPResponder {
    /// One message on its way to an answer.
    struct Exchange {
        let message: DHCP.Message
        let kind: DHCP.MessageType
        let request: BootRequest
        let port: Int
        let now: Duration
        let subnet: Subnet
        var attempt: String?
        var offer = BootOffer(.addressOnly, why: [])
        var lines: [String] = []

        init(
            message: DHCP.Message, kind: DHCP.MessageType, request: BootRequest, port: Int, now: Duration,
            subnet: Subnet
        ) {
            self.subnet = subnet
            self.message = message
            self.kind = kind
            self.request = request
            self.port = port
            self.now = now
        }

        /// What the policy offers; a booting client's discover begins or continues its attempt.
        mutating func decide(policy: BootPolicy, attempts: inout BootAttempts, newIdentifier: () -> String) {
            if request.client != .plain, let system = policy.system(for: request.machine) {
                // SLOF says what it is in its request alone: that begins its boot, the first and every other.
                let known = attempts.underWay(of: request.mac, now: now)
                if kind == .discover || known == nil {
                    // Only a client that will be served begins a boot.
                    if case .boot = policy.offer(to: request, attempt: BootFileName.noAttempt).answer {
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

    mutating func fullAnswer(
        _ exchange: inout Exchange, _ place: Int, _ seconds: Int, policy: BootPolicy, attempts: inout BootAttempts
    ) -> Answer {
        let client = exchange.request.mac
        let machine = exchange.request.machine
        let fixed = fixedAddress(of: machine, place, seconds, policy: policy, &exchange)
        switch exchange.kind {
        case .discover:
            if let fixed { return finish(&exchange, .offer, fixed, policy: policy, attempts: &attempts) }
            let before = lenders[place].leases.lease(of: client, now: seconds)
            guard
                let address = lenders[place].leases.offer(
                    to: client, requested: exchange.message.requestedAddress,
                    excluding: reserved(place, policy: policy), now: seconds)
            else { return exchange.finished(.ignoring("no free address is left in \(exchange.subnet.network)")) }
            exchange.offer.why.insert(
                before?.address == address
                    ? "it has \(address) already" : "\(address) is free in \(exchange.subnet.network)", at: 0)
            var answer = finish(&exchange, .offer, address, policy: policy, attempts: &attempts)
            // ARP hears nothing from behind a relay, or a router that answers for all of it.
            if before == nil, exchange.subnet.isOwn { answer.newlyLent = address }
            return answer
        case .inform: return finish(&exchange, .acknowledge, nil, policy: policy, attempts: &attempts)
        default:
            let wanted = exchange.message.requestedAddress ?? exchange.message.clientAddress
            if let fixed {
                guard wanted == fixed else { return refuse(&exchange, wanted) }
                return finish(&exchange, .acknowledge, fixed, policy: policy, attempts: &attempts)
            }
            let before = lenders[place].leases.lease(of: client, now: seconds)
            guard !reserved(place, policy: policy).contains(wanted),
                lenders[place].leases.bind(
                    wanted, to: client, seconds: exchange.subnet.lending.leaseSeconds, now: seconds)
            else { return refuse(&exchange, wanted) }
            var answer = finish(&exchange, .acknowledge, wanted, policy: policy, attempts: &attempts)
            answer.leasesChanged = lenders[place].leases.lease(of: client, now: seconds) != before
            return answer
        }
    }

    /// The node's own address, where it fits the network it asks from and nobody else has a lease of it.
    private func fixedAddress(
        of machine: Machine, _ place: Int, _ seconds: Int, policy: BootPolicy, _ exchange: inout Exchange
    ) -> IPv4Address? {
        guard let address = policy.fixedAddress(of: machine) else { return nil }
        guard exchange.subnet.network.contains(address) else {
            exchange.offer.why.insert(
                "its own address \(address) is not in \(exchange.subnet.network), from which it asks", at: 0)
            return nil
        }
        if let lease = lenders[place].leases.lease(at: address), lease.client != machine.mac, lease.expires > seconds {
            exchange.offer.why.insert("its own address \(address) is still lent to \(lease.client)", at: 0)
            return nil
        }
        exchange.offer.why.insert("\(address) is its own", at: 0)
        return address
    }

    /// What a network lends to nobody, or to one node alone.
    private func reserved(_ place: Int, policy: BootPolicy) -> Set<IPv4Address> {
        lenders[place].subnet.reserved.union(policy.fixedAddresses)
    }

    /// A client that insists on an address it cannot have is told so, and asks anew.
    private func refuse(_ exchange: inout Exchange, _ wanted: IPv4Address) -> Answer {
        var reply = head(exchange, .refuse)
        // Its address is wrong there, so its relay must not use it (RFC 2131 section 4.3.2).
        if exchange.message.relayAddress != .unspecified { reply.wantsBroadcast = true }
        reply.options.append(DHCP.Option(.message, "\(wanted) is not yours to use here"))
        var answer = Answer(reply: reply)
        answer.destination =
            exchange.message.relayAddress == .unspecified ? .broadcast : destination(exchange.message)
        return exchange.finished(answer)
    }

    private func finish(
        _ exchange: inout Exchange, _ kind: DHCP.MessageType, _ address: IPv4Address?, policy: BootPolicy,
        attempts: inout BootAttempts
    ) -> Answer {
        let (network, lending) = (exchange.subnet.network, exchange.subnet.lending)
        var reply = head(exchange, kind)
        if let address {
            reply.yourAddress = address
            let lease = UInt32(clamping: lending.leaseSeconds)
            reply.options += [
                DHCP.Option(.leaseSeconds, seconds: lease), DHCP.Option(.renewalSeconds, seconds: lease / 2),
                DHCP.Option(.rebindingSeconds, seconds: lease / 8 * 7),
            ]
        }
        reply.options.append(DHCP.Option(.subnetMask, network.mask))
        if let router = lending.router { reply.options.append(DHCP.Option(.router, router)) }
        if !lending.nameServers.isEmpty {
            reply.options.append(DHCP.Option(.nameServers, lending.nameServers.flatMap(\.bytes)))
        }
        if let domain = lending.domain { reply.options.append(DHCP.Option(.domainName, domain)) }
        if let hostname = policy.choice(for: exchange.request.machine).settings?.hostname {
            reply.options.append(DHCP.Option(.hostName, hostname))
        }
        reply.options.append(DHCP.Option(.broadcastAddress, network.broadcast))
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
            DHCP.Option(.messageType, [kind.rawValue]), DHCP.Option(.serverIdentifier, exchange.subnet.serverAddress),
        ]
        return reply
    }

    private func addBoot(_ exchange: Exchange, to reply: inout DHCP.Message) {
        guard case .boot(let file) = exchange.offer.answer else { return }
        reply.nextServer = exchange.subnet.serverAddress
        // The field and the options: some firmware reads only the one, some only the other.
        reply.file = Array(file.utf8.prefix(127))
        reply.options.append(DHCP.Option(.tftpServerName, "\(exchange.subnet.serverAddress)"))
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
