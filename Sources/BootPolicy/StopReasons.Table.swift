import Diagnostics

extension StopReason {
    /// Block sizes that firmware asks for (RFC 2348), for telling a transfer that ended at its 65,535th block.
    private static let blockSizes = [512, 1024, 1408, 1428, 1432, 1456, 1468, 1482]

    static let table: [StopReason] = [
        StopReason(name: "secrets given") { evidence in
            guard evidence.hasSecrets else { return nil }
            return "the system started and fetched its secrets, but did not phone home; its console says why"
        },
        StopReason(name: "delivered") { evidence in
            guard evidence.attempt.isDelivered else { return nil }
            return "kernel and initramfs were delivered, but the system did not phone home; its console says why"
        },
        StopReason(name: "answers do not arrive") { evidence in
            guard let asked = evidence.unanswered.last(where: { $0.transport == .tftp }) else { return nil }
            let times = asked.ports.count
            let what = "\(evidence.clients.last ?? "the machine") asked for \(asked.file)"
            // Only a second request tells: each TFTP transfer is answered from a port of its own (RFC 1350 section 4).
            guard times > 1 else {
                return "\(what) and our answer was not acknowledged: each transfer has a port of its own, "
                    + "which a firewall between may not let through"
            }
            let ports = Set(asked.ports).count > 1 ? "the second request came from another port" : "each time anew"
            return "\(what) \(repeats(times)) and gave up: \(ports); a firewall between?"
        },
        StopReason(name: "size only") { evidence in
            guard let sized = evidence.sized else { return nil }
            return "\(evidence.firmware) asked for the size of \(sized.file), \(formatBytes(sized.size)), "
                + "and then not for the file: too large for it?"
        },
        StopReason(name: "65,535 blocks") { evidence in
            guard let stop = evidence.lastStop, stop.transport == .tftp,
                let block = blockSizes.first(where: { abs(stop.bytes - 65_535 * $0) <= 64 * $0 }),
                stop.size > stop.bytes
            else { return nil }
            return
                "\(stop.file) by TFTP stopped at block 65,535 of \(block) bytes: this firmware cannot count further; "
                + "give it iPXE, which fetches by HTTP"
        },
        StopReason(name: "client went silent") { evidence in
            guard let stop = evidence.lastStop, stop.reason.contains("went silent") else { return nil }
            return "\(amount(stop)): the client went silent, so a cable, or the node was switched off"
        },
        StopReason(name: "too large for the client") { evidence in
            guard let stop = evidence.lastStop, stop.size > 64 << 20, stop.bytes < stop.size,
                stop.reason.contains("gave up") || stop.reason.contains("closed the connection")
            else { return nil }
            return "\(amount(stop)): \(stop.reason); it may have too little memory for it"
        },
        StopReason(name: "transfer stopped") { evidence in
            guard let stop = evidence.lastStop else { return nil }
            return "\(amount(stop)): \(stop.reason)"
        },
        StopReason(name: "transfer went silent") { evidence in
            guard let open = evidence.open else { return nil }
            guard open.bytes > 0 else {
                return "\(open.file) by \(open.transport.rawValue) was begun and nothing more came back: "
                    + "a cable, or a firewall between?"
            }
            return "\(open.file) by \(open.transport.rawValue) went silent after \(formatBytes(open.bytes)): "
                + "a cable, or the node was switched off"
        },
        StopReason(name: "script without kernel") { evidence in
            guard evidence.finished.last == "boot.ipxe", !evidence.asksSinceLastFile else { return nil }
            return "iPXE had its script and never asked for the kernel; its console says why"
        },
        StopReason(name: "iPXE cannot fetch its script") { evidence in
            guard evidence.finished.last.map(isLoader) == true, evidence.asksSinceLastFile, evidence.hasAddress,
                evidence.clients.last?.hasPrefix("iPXE") == true
            else { return nil }
            return "iPXE runs and has its address, and never asked for its script: a firewall that drops HTTP?"
        },
        StopReason(name: "HTTPS refused") { evidence in
            guard let reason = evidence.secureFailure else { return nil }
            return "it began HTTPS and broke off (\(reason)): does its firmware trust the authority of this server's "
                + "certificate, is its clock right, and does it know TLS 1.2?"
        },
        StopReason(name: "asked for what is not there") { evidence in
            guard let refused = evidence.refusals.last else { return nil }
            return "it asked for \(refused.file) by \(refused.transport.rawValue), which does not exist"
        },
        StopReason(name: "loader does not run") { evidence in
            guard let file = evidence.finished.last, !evidence.asksSinceLastFile else { return nil }
            return "\(file) was delivered and nothing followed: it does not run on this machine "
                + "(Secure Boot refuses what is not signed), or its own network driver fails"
        },
        StopReason(name: "knows its file, never asks") { evidence in
            guard evidence.hasAddress || (evidence.isProxied && evidence.offeredFile != nil) else { return nil }
            let file = evidence.offeredFile ?? ""
            guard !file.hasPrefix("https:") else {
                return
                    "it knows its boot file and never asked for it: a firmware without HTTPS or an authority to trust, "
                    + "or a firewall that drops it?"
            }
            let port = file.hasPrefix("http") ? "HTTP" : "TFTP (UDP 69)"
            return "it knows its boot file and never asked for it: a firewall that drops \(port)?"
        },
        StopReason(name: "offer not taken") { evidence in
            guard evidence.isOffered else { return nil }
            return "it did not take our offer: another DHCP server answered first, or our answer did not reach it"
        },
        StopReason(name: "nothing offered") { evidence in
            evidence.clients.isEmpty ? nil : "it asked and was offered nothing"
        },
    ]

    private static func isLoader(_ file: String) -> Bool { file.hasSuffix(".kpxe") || file.hasSuffix(".efi") }

    private static func amount(_ stop: Evidence.Stop) -> String {
        "\(stop.file) by \(stop.transport.rawValue) stopped after \(formatBytes(stop.bytes)) of "
            + formatBytes(stop.size)
    }

    private static func repeats(_ times: Int) -> String { times == 2 ? "twice" : "\(times) times" }
}
