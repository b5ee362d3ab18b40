import BootProtocols
import SystemModel

/// What a machine would be told, packet by packet, and why: the same code that answers, without its sockets.
public struct Explanation: Codable, Sendable, Equatable {
    /// One thing that the machine sends or fetches.
    public struct Step: Codable, Sendable, Equatable {
        /// What the machine does.
        public var request: String
        public var requestDetails: [String]
        /// What it is answered; where nothing, the reason stands here.
        public var answer: String
        public var answerDetails: [String]
        public var why: [String]
    }

    public var machine: String
    public var network: String
    /// The site's node that it is.
    public var node: String?
    public var steps: [Step]
    /// One sentence: what becomes of it.
    public var outcome: String
    /// False where the machine ends without anything to boot.
    public var boots: Bool

    /// What the firmware is.
    public enum Firmware: String, Sendable, CaseIterable {
        case pxe, http, ipxe
        /// An operating system that only wants an address.
        case plain
    }

    /// Plays a boot against a responder and a policy.
    ///
    /// - Parameters:
    ///   - responder: with its leases; what it gives out here is given to nobody.
    ///   - attempts: what nodes have lived through, which decides a generation that is on trial or has failed.
    ///   - relay: the relay's address, for a machine behind one.
    public static func play(
        _ machine: Machine, firmware: Firmware, architecture: ClientArchitecture, policy: BootPolicy,
        responder: DHCPResponder?, attempts: BootAttempts = BootAttempts(), interface: String,
        relay: IPv4Address? = nil, now: Duration
    ) -> Explanation {
        var policy = policy
        var request = BootRequest(mac: machine.mac, client: .plain)
        request.serial = machine.serial
        policy.seen.note(request, on: interface, now: 0)
        if let serial = machine.serial { policy.seen.note(serial: serial, of: machine.mac) }
        var player = Player(
            machine: machine, architecture: architecture, policy: policy, responder: responder, relay: relay, now: now)
        player.attempts = attempts
        let outcome = player.boot(as: firmware)
        let mode =
            switch responder?.mode {
            case .full: "lends addresses"
            case .proxy: "proxyDHCP"
            case nil: "no DHCP"
            }
        let kind = "\(firmware.rawValue.uppercased()), \(architecture) (\(architecture.rawValue))"
        return Explanation(
            machine: "\(machine.mac), \(firmware == .plain ? "a running system" : kind)",
            network: "\(interface), \(policy.serverAddress): \(mode)", node: policy.choice(for: machine).node?.name,
            steps: player.steps, outcome: outcome.words, boots: outcome.boots)
    }

    /// For people.
    public func rendered() -> String {
        var lines = ["machine  \(machine)", "network  \(network)", "node     \(node ?? "none of the site's")"]
        for (number, step) in steps.enumerated() {
            lines += ["", "\(number + 1)  -> \(step.request)"]
            lines += step.requestDetails.map { "       \($0)" }
            lines.append("   <- \(step.answer)")
            lines += step.answerDetails.map { "       \($0)" }
            lines += step.why.map { "   because \($0)" }
        }
        return (lines + ["", outcome]).joined(separator: "\n")
    }
}

/// A firmware as far as its packets go.
private struct Player {
    let machine: Machine
    let architecture: ClientArchitecture
    let policy: BootPolicy
    var responder: DHCPResponder?
    let relay: IPv4Address?
    let now: Duration
    var attempts = BootAttempts()
    var steps: [Explanation.Step] = []

    typealias Outcome = (words: String, boots: Bool)

    init(
        machine: Machine, architecture: ClientArchitecture, policy: BootPolicy, responder: DHCPResponder?,
        relay: IPv4Address?, now: Duration
    ) {
        self.machine = machine
        self.architecture = architecture
        self.policy = policy
        self.responder = responder
        self.relay = relay
        self.now = now
    }

    mutating func boot(as firmware: Explanation.Firmware) -> Outcome {
        guard responder != nil else {
            return ("this server leaves DHCP alone here: what the other server names is what it boots", false)
        }
        let told = talk(firmware)
        guard told.isAnswered else { return ("it is told of nothing to boot by this server", false) }
        guard let file = told.file else { return ("it gets an address and nothing to boot", false) }
        guard let found = fetch(file) else { return ("the boot fails: that file is not here", false) }
        switch found.name.file {
        case .unifiedKernel: return ("it runs the system, which phones home", true)
        case .script: return runScript(found)
        case .loader where firmware != .ipxe:
            guard let script = talk(.ipxe).file, let found = fetch(script) else {
                return ("iPXE starts, and is told of nothing to boot", false)
            }
            return runScript(found)
        default: return ("it runs what it got", true)
        }
    }

