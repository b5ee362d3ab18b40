/// What a network-booting client says it is: option 93's numbers (RFC 4578 and IANA's "Processor Architecture Types").
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

    /// One number: what it stands for, and the platforms whose systems such a machine runs.
    public struct Row: Sendable, Equatable {
        public var number: UInt16
        public var name: String
        public var firmware: Firmware
        public var platforms: [String]

        /// Its boot file comes by HTTP.
        public var isHTTP: Bool { name.hasSuffix("HTTP") }

        init(_ number: UInt16, _ name: String, _ firmware: Firmware, _ platforms: [String]) {
            self.number = number
            self.name = name
            self.firmware = firmware
            self.platforms = platforms
        }
    }

    /// Every number that is known; two of them may mean one machine, and petitboot on arm64 says 13.
    public static let table: [Row] = [
        Row(0, "x86 BIOS", .bios, ["x86_64", "i386"]),
        Row(6, "IA32 UEFI", .uefi, ["i386"]),
        Row(7, "x64 UEFI", .uefi, ["x86_64"]),
        Row(9, "x64 UEFI", .uefi, ["x86_64"]),
        Row(10, "ARM32 UEFI", .uefi, ["armv7"]),
        Row(11, "ARM64 UEFI", .uefi, ["aarch64"]),
        Row(12, "PowerPC Open Firmware", .openFirmware, ["ppc64-elfv2", "ppc64le"]),
        Row(13, "PowerPC ePAPR", .petitboot, ["ppc64-elfv2", "ppc64le", "aarch64"]),
        Row(14, "POWER OPAL", .petitboot, ["ppc64-elfv2", "ppc64le"]),
        Row(15, "IA32 UEFI HTTP", .uefi, ["i386"]),
        Row(16, "x64 UEFI HTTP", .uefi, ["x86_64"]),
        Row(18, "ARM32 UEFI HTTP", .uefi, ["armv7"]),
        Row(19, "ARM64 UEFI HTTP", .uefi, ["aarch64"]),
        Row(20, "x86 BIOS HTTP", .bios, ["x86_64", "i386"]),
        Row(21, "ARM32 U-Boot", .uBoot, ["armv7"]),
        Row(22, "ARM64 U-Boot", .uBoot, ["aarch64"]),
        Row(23, "ARM32 U-Boot HTTP", .uBoot, ["armv7"]),
        Row(24, "ARM64 U-Boot HTTP", .uBoot, ["aarch64"]),
        Row(25, "RISC-V 32 UEFI", .uefi, ["riscv32"]),
        Row(26, "RISC-V 32 UEFI HTTP", .uefi, ["riscv32"]),
        Row(27, "RISC-V 64 UEFI", .uefi, ["riscv64"]),
        Row(28, "RISC-V 64 UEFI HTTP", .uefi, ["riscv64"]),
        Row(31, "s390 Basic", .s390, ["s390x"]),
        Row(32, "s390 Extended", .s390, ["s390x"]),
        Row(37, "LoongArch 32 UEFI", .uefi, ["loongarch32"]),
        Row(38, "LoongArch 32 UEFI HTTP", .uefi, ["loongarch32"]),
        Row(39, "LoongArch 64 UEFI", .uefi, ["loongarch64"]),
        Row(40, "LoongArch 64 UEFI HTTP", .uefi, ["loongarch64"]),
        Row(41, "Raspberry Pi", .raspberryPi, ["aarch64", "armv7"]),
    ]

    private static let rows = Dictionary(uniqueKeysWithValues: table.map { ($0.number, $0) })

    public var row: Row? { Self.rows[rawValue] }
    public var description: String { row?.name ?? "architecture \(rawValue)" }

    /// Whether such a machine runs systems of a platform.
    public func runs(platform: String) -> Bool { row?.platforms.contains(platform) ?? false }
}
