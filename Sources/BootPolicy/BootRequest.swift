import BootProtocols

/// Who asks to boot, as far as its DHCP message tells.
public struct BootRequest: Sendable, Equatable {
    public enum Client: String, Sendable, Codable {
        /// A PXE ROM or UEFI PXE: DHCP, then TFTP.
        case pxe
        case iPXE
        /// UEFI HTTP Boot.
        case uefiHTTP
        case uBoot
        /// SLOF and other Open Firmware: DHCP, then one program by TFTP.
        case openFirmware
        /// The ROM of QEMU's s390x: DHCP, then a configuration of PXELINUX's, and by TFTP what that names.
        case s390
        /// A GRUB that another server sent, and that asks here for its configuration; never seen by DHCP.
        case grub
        /// The same of PXELINUX.
        case pxelinux
        /// An operating system or anything else that only wants an address.
        case plain
    }

    public var mac: MACAddress
    public var client: Client
    /// The first number of option 93, else the one in the vendor class; nil where neither is there.
    public var architecture: ClientArchitecture?
    /// The 16 bytes of option 97 as they stand.
    public var machineUUID: [UInt8]?
    public var vendorClass: String?
    /// It asked for PXELINUX's options (209 and 210).
    public var wantsConfiguration = false
    /// What iPXE told of it earlier.
    public var serial: String?

    public init(
        mac: MACAddress, client: Client, architecture: ClientArchitecture? = nil, machineUUID: [UInt8]? = nil,
        vendorClass: String? = nil
    ) {
        self.mac = mac
        self.client = client
        self.architecture = architecture
        self.machineUUID = machineUUID
        self.vendorClass = vendorClass
    }

    /// Nil for hardware other than Ethernet.
    public init?(_ message: DHCP.Message) {
        guard let mac = message.macAddress else { return nil }
        let vendor = message.vendorClass ?? ""
        let firmware = message.architectures.first.map(ClientArchitecture.init(rawValue:))?.row?.firmware
        let client: Client
        // iPXE says so in its user class, raw or per RFC 3004; builds with the class changed still send option 175.
        if message.userClasses.contains("iPXE") || message[.ipxe] != nil {
            client = .iPXE
        } else if firmware == .openFirmware {
            client = .openFirmware
        } else if firmware == .s390 {
            client = .s390
        } else if vendor.hasPrefix("HTTPClient") {
            client = .uefiHTTP
        } else if vendor.hasPrefix("PXEClient") {
            client = .pxe
        } else if vendor.hasPrefix("U-Boot") {
            client = .uBoot
        } else {
            client = .plain
        }
        self.init(
            mac: mac, client: client,
            architecture: (message.architectures.first ?? Self.architecture(inVendorClass: vendor))
                .map(ClientArchitecture.init(rawValue:)),
            machineUUID: message.machineUUID, vendorClass: message.vendorClass)
        let asked = message[.parameterRequests] ?? []
        wantsConfiguration = [DHCP.OptionCode.configurationFile, .pathPrefix].contains { asked.contains($0.rawValue) }
    }

    /// `PXEClient:Arch:00007:UNDI:003016` -> 7.
    private static func architecture(inVendorClass text: String) -> UInt16? {
        let parts = text.split(separator: ":")
        guard let index = parts.firstIndex(of: "Arch"), index + 1 < parts.count else { return nil }
        return UInt16(parts[index + 1])
    }

    public var machine: Machine {
        Machine(mac: mac, uuid: machineUUID.flatMap(MachineUUID.init(bytes:)), serial: serial)
    }

    /// The client in words, for timelines.
    public var name: String {
        let machine = architecture.map { " (\($0))" } ?? ""
        return switch client {
        case .pxe: "PXE" + machine
        case .iPXE: "iPXE" + machine
        case .uefiHTTP: "UEFI HTTP Boot" + machine
        case .uBoot: "U-Boot" + machine
        case .openFirmware: "Open Firmware" + machine
        case .s390: "the ROM" + machine
        case .grub: "GRUB"
        case .pxelinux: "PXELINUX"
        case .plain: "a running system"
        }
    }
}
