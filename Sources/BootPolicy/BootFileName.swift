/// A name a client may ask for: `boot/ATTEMPT/FILE`, or `FILE` alone. Parsed strictly; it is never a path of any file system.
public struct BootFileName: Sendable, Equatable {
    public enum File: Sendable, Equatable {
        /// `boot.ipxe`
        case script
        /// `generations.ipxe`: a menu of the system's generations.
        case generationMenu
        /// `kernel`
        case kernel
        /// `initrd`
        case initramfs
        /// `SYSTEM.efi`
        case unifiedKernel
        /// A loader by its name in the manifest.
        case loader(String)
    }

    public var attempt: String
    public var file: File

    public init(attempt: String, file: File) {
        self.attempt = attempt
        self.file = file
    }

    /// Stands for no boot in particular: `FILE` alone, asked for by hand or by another server's configuration.
    public static let noAttempt = "none"

    /// Splits a name into attempt and last part. Leading slashes are forgiven, since half of all firmware adds one;
    /// anything else that is not `FILE` or `boot/ATTEMPT/FILE` is nil.
    static func split(_ name: String) -> (attempt: String, file: String)? {
        guard name.utf8.count <= 200 else { return nil }
        let parts = name.drop { $0 == "/" }.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 1, !parts[0].isEmpty { return (noAttempt, String(parts[0])) }
        guard parts.count == 3, parts[0] == "boot", isIdentifier(parts[1]), !parts[2].isEmpty else { return nil }
        return (String(parts[1]), String(parts[2]))
    }

    /// The attempt that a name carries, `boot/ATTEMPT/…`, be there such a file or not.
    public static func attempt(in name: String) -> String? {
        let parts = name.split(separator: "/", maxSplits: 2)
        guard parts.count >= 2, parts[0] == "boot", isIdentifier(parts[1]) else { return nil }
        return String(parts[1])
    }

    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
    }

    /// The name as offered; short enough for DHCP's 128-byte field.
    public func text(for system: ServedSystem) -> String { "boot/\(attempt)/\(lastPart(for: system))" }

    func lastPart(for system: ServedSystem) -> String {
        switch file {
        case .script: "boot.ipxe"
        case .generationMenu: "generations.ipxe"
        case .kernel: "kernel"
        case .initramfs: "initrd"
        case .unifiedKernel: "\(system.manifest.system).efi"
        case .loader(let name): name
        }
    }
}
