/// The keys of a board file.
enum BoardFields {
    private static let boardName = TextKind(
        "a board's name", detail: "such as `qemu-ppce500`",
        .characters(first: "a-z0-9", rest: "a-z0-9-", length: 1...63))
    static let address = TextKind(
        "an address", detail: "in hexadecimal, such as `0x10000000`",
        .checked(pattern: "^0x[0-9A-Fa-f]{1,8}$") { number(in: $0) != nil })
    private static let format = TextKind("a boot file's format", .choice(Board.Format.allCases.map(\.rawValue)))
    private static let hash = TextKind("a hash", .choice(Board.hashes))
    private static let variable = TextKind(
        "a variable's name", .characters(first: "A-Za-z_", rest: "A-Za-z0-9_", length: 1...63))
    private static let uBootArchitecture = TextKind(
        "an architecture in U-Boot's words", .choice(Board.uBootArchitectures))

    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let name = Field("name", .text(boardName), default: nil, "What systems call the board.")
    static let summary = Field("summary", .text(.anyText), default: nil, "What it is, in one sentence.")
    static let tried = Field(
        "tried", .text(.anyText), default: "`no`: what stands here is assumed, and no such board has been seen",
        "What it was seen booting on.")
    static let platform = Field(
        "platform", .text(.platformName), default: nil,
        "What its programs are built for, a file of `targets/platforms`.")
    static let variant = Field(
        "variant", .text(.platformName), default: "none", "The platform's variant that has its kernel.")
    static let bootFileFormat = Field(
        "boot-file", .text(format), default: nil,
        "What its loader gets: `fit` (U-Boot: a script, then one FIT), `uimage` (a script, then legacy images), `zimage` (Open Firmware: one program), or `parts` (kernel and initramfs, handed over)."
    )
    static let deviceTree = Field(
        "device-tree", .text(.relativePath), default: "none: the loader has its own",
        "Of those that the kernel's recipe makes, a path in `devicetrees`.")
    static let kernelParameters = Field(
        "kernel-parameters", .list(of: .text(.kernelParameter)), default: "none", "Before the system's own.")
    static let memory = Field("memory", .text(.memory), default: nil, "Its RAM.")

    static let architecture = Field(
        "architecture", .text(uBootArchitecture), default: nil, "The architecture in U-Boot's words.")
    static let hashes = Field(
        "hashes", .list(of: .text(hash)), default: "`sha256`", "What a FIT has of each part, and U-Boot checks.")
    static let deviceTreeVariable = Field(
        "device-tree-variable", .text(variable), default: "`fdtcontroladdr`",
        "The variable with the address of the loader's own device tree.")
    static let bootFile = Field(
        "boot-file", .text(address), default: nil, "Where the FIT is loaded, or the legacy image with the kernel.")
    static let initramfs = Field(
        "initramfs", .text(address), default: "none: behind the kernel's image",
        "Where the legacy image with the initramfs is loaded.")
    static let deviceTreeAddress = Field(
        "device-tree", .text(address), default: "none: behind the initramfs", "Where the device tree is loaded.")
    static let kernel = Field(
        "kernel", .text(address), default: "`0x0`", "Where the kernel is unpacked to, and begins.")
    static let addresses = Field(
        "addresses", .record([bootFile, initramfs, deviceTreeAddress, kernel]), default: nil, "Places in its RAM.")
    static let kernelLimit = Field(
        "kernel", .text(.memory), default: "none known", "The largest kernel that it unpacks (CONFIG_SYS_BOOTM_LEN).")
    static let mapped = Field(
        "mapped", .text(.memory), default: "none known",
        "Kernel, initramfs and device tree must lie below it when the kernel starts (CONFIG_SYS_BOOTMAPSZ).")
    static let reserved = Field(
        "reserved", .text(.memory), default: "`16 MiB`", "What the loader takes for itself at the top of the RAM.")
    static let limits = Field(
        "limits", .record([kernelLimit, mapped, reserved]), default: "see there", "What its loader can take.")
    static let uBoot = Field(
        "u-boot", .record([architecture, hashes, deviceTreeVariable, addresses, limits]),
        default: "none: needed with `fit` and `uimage`", "What its U-Boot is like.")
    static let qemu = Field(
        "qemu", PlatformFields.qemu.shape, default: "as the platform says", "How `bootferry boot` plays such a board.")

    static let table = FieldTable(
        name: "board",
        purpose:
            "A file of `targets/boards` describes one machine: its kernel, what its loader gets, and what that can take.",
        fields: [
            version, name, summary, tried, platform, variant, bootFileFormat, deviceTree, kernelParameters, memory,
            uBoot, qemu,
        ])

    /// The value of `0x…`.
    static func number(in text: String) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : nil
    }
}
