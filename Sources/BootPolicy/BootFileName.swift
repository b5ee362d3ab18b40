/// A name a client may ask for: `boot/ATTEMPT/FILE`, or `FILE` alone. Parsed strictly; it is never a path of any file system.
public struct BootFileName: Sendable, Equatable {
    public enum File: Sendable, Equatable {
        /// `boot.ipxe`
        case script
        /// `generations.ipxe`: a menu of the system's generations.
        case generationMenu
        /// `pxelinux.cfg`: what loaders that know PXELINUX's files read.
        case pxelinux
        /// `pxelinux-http.cfg`: the same with whole URLs, for a PXELINUX whose other files are another server's.
        case pxelinuxByHTTP
        /// `grub.cfg`: what GRUB does.
        case grub
        /// `http.cfg`: what tells a GRUB that it can fetch by HTTP.
        case grubByHTTP
        /// `kernel`
        case kernel
        /// `initrd`
        case initramfs
        /// `SYSTEM.efi`
        case unifiedKernel
        /// `SYSTEM.elf`: kernel, command line and initramfs as one program for Open Firmware.
        case openFirmware
        /// `boot.scr`: what U-Boot does.
        case uBootScript
        /// `pxelinux.cfg/…`: what U-Boot's `pxe` reads instead, and s390x's ROM, whatever they look for there: UUID, card, address
        /// or architecture.
        case uBootMenu
        /// `SYSTEM.itb`: kernel, initramfs and device tree for U-Boot, in one file.
        case fit
        /// `kernel.uimg` and `initrd.uimg`: the same as legacy images.
        case legacyKernel, legacyInitramfs
        /// `board.dtb`
        case deviceTree
        /// A loader by its name in the manifest.
        case loader(String)
    }

    /// What stands between attempt and file, where a loader asks for more than its attempt says.
    public enum Scope: Sendable, Equatable {
        /// `boot/ATTEMPT/SYSTEM/boot.ipxe`, or `grub.cfg`: chosen from a menu; what follows has the boot's own names again.
        case system(String)
        /// `boot/ATTEMPT/serial.NUMBER/boot.ipxe`; nil where the machine has none.
        case serial(String?)
    }

    public var attempt: String
    public var file: File
    public var scope: Scope?

    public init(attempt: String, file: File, scope: Scope? = nil) {
        self.attempt = attempt
        self.file = file
        self.scope = scope
    }

    /// Stands for no boot in particular: `FILE` alone, asked for by hand or by another server's configuration.
    public static let noAttempt = "none"

    /// Splits a name into attempt, scope and last part. Leading slashes are forgiven, since half of all firmware adds one;
    /// anything else that is not `FILE`, `boot/ATTEMPT/FILE` or `boot/ATTEMPT/SCOPE/FILE` is nil.
    static func split(_ name: String) -> (attempt: String, scope: Scope?, file: String)? {
        guard name.utf8.count <= 200 else { return nil }
        // By bytes: by characters this was a tenth of what a small request cost.
        let slash = UInt8(ascii: "/")
        let parts = name.utf8.drop { $0 == slash }.split(separator: slash, omittingEmptySubsequences: false)
            .map { Substring($0) }
        if parts.count == 1, !parts[0].isEmpty { return (noAttempt, nil, String(parts[0])) }
        guard (3...4).contains(parts.count), parts[0] == "boot", isIdentifier(parts[1]), let file = parts.last,
            !file.isEmpty
        else { return nil }
        if parts.count == 3 { return (String(parts[1]), nil, String(file)) }
        if parts[2] == pxelinuxName { return (String(parts[1]), nil, "\(pxelinuxName)/\(file)") }
        guard let scope = scope(parts[2]) else { return nil }
        return (String(parts[1]), scope, String(file))
    }

    private static func scope(_ text: Substring) -> Scope? {
        guard text.hasPrefix("serial.") else {
            return !text.isEmpty && !text.contains(".") ? .system(String(text)) : nil
        }
        let serial = text.dropFirst("serial.".utf8.count)
        return .serial(serial.isEmpty ? nil : String(serial))
    }

