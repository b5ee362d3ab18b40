import BootProtocols

/// How GRUB asks for its configuration, where it was not this server that named its boot file: below its prefix, most
/// often `/grub` or `/boot/grub`, first `grub.cfg-UUID`, then `grub.cfg-01-MAC`, `grub.cfg-HEXIP` with ever fewer digits,
/// and `grub.cfg` (GRUB's manual, "Network"). Some images, Debian's signed one among them, ask for `grub.cfg` alone.
public enum GRUBSearch: Sendable, Equatable {
    case uuid(MachineUUID)
    case mac(MACAddress)
    case address(IPv4Address)
    /// Nothing tells whose it is.
    case unnamed

    public static let file = "grub.cfg"
    private static let starts = ["", "grub/", "boot/grub/"].map { $0 + file }
    static let ending = ".cfg"

    /// Nil for a name that GRUB does not ask for, or one that fits several machines, such as half an address.
    public init?(_ name: String) {
        guard name.utf8.count <= 100, let name = String(name.utf8.drop { $0 == UInt8(ascii: "/") }),
            name.utf8.count <= 80, let start = Self.starts.last(where: name.hasPrefix)
        else { return nil }
        let rest = name.dropFirst(start.count)
        if rest.isEmpty {
            self = .unnamed
            return
        }
        guard rest.first == "-" else { return nil }
        let sign = String(rest.dropFirst())
        if let uuid = MachineUUID(sign) {
            self = .uuid(uuid)
        } else if sign.hasPrefix("01-"), let mac = MACAddress(String(sign.dropFirst(3))),
            mac.isOfOneCard
        {
            // With `-` as GRUB asks itself, with `:` as its variable `net_default_mac` has it.
            self = .mac(mac)
        } else if sign.count == 8, sign.allSatisfy(\.isHexDigit), let value = UInt32(sign, radix: 16) {
            self = .address(IPv4Address(value: value))
        } else {
            return nil
        }
    }
}

extension BootPolicy {
    /// The machine that a search is for; nil where the name does not tell, or nobody has been seen whom it tells of.
    ///
    /// A UUID is looked for among the machines seen, not the site's nodes: what is booted is known by its card.
    public func machine(of search: GRUBSearch) -> MACAddress? {
        switch search {
        case .mac(let mac): mac
        case .uuid(let uuid):
            seen.all.first { $0.uuid == uuid.description || $0.uuid == uuid.swapped.description }?.mac
        case .address(let address): seen.all.first { $0.address == address }?.mac
        case .unnamed: nil
        }
    }

    /// The boot that a loader's search belongs to, as a DHCP discover would begin or continue it; nil where the site has
    /// nothing for the machine.
    ///
    /// - Parameter client: `.grub` or `.pxelinux`.
    public func begin(
        _ mac: MACAddress, as client: BootRequest.Client = .grub, now: Duration, attempts: inout BootAttempts,
        newIdentifier: () -> String
    ) -> (attempt: String, lines: [String])? {
        let choice = choice(for: machineWithoutSerial(mac))
        // PXELINUX gets no menu, but what the menu boots when nobody chooses.
        if client == .pxelinux, choice.answer == .menu, site.unknown.system == nil { return nil }
        guard let system = choice.system else { return nil }
        let request = BootRequest(mac: mac, client: client)
        var lines = attempts.endPrevious(of: mac, now: now)
        let given = given(system, to: mac, after: attempts)
        let begun = attempts.begin(
            request, system: given.system, reason: given.reason, now: now, newIdentifier: newIdentifier)
        lines += begun.lines
        lines += attempts.record(.discovered(client: request.name), of: begun.identifier, now: now)
        return (begun.identifier, lines)
    }

    /// Only iPXE is asked for a serial number: to GRUB, a machine whose number is not known yet has none.
    private func machineWithoutSerial(_ mac: MACAddress) -> Machine {
        var machine = seen.machine(mac)
        machine.serial = machine.serial ?? ""
        return machine
    }

    // MARK: - Its files

    /// What GRUB does with the boot `attempt`: boots its system, or shows the menu of systems.
    func grubScript(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> String {
        if let node, choice(for: machineWithoutSerial(node)).answer == .menu { return grubMenu(attempt) }
        return grubBootScript(for: attempt, of: system, node)
    }

    func grubBootScript(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> String {
        let name = system.manifest.system
        let others = attempt == BootFileName.noAttempt ? [] : numbers(of: system).filter { $0 != system.generation }
        return templates.grub.render([
            "system": name, "attempt": attempt, "server": "\(serverAddress)", "hasHTTP": httpPort == 80,
            "seconds": others.isEmpty ? "0" : "3",
            "parameters": commandLineParts(of: system, attempt: attempt, node: node).map(Self.quoted)
                .joined(separator: " "),
            "generations": others.map { number -> [String: Any] in
                [
                    "system": name, "attempt": attempt, "number": "\(number)",
                    "kernel": generations[name]?.systems[number]?.manifest.kernelRelease ?? "",
                ]
            },
        ])
    }

    private func grubMenu(_ attempt: String) -> String {
        var values: [String: Any] = [
            "attempt": attempt, "server": "\(serverAddress)",
            "systems": systems.keys.sorted().map { ["name": $0, "attempt": attempt] },
        ]
        if let system = site.unknown.system, systems[system] != nil, site.unknown.menuSeconds > 0 {
            values["default"] = system
            values["seconds"] = String(site.unknown.menuSeconds)
        }
        return templates.grubMenu.render(values)
    }

    /// For a GRUB that has not told which machine it runs on.
    func grubIdentification() -> String { templates.grubIdentify.render(["server": "\(serverAddress)"]) }

    /// One word of a GRUB script, whatever is in it.
    static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
