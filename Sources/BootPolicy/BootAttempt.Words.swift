extension BootAttempt {
    /// An event in words, without the node's name; nil for what is not worth a line.
    static func words(for event: Event, elapsed: Double) -> String? {
        switch event {
        case .discovered(let client): "\(client) asks"
        case .offered(let address, let bootFile):
            switch (address, bootFile) {
            case (let address?, let file?): "offered \(address) and \(file)"
            case (nil, let file?): "offered \(file)"
            case (let address?, nil): "offered \(address)"
            case (nil, nil): nil
            }
        case .leased(let address): "has \(address)"
        case .transferStarted: nil
        case .transferProgress(let file, let transport, let bytes):
            "\(file) by \(transport.rawValue): \(size(bytes)) so far"
        case .transferFinished(let file, let transport, let bytes, let seconds):
            "\(file) by \(transport.rawValue): \(size(bytes)) in \(duration(seconds))"
                + (seconds > 0.01 && bytes > 1 << 20 ? ", \(size(Int(Double(bytes) / seconds)))/s" : "")
        case .transferStopped(let file, let transport, let bytes, let total, let reason):
            "\(file) by \(transport.rawValue): stopped after \(size(bytes)) of \(size(total)): \(reason)"
        case .refused(let file, let transport): "asked for \(file) by \(transport.rawValue), which does not exist"
        case .phonedHome(let message):
            "booted in \(duration(elapsed))" + (message.isEmpty ? "" : ": \(message)")
        case .stopped(let reason): "stopped after \(duration(elapsed)): \(reason)"
        }
    }

    /// Where a silent boot stands and the likely reason, from what was seen last.
    public var likelyReason: String {
        if isDelivered {
            return "kernel and initramfs were delivered, but the system did not phone home; its console says why"
        }
        for entry in entries.reversed() {
            switch entry.event {
            case .transferStopped(let file, let transport, let bytes, let size, let reason):
                return
                    "\(file) by \(transport.rawValue) stopped after \(Self.size(bytes)) of \(Self.size(size)): \(reason)"
            case .transferProgress(let file, let transport, let bytes):
                return
                    "\(file) by \(transport.rawValue) went silent after \(Self.size(bytes)): a cable, or the node was switched off"
            case .transferStarted(let file, let transport, _):
                return "\(file) by \(transport.rawValue) was begun and nothing came back: a firewall between?"
            case .transferFinished(let file, _, _, _) where file.hasSuffix("boot.ipxe"):
                return "iPXE had its script and never asked for the kernel; its console says why"
            case .transferFinished(let file, _, _, _):
                return
                    "\(file) was delivered and nothing followed: it does not run on this machine, or its own network driver fails"
            case .refused(let file, let transport):
                return "it asked for \(file) by \(transport.rawValue), which does not exist"
            case .leased, .offered(nil, _?):
                return "it knows its boot file and never asked for it: a firewall that drops TFTP (UDP 69) or HTTP?"
            case .offered:
                return "it did not take our offer: another DHCP server answered first, or our answer did not reach it"
            case .discovered: return "it asked and was offered nothing"
            case .phonedHome, .stopped: continue
            }
        }
        return "nothing was heard of it"
    }

    static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<1024: "\(bytes) B"
        case ..<(1 << 20): "\(tenths(Double(bytes) / 1024)) KiB"
        case ..<(1 << 30): "\(tenths(Double(bytes) / Double(1 << 20))) MiB"
        default: "\(tenths(Double(bytes) / Double(1 << 30))) GiB"
        }
    }

    static func duration(_ seconds: Double) -> String {
        seconds < 9.95 ? "\(tenths(seconds)) s" : "\(Int(seconds.rounded())) s"
    }

    private static func tenths(_ value: Double) -> String {
        let rounded = Int((value * 10).rounded())
        return value >= 99.95 ? "\(Int(value.rounded()))" : "\(rounded / 10).\(rounded % 10)"
    }
}
