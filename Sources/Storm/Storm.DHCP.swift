import BootProtocols
import LinuxCalls

extension Storm {
    /// As iPXE and EDK2 do: after 1, 2, 4 and 8 seconds more.
    private static let dhcpTries = 6

    func beginDHCP(_ node: StormNode) {
        enter(.dhcp, node)
        node.offer = nil
        byTransaction[node.transaction] = nil
        repeat {
            node.transaction = UInt32.random(in: 1 ... .max, using: &random)
        } while byTransaction[node.transaction] != nil
        byTransaction[node.transaction] = node
        sendDHCP(node)
    }

    func repeatDHCP(_ node: StormNode) {
        node.tries += 1
        guard node.tries < Self.dhcpTries else { return fail(node, "no answer by DHCP") }
        retried("DHCP")
        // A request that stays unanswered: begin again, as firmware does.
        if node.tries > 3 { node.offer = nil }
        sendDHCP(node)
    }

    private func sendDHCP(_ node: StormNode) {
        let message = node.offer.map { node.request(settings.firmware, $0) } ?? node.discover(settings.firmware)
        node.deadline = now + .seconds(1 << min(node.tries, 3))
        let bytes = message.bytes
        transmit { [dhcpSocket] in
            _ = DataSocket.send(dhcpSocket, bytes, to: IPv4Address.broadcast.value, port: UInt16(DHCP.serverPort))
        }
    }

    /// Sends, or loses it, or sends it twice.
    func transmit(_ send: () -> Void) {
        if random.happens(settings.loss) {
            report.injected["lost", default: 0] += 1
            return
        }
        send()
        if random.happens(settings.duplication) {
            report.injected["doubled", default: 0] += 1
            send()
        }
    }

    func hearDHCP() {
        for _ in 0..<256 {
            let count = DataSocket.receive(dhcpSocket, into: buffer)
            guard count > 0 else { return }
            if random.happens(settings.loss) {
                report.injected["lost", default: 0] += 1
                continue
            }
            let bytes = Array(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            guard let message = DHCP.Message.read(bytes).packet, message.isReply,
                let node = byTransaction[message.transaction], node.phase == .dhcp,
                message.hardwareAddress == node.mac.bytes
            else { continue }
            switch message.messageType {
            case .offer where node.offer == nil && (message.bootFileName != nil || message.yourAddress != .unspecified):
                node.offer = message
                node.tries = 0
                sendDHCP(node)
            case .acknowledge where node.offer != nil: bound(node, message)
            case .refuse: fail(node, "refused by DHCP")
            default: break
            }
        }
    }

    private func bound(_ node: StormNode, _ message: DHCP.Message) {
        byTransaction[node.transaction] = nil
        guard message.yourAddress != .unspecified, let file = message.bootFileName ?? node.offer?.bootFileName else {
            return fail(node, "no address or no boot file by DHCP")
        }
        node.address = message.yourAddress
        do { try routes.add(message.yourAddress.value) } catch { return fail(node, "\(error)") }
        let siaddr = message.nextServer == .unspecified ? node.offer?.nextServer : message.nextServer
        node.server = siaddr.flatMap { $0 == .unspecified ? nil : $0 } ?? message.serverIdentifier
        node.bootFile = file
        node.attempt = Self.attempt(in: file)
        if file.hasPrefix("http://") {
            beginHTTP(node, file)
        } else if settings.firmware == .uefiHTTP {
            fail(node, "no URL by DHCP for HTTP Boot")
        } else {
            beginTFTP(node)
        }
    }

    /// The server's word for this boot: the part of the name after `boot/`.
    private static func attempt(in name: String) -> String? {
        let parts = name.split(separator: "/")
        guard let index = parts.firstIndex(of: "boot"), index + 1 < parts.count else { return nil }
        return String(parts[index + 1])
    }
}