    /// The attempt that a name carries, `boot/ATTEMPT/…`, be there such a file or not.
    public static func attempt(in name: String) -> String? {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2).map { Substring($0) }
        guard parts.count >= 2, parts[0] == "boot", isIdentifier(parts[1]) else { return nil }
        return String(parts[1])
    }

    /// The serial number that a name tells.
    public static func serial(in name: String) -> String? {
        guard case .serial(let serial?) = split(name)?.scope, serial.utf8.count <= 64,
            serial.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        return serial
    }

    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
    }

    static let scriptName = "boot.ipxe"
    static let pxelinuxName = "pxelinux.cfg"
    public static let pxelinuxByHTTPName = "pxelinux-http.cfg"
    static let generationMenuName = "generations.ipxe"
    static let grubByHTTPName = "http.cfg"
    static let kernelName = "kernel"
    static let initramfsName = "initrd"
    static let uBootScriptName = "boot.scr"
    /// What U-Boot's own boot order asks for by this name, whatever DHCP said.
    static let uBootOwnScriptName = "boot.scr.uimg"
    static let legacyKernelName = "kernel.uimg"
    static let legacyInitramfsName = "initrd.uimg"
    static let deviceTreeName = "board.dtb"
    static func fitName(of system: ServedSystem) -> String { "\(system.manifest.system).itb" }
    static func openFirmwareName(of system: ServedSystem) -> String { "\(system.manifest.system).elf" }
    static func unifiedKernelName(of system: ServedSystem) -> String { "\(system.manifest.system).efi" }

    /// The name as offered; short enough for DHCP's 128-byte field.
    public func text(for system: ServedSystem) -> String { "boot/\(attempt)/\(lastPart(for: system))" }

    /// A file's name in a boot.
    public static func text(of file: String, in attempt: String) -> String { "boot/\(attempt)/\(file)" }

    /// The file of a boot that `lastPart` names in it, or nil.
    static func file(named lastPart: String, of system: ServedSystem) -> File? {
        switch lastPart {
        case scriptName: .script
        case generationMenuName: .generationMenu
        case pxelinuxName: .pxelinux
        case pxelinuxByHTTPName: .pxelinuxByHTTP
        case GRUBSearch.file: .grub
        case grubByHTTPName: .grubByHTTP
        case kernelName: .kernel
        case initramfsName: .initramfs
        case unifiedKernelName(of: system): .unifiedKernel
        case openFirmwareName(of: system): .openFirmware
        case uBootScriptName, uBootOwnScriptName: .uBootScript
        case let name where name.hasPrefix(pxelinuxName + "/"): .uBootMenu
        case fitName(of: system): .fit
        case legacyKernelName: .legacyKernel
        case legacyInitramfsName: .legacyInitramfs
        case deviceTreeName: .deviceTree
        case system.boots.stubName, system.boots.programName: nil
        default: system.manifest.loaders[lastPart] == nil ? nil : .loader(lastPart)
        }
    }

    func lastPart(for system: ServedSystem) -> String {
        switch file {
        case .script: Self.scriptName
        case .generationMenu: Self.generationMenuName
        case .pxelinux: Self.pxelinuxName
        case .pxelinuxByHTTP: Self.pxelinuxByHTTPName
        case .grub: GRUBSearch.file
        case .grubByHTTP: Self.grubByHTTPName
        case .kernel: Self.kernelName
        case .initramfs: Self.initramfsName
        case .unifiedKernel: Self.unifiedKernelName(of: system)
        case .openFirmware: Self.openFirmwareName(of: system)
        case .uBootScript: Self.uBootScriptName
        case .uBootMenu: Self.pxelinuxName + "/default"
        case .fit: Self.fitName(of: system)
        case .legacyKernel: Self.legacyKernelName
        case .legacyInitramfs: Self.legacyInitramfsName
        case .deviceTree: Self.deviceTreeName
        case .loader(let name): name
        }
    }
}
