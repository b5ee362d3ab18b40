/// What a network-booting client says it is: option 93's numbers (RFC 4578 and IANA's "Processor Architecture Types").
///
/// What a number is called is said here; which systems such a machine runs, by the platforms' files (`boots`).
public struct ClientArchitecture: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let bios = ClientArchitecture(rawValue: 0)
    /// EDK2 on x64 says 7; RFC 4578's text and some firmware say 9.
    public static let uefiX64 = ClientArchitecture(rawValue: 7)
    public static let httpX64 = ClientArchitecture(rawValue: 16)

    /// The software that asks.
    public enum Firmware: String, Sendable, Codable {
        case bios, uefi, openFirmware, uBoot, petitboot, s390, raspberryPi, other
    }

    /// One number, and what it stands for.
    public struct Row: Sendable, Equatable {
        public var number: UInt16
        public var name: String
        public var firmware: Firmware

        /// Its boot file comes by HTTP.
        public var isHTTP: Bool { name.hasSuffix("HTTP") }

        init(_ number: UInt16, _ name: String, _ firmware: Firmware) {
            self.number = number
            self.name = name
            self.firmware = firmware
        }
    }

    /// Every number that is known; two of them may mean one machine.
    public static let table: [Row] = [
        Row(0, "x86 BIOS", .bios),
        Row(6, "IA32 UEFI", .uefi),
        Row(7, "x64 UEFI", .uefi),
        Row(9, "x64 UEFI", .uefi),
        Row(10, "ARM32 UEFI", .uefi),
        Row(11, "ARM64 UEFI", .uefi),
        Row(12, "PowerPC Open Firmware", .openFirmware),
        Row(13, "PowerPC ePAPR", .petitboot),
        Row(14, "POWER OPAL", .petitboot),
        Row(15, "IA32 UEFI HTTP", .uefi),
        Row(16, "x64 UEFI HTTP", .uefi),
        Row(18, "ARM32 UEFI HTTP", .uefi),
        Row(19, "ARM64 UEFI HTTP", .uefi),
        Row(20, "x86 BIOS HTTP", .bios),
        Row(21, "ARM32 U-Boot", .uBoot),
        Row(22, "ARM64 U-Boot", .uBoot),
        Row(23, "ARM32 U-Boot HTTP", .uBoot),
        Row(24, "ARM64 U-Boot HTTP", .uBoot),
        Row(25, "RISC-V 32 UEFI", .uefi),
        Row(26, "RISC-V 32 UEFI HTTP", .uefi),
        Row(27, "RISC-V 64 UEFI", .uefi),
        Row(28, "RISC-V 64 UEFI HTTP", .uefi),
        Row(31, "s390 Basic", .s390),
        Row(32, "s390 Extended", .s390),
        Row(37, "LoongArch 32 UEFI", .uefi),
        Row(38, "LoongArch 32 UEFI HTTP", .uefi),
        Row(39, "LoongArch 64 UEFI", .uefi),
        Row(40, "LoongArch 64 UEFI HTTP", .uefi),
        Row(41, "Raspberry Pi", .raspberryPi),
    ]

    private static let rows = Dictionary(uniqueKeysWithValues: table.map { ($0.number, $0) })

    public var row: Row? { Self.rows[rawValue] }
    public var description: String { row?.name ?? "architecture \(rawValue)" }
}