    private mutating func talk(_ firmware: Explanation.Firmware) -> (isAnswered: Bool, file: String?) {
        func told(_ reply: DHCP.Message?) -> (Bool, String?) { (reply != nil, reply?.bootFileName) }
        let discover = message(.discover, firmware)
        guard let offer = exchange(discover, as: firmware, port: DHCP.serverPort) else { return (false, nil) }
        guard responder?.mode == .full else {
            // PXE 2.1: BIOS takes the boot file of the offer, UEFI asks its sender on 4011.
            guard architecture.row?.firmware == .uefi, firmware != .ipxe else { return told(offer) }
            return told(exchange(message(.request, firmware), as: firmware, port: DHCP.proxyPort))
        }
        var request = message(.request, firmware)
        request.options.append(DHCP.Option(.requestedAddress, offer.yourAddress))
        if let server = offer.serverIdentifier { request.options.append(DHCP.Option(.serverIdentifier, server)) }
        return told(exchange(request, as: firmware, port: DHCP.serverPort))
    }

    private func message(_ kind: DHCP.MessageType, _ firmware: Explanation.Firmware) -> DHCP.Message {
        var message = DHCP.Message(
            isReply: false, hardwareAddress: machine.mac.bytes, transaction: 1, wantsBroadcast: true,
            relayAddress: relay ?? .unspecified, options: [DHCP.Option(.messageType, [kind.rawValue])])
        let number = String(architecture.rawValue)
        let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
        switch firmware {
        case .pxe: message.options.append(DHCP.Option(.vendorClass, "PXEClient:Arch:\(padded):UNDI:003000"))
        case .http: message.options.append(DHCP.Option(.vendorClass, "HTTPClient:Arch:\(padded):UNDI:003000"))
        case .ipxe:
            message.options.append(DHCP.Option(.vendorClass, "PXEClient:Arch:\(padded):UNDI:003010"))
            message.options.append(DHCP.Option(.userClass, "iPXE"))
        case .plain: return message
        }
        message.options.append(
            DHCP.Option(
                .architectures, [UInt8(architecture.rawValue >> 8), UInt8(truncatingIfNeeded: architecture.rawValue)]))
        if let uuid = machine.uuid { message.options.append(DHCP.Option(.machineIdentifier, [0] + uuid.bytes)) }
        return message
    }

    private mutating func exchange(
        _ message: DHCP.Message, as firmware: Explanation.Firmware, port: Int
    ) -> DHCP.Message? {
        let answer = responder?.answer(
            message, port: port, now: now, policy: policy, attempts: &attempts, newIdentifier: { "example" })
        let who = firmware == .ipxe && !steps.isEmpty ? "iPXE: " : ""
        var step = Explanation.Step(
            request: "\(who)DHCP \(message.messageType?.word ?? "") to port \(port)", requestDetails: message.words,
            answer: "", answerDetails: [], why: answer?.why ?? [])
        if let reply = answer?.reply {
            let destination =
                switch answer?.destination {
                case .unicast(let address, let port): "to \(address) port \(port)"
                case .sender: "to where it came from"
                case .broadcast, nil: "to everyone"
                }
            step.answer = "\(reply.messageType?.word ?? "") \(destination)"
            step.answerDetails = reply.words
        } else {
            step.answer = "no answer: \(answer?.ignored ?? "")"
        }
        steps.append(step)
        return answer?.reply
    }

    private mutating func fetch(_ name: String) -> (name: BootFileName, file: BootFile)? {
        let base = [policy.serverURL, policy.secureURL].compactMap(\.self).first { name.hasPrefix("\($0)/") }
        let path = String(name.dropFirst(base?.count ?? 0))
        let found = policy.bootFile(named: path, for: attempts)
        var details: [String] = []
        if let found, case .script = found.name.file {
            for case .literal(let bytes) in found.file.extents {
                details = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { "| \($0)" }
            }
        }
        switch found?.name.file {
        case .initramfs?, .unifiedKernel?: details = nodeSegment(found?.name.attempt)
        default: break
        }
        steps.append(
            .init(
                request: base != nil ? "HTTP GET \(name)" : "TFTP read \(name) from \(policy.serverAddress)",
                requestDetails: [], answer: found.map { "\($0.file.size) bytes" } ?? "no such file",
                answerDetails: details, why: []))
        return found
    }

    private func nodeSegment(_ attempt: String?) -> [String] {
        guard let attempt, let system = attempts.system(of: attempt) else { return [] }
        let segment = policy.nodeSegment(for: attempt, of: system, machine.mac)
        return segment?.words(policy.nodeSecrets(for: system, machine.mac)) ?? []
    }

    /// The script was shown; what it fetches follows, for the system that it boots.
    private mutating func runScript(_ script: (name: BootFileName, file: BootFile)) -> Outcome {
        let choice = policy.choice(for: machine)
        switch choice.answer {
        case .menu: return ("its screen shows the menu; what is chosen there boots", true)
        case .askSerial: return ("iPXE tells its serial number, and the script that it then gets depends on it", true)
        case .nothing: return ("the script says why there is nothing, and returns to the firmware", false)
        case .system: break
        }
        let base = script.name.attempt
        for file in ["kernel", "initrd"] where fetch("\(policy.serverURL)/boot/\(base)/\(file)") == nil {
            return ("the boot fails: that file is not here", false)
        }
        return ("it runs the system, which phones home", true)
    }
}
