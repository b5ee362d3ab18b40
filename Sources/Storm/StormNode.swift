import BootProtocols

/// One virtual node: which step of its boot it is in, and what that step needs.
final class StormNode {
    enum Phase {
        case off
        /// Discovering (or, with an offer, requesting), for the ROM or for iPXE.
        case dhcp
        case tftp
        case http
        case booted, failed
    }

    /// A file to get by HTTP.
    struct Wanted {
        var path: String
        var purpose: Purpose

        enum Purpose { case script, part, size, phoneHome }
    }

    let number: Int
    let mac: MACAddress
    var phase = Phase.off
    /// iPXE runs, so the next discover is its.
    var isIPXE = false
    var transaction: UInt32 = 0
    var offer: DHCP.Message?
    var address: IPv4Address?
    var server: IPv4Address?
    var bootFile = ""
    /// The boot that the server counts this as: `boot/ATTEMPT/…`.
    var attempt: String?

    var switchedOn = Duration.zero
    var phaseBegan = Duration.zero
    var deadline = Duration.zero
    var tries = 0
    var restarts = 0
    /// Seconds in each kind of phase, of all tries.
    var dhcpSeconds = 0.0
    var tftpSeconds = 0.0
    var httpSeconds = 0.0
    var bootSeconds = 0.0

    // TFTP
    var socket: Int32?
    /// Of the events it waits for; changes with each socket.
    var socketGeneration: UInt32 = 0
    var isConnected = false
    var client: TFTP.ReadClient?
    var wantsSizeOnly = false
    var download: References.Download?
    /// A packet that comes late: after the next one.
    var late: [UInt8]?

    // HTTP
    var wanted: [Wanted] = []
    var httpPort: UInt16 = 80
    var head: [UInt8] = []
    var isInBody = false
    var bodySize = 0
    var bodyReceived = 0
    var isKeepAlive = true
    /// Break off after so many bytes of the body.
    var resetAfter: Int?
    var body: [UInt8] = []

    init(number: Int) {
        self.number = number
        // A locally administered address.
        var bytes: [UInt8] = [0x02, 0xbf]
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        guard let mac = MACAddress(bytes: bytes) else { preconditionFailure("six bytes are an address") }
        self.mac = mac
    }

    var isUnderWay: Bool { phase == .dhcp || phase == .tftp || phase == .http }

    func discover(_ firmware: StormSettings.Firmware) -> DHCP.Message {
        var message = DHCP.Message(
            isReply: false, hardwareAddress: mac.bytes, transaction: transaction, wantsBroadcast: true)
        message.options = [DHCP.Option(.messageType, [DHCP.MessageType.discover.rawValue])] + options(firmware)
        return message
    }

    func request(_ firmware: StormSettings.Firmware, _ offer: DHCP.Message) -> DHCP.Message {
        var message = DHCP.Message(
            isReply: false, hardwareAddress: mac.bytes, transaction: transaction, wantsBroadcast: true)
        message.options = [
            DHCP.Option(.messageType, [DHCP.MessageType.request.rawValue]),
            DHCP.Option(.requestedAddress, offer.yourAddress),
        ]
        if let server = offer.serverIdentifier { message.options.append(DHCP.Option(.serverIdentifier, server)) }
        message.options += options(firmware)
        return message
    }

    private func options(_ firmware: StormSettings.Firmware) -> [DHCP.Option] {
        let (architecture, vendor): (UInt8, String) =
            switch firmware {
            case .bios: (0, "PXEClient:Arch:00000:UNDI:002001")
            case .uefi: (7, "PXEClient:Arch:00007:UNDI:003000")
            case .uefiHTTP: (16, "HTTPClient:Arch:00016:UNDI:003000")
            }
        var uuid: [UInt8] = [0] + [UInt8](repeating: 0, count: 10)
        uuid += mac.bytes
        var options = [
            DHCP.Option(.parameterRequests, [1, 3, 6, 12, 43, 51, 54, 60, 66, 67, 97, 175]),
            DHCP.Option(.vendorClass, vendor), DHCP.Option(.architectures, [0, architecture]),
            DHCP.Option(.machineIdentifier, uuid),
        ]
        if isIPXE { options.append(DHCP.Option(.userClass, "iPXE")) }
        return options
    }
}

/// An `http://ADDRESS[:PORT]/PATH` with a literal address, which is all that firmware can resolve.
struct LiteralURL {
    var address: IPv4Address
    var port: UInt16
    var path: String

    init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(7)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let parts = rest[..<slash].split(separator: ":")
        guard let first = parts.first, let address = IPv4Address(String(first)) else { return nil }
        guard let port = parts.count > 1 ? UInt16(parts[1]) : 80 else { return nil }
        self.address = address
        self.port = port
        path = slash == rest.endIndex ? "/" : String(rest[slash...])
    }
}
