import BootProtocols
import SystemModel

/// Who a machine says it is, gathered from all that it sent.
public struct Machine: Sendable, Equatable {
    public var mac: MACAddress
    public var uuid: MachineUUID?
    /// Known once iPXE has told it.
    public var serial: String?

    public init(mac: MACAddress, uuid: MachineUUID? = nil, serial: String? = nil) {
        self.mac = mac
        self.uuid = uuid
        self.serial = serial
    }
}

/// What the site has for a machine, before its firmware is looked at.
public struct BootChoice: Sendable {
    public enum Answer: Sendable, Equatable {
        /// The name of a system.
        case system(String)
        case menu
        /// iPXE shall tell the serial number first, since only that may tell who it is.
        case askSerial
        case nothing
    }

    public var answer: Answer
    /// The node that it is, with its group's choices laid under its own.
    public var node: Node?
    public var settings: NodeChoices?
    /// The system it boots, or the one whose loaders it is given first.
    public var system: ServedSystem?
    /// Why there is nothing.
    public var reason: String?
    /// One sentence a step.
    public var why: [String]

    /// True where iPXE's script must run before it is known what boots.
    public var needsScript: Bool { answer == .menu || answer == .askSerial }
}

extension BootPolicy {
    /// What the site has for a machine: the node it is, else what unknown machines get.
    public func choice(for machine: Machine) -> BootChoice {
        if let (node, sign) = site.node(mac: machine.mac, uuid: machine.uuid, serial: machine.serial) {
            let settings = site.settings(of: node)
            var choice = BootChoice(
                answer: .nothing, node: node, settings: settings,
                why: ["node `\(node.name)`, by its \(sign.rawValue) (\(node.position))"])
            guard let name = settings.system else {
                choice.reason = "neither node `\(node.name)` nor a group of it names a system"
                return choice
            }
            let origin = node.settings.system == nil ? "its group `\(node.group ?? "")` boots" : "it boots"
            choice.why.append("\(origin) `\(name)`")
            return complete(choice, with: name)
        }
        var choice = BootChoice(answer: .nothing, why: [])
        if !site.nodes.isEmpty || site.unknown.answer != .system {
            choice.why.append("\(machine.mac) is none of the site's nodes")
        }
        if site.hasSerials, machine.serial == nil, let loaders = anySystem {
            choice.why.append("a node is known by its serial number: iPXE is asked for this machine's")
            choice.answer = .askSerial
            choice.system = loaders
            return choice
        }
        switch site.unknown.answer {
        case .nothing:
            choice.reason = "unknown machines get nothing"
            return choice
        case .system:
            let name = site.unknown.system ?? ""
            choice.why.append(site.nodes.isEmpty ? "every machine boots `\(name)`" : "unknown machines boot `\(name)`")
            return complete(choice, with: name)
        case .menu:
            guard let loaders = anySystem else {
                choice.reason = "the menu has no system to show"
                return choice
            }
            choice.why.append("unknown machines choose from a menu")
            choice.answer = .menu
            choice.system = loaders
            return choice
        }
    }

    private func complete(_ choice: BootChoice, with name: String) -> BootChoice {
        var choice = choice
        choice.system = systems[name]
        choice.answer = choice.system == nil ? .nothing : .system(name)
        if choice.system == nil { choice.reason = "system `\(name)` is not built" }
        return choice
    }

    /// The system whose loaders serve a machine that may boot any.
    var anySystem: ServedSystem? {
        site.unknown.system.flatMap(published) ?? systems.keys.min().flatMap(published)
    }

    /// The generation of a system that everybody gets: for machines whose boots nobody can tell apart.
    private func published(_ name: String) -> ServedSystem? {
        generations[name].flatMap { $0.systems[$0.rollout.generation] } ?? systems[name]
    }

    public func system(for machine: Machine) -> ServedSystem? { choice(for: machine).system }

    /// The address that a machine always gets.
    public func fixedAddress(of machine: Machine) -> IPv4Address? {
        site.node(mac: machine.mac, uuid: machine.uuid, serial: machine.serial)?.node.address
    }
}
