/// What a network-booting client says it is: option 93's numbers (RFC 4578 and IANA's "Processor Architecture Types").
public struct ClientArchitecture: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let bios = ClientArchitecture(rawValue: 0)
    /// EDK2 on x64 says 7; RFC 4578's text and some firmware say 9.
    public static let uefiX64 = ClientArchitecture(rawValue: 7)
    public static let uefiByteCode = ClientArchitecture(rawValue: 9)
    public static let httpX64 = ClientArchitecture(rawValue: 16)

    private static let names: [UInt16: String] = [
        0: "x86 BIOS", 6: "IA32 UEFI", 7: "x64 UEFI", 9: "x64 UEFI", 10: "ARM32 UEFI", 11: "ARM64 UEFI",
        12: "PowerPC Open Firmware", 13: "PowerPC ePAPR", 14: "POWER OPAL", 15: "IA32 UEFI HTTP", 16: "x64 UEFI HTTP",
        18: "ARM32 UEFI HTTP", 19: "ARM64 UEFI HTTP", 20: "x86 BIOS HTTP", 21: "ARM32 U-Boot", 22: "ARM64 U-Boot",
        25: "RISC-V 32 UEFI", 27: "RISC-V 64 UEFI", 31: "s390 Basic", 37: "LoongArch 32 UEFI", 39: "LoongArch 64 UEFI",
        41: "Raspberry Pi",
    ]

    public var description: String { Self.names[rawValue] ?? "architecture \(rawValue)" }

    /// True for machines that run an x86_64 system.
    public var isX64: Bool { [0, 7, 9, 16].contains(rawValue) }
}
