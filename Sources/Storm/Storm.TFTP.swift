import BootProtocols
import LinuxCalls

extension Storm {
    func beginTFTP(_ node: StormNode) {
        enter(.tftp, node)
        // EDK2 asks for the size first and hangs up.
        node.wantsSizeOnly = settings.firmware == .uefi
        openTFTP(node)
    }

    private func openTFTP(_ node: StormNode) {
        closeSocket(node)
        guard let address = node.address, take(DataSocket.open(datagramsAt: address.value), node, for: .readable) else {
            return
        }
        node.isConnected = false
        // Gone after 15 s of silence, as for iPXE (16 s) and EDK2 (18 s); then it begins again, from DHCP on.
        var client =
            node.wantsSizeOnly
            ? TFTP.ReadClient(file: node.bootFile, attempts: 3)
            : TFTP.ReadClient(
                file: node.bootFile, blockSize: settings.blockSize, windowSize: settings.windowSize, attempts: 3)
        let first = client.start(now: now)
        node.client = client
        node.deadline = client.deadline
        node.download = references.begin(Self.lastPart(node.bootFile))
        say(first, node)
    }

    static func lastPart(_ name: String) -> String { name.split(separator: "/").last.map(String.init) ?? name }

    private func say(_ packet: TFTP.Packet, _ node: StormNode) {
        guard let socket = node.socket, let server = node.server else { return }
        let bytes = packet.bytes
        let isConnected = node.isConnected
        transmit {
            if isConnected {
                _ = bytes.withUnsafeBytes { DataSocket.send(socket, $0) }
            } else {
                _ = DataSocket.send(socket, bytes, to: server.value, port: UInt16(TFTP.port))
            }
        }
    }

    func repeatTFTP(_ node: StormNode) {
        guard var client = node.client else { return }
        let step = client.timerFired(now: now)
        node.client = client
        node.deadline = client.deadline
        if let late = node.late {
            // Nothing came after it, so it comes now.
            node.late = nil
            return late.withUnsafeBytes { hear($0, node) }
        }
        if step.reply != nil { retried("TFTP") }
        perform(step, node, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    func hearTFTP(_ node: StormNode) {
        for _ in 0..<64 {
            guard let socket = node.socket, node.phase == .tftp else { return }
            let count: Int
            if node.isConnected {
                count = DataSocket.receive(socket, into: buffer)
            } else {
                var from = DataSocket.Peer(ipv4: 0, port: 0)
                count = DataSocket.receive(socket, into: buffer, from: &from)
                if count > 0, from.ipv4 == node.server?.value {
                    node.isConnected = DataSocket.connect(socket, to: from) == 0
                }
            }
            guard count > 0 else { return }
            if random.happens(settings.loss) {
                report.injected["lost", default: 0] += 1
                continue
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if node.late == nil, random.happens(settings.reordering) {
                report.injected["late", default: 0] += 1
                node.late = Array(bytes)
                continue
            }
            hear(bytes, node)
            if let late = node.late, node.phase == .tftp {
                node.late = nil
                late.withUnsafeBytes { hear($0, node) }
            }
        }
    }

    private func hear(_ bytes: UnsafeRawBufferPointer, _ node: StormNode) {
        guard var client = node.client else { return }
        let step = client.received(bytes, now: now)
        node.client = client
        node.deadline = client.deadline
        perform(step, node, bytes)
    }

    private func perform(_ step: TFTP.ReadClient.Step, _ node: StormNode, _ packet: UnsafeRawBufferPointer) {
        if node.wantsSizeOnly, node.client?.announcedSize != nil {
            // Word that it is over goes out once, as EDK2 sends it.
            say(.error(code: .notDefined, message: "User aborted the transfer"), node)
            node.wantsSizeOnly = false
            return openTFTP(node)
        }
        if let accepted = step.accepted, var download = node.download {
            references.add(UnsafeRawBufferPointer(rebasing: packet[accepted]), to: &download)
            report.bytes += accepted.count
            node.download = download
        }
        if let reply = step.reply { say(reply, node) }
        switch step.outcome {
        case nil: break
        case .complete: completed(node)
        case .refused(_, let message): fail(node, "refused by TFTP: \(message)")
        case .silent: fail(node, "the TFTP server went silent")
        case .broken(let reason): fail(node, "TFTP: \(reason)")
        }
    }

    private func completed(_ node: StormNode) {
        guard let download = node.download else { return }
        node.download = nil
        let announced = node.client?.announcedSize
        guard announced == nil || announced == download.count else { return fail(node, "TFTP: not the announced size") }
        guard references.finish(download, mayDiffer: mayDiffer) else { return fail(node, "wrong content by TFTP") }
        closeSocket(node)
        if settings.firmware == .bios {
            node.isIPXE = true
            beginDHCP(node)
        } else {
            phoneHome(node)
        }
    }

    /// Bytes of a system as one file that are a node's own: its kernel parameters.
    var mayDiffer: Int { settings.firmware == .bios ? 0 : 256 }
}
