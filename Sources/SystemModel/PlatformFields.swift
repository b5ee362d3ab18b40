/// The keys of a platform file.
enum PlatformFields {
    private static let word = TextKind(
        "a word", detail: "letters, digits, `_`, `-`, `.`",
        .characters(first: "A-Za-z0-9", rest: "A-Za-z0-9_.-", length: 1...63))
    private static let argument = TextKind(
        "an argument", detail: "without control characters",
        .checked(pattern: #"^[^\u0000-\u001f\u007f]{1,4095}$"#) { TextKind.hostPath.accepts($0) })
    private static let section = TextKind(
        "a section", detail: "such as `.opd`", .characters(first: "A-Za-z._", rest: "A-Za-z0-9._", length: 1...63))

    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let name = Field("name", .text(.platformName), default: nil, "What systems call the platform.")
    static let debianArchitecture = Field(
        "debian-architecture", .text(word), default: "none: its systems are made by recipes",
        "Debian's word for it, such as `amd64`.")
    static let kernelPackage = Field(
        "kernel-package", .text(.packageName), default: "none: the recipe `linux` makes it",
        "The Debian package with the kernel, where a system names none.")

    static let package = Field(
        "package", .text(.packageName), default: "one of `package` and `recipe` must be given",
        "A Debian package: of the platform's architecture (amd64 where Debian has none) or of all.")
    static let recipe = Field("recipe", .text(.recipeName), default: "see `package`", "The recipe that makes it.")
    static let path = Field(
        "path", .text(.relativePath), default: nil, "The file in the package, or in the recipe's output.")
    static let loaders = Field(
        "loaders", .map(keys: word, values: .record([package, recipe, path])), default: "none",
        "What the boot server hands out besides systems, by the name that it has there.")

    static let consoles = Field(
        "consoles", .list(of: .text(argument)), default: "none: the kernel finds its own",
        "The kernel parameters `console=` of a system that writes none itself; the last one gets the messages of init.")
    private static let number = TextKind("a number", .integer(0...65535))
    static let architectures = Field(
        "architectures", .list(of: .text(number)), default: nil,
        "What such machines say in DHCP's option 93 (RFC 4578, and IANA's list of processor architecture types).")
    static let ipxe = Field("ipxe", .text(word), default: "none", "The name among `loaders` of the iPXE they run.")
    static let stub = Field(
        "stub", .text(word), default: "none: they have no UEFI",
        "The name among `loaders` of systemd's stub, which makes one UEFI program of kernel, command line and initramfs."
    )
    static let efiMachine = Field(
        "efi-machine", .text(number), default: "any",
        "The machine type of their EFI programs (PE/COFF), which the stub must have, such as 34404 (0x8664).")
    static let bootProgram = Field(
        "program", .text(word), default: "none: they have no Open Firmware",
        "The name among `loaders` of the kernel that Open Firmware gets, with command line and initramfs inside; or `kernel`, the system's own."
    )
    static let uBootAddress = Field(
        "u-boot-address", .text(BoardFields.address), default: "none: only what asks as a UEFI is served",
        "Where in RAM a U-Boot that plays UEFI is told to load the program of `stub`.")
    static let bootLimit = Field(
        "limit", .text(.memory), default: "none known",
        "What kernel and initramfs may have together; a system that is too large for every way to boot is refused as it is built."
    )
    static let boots = Field(
        "boots",
        .map(
            keys: word, values: .record([architectures, ipxe, stub, efiMachine, bootProgram, uBootAddress, bootLimit])),
        default: "none: nothing boots it", "The machines that run it, by a name for how they boot.")

    static let triple = Field("triple", .text(word), default: nil, "GNU's name, such as `powerpc64-linux-musl`.")
    static let kernelArchitecture = Field(
        "kernel-architecture", .text(word), default: nil, "Linux's `ARCH`, such as `powerpc`.")
    static let compilerFlags = Field(
        "compiler-flags", .list(of: .text(argument)), default: "none",
        "What every call of the compiler is given besides the triple.")
    static let wordSize = Field(
        "class", .text(TextKind("an ELF class", .choice(["elf32", "elf64"]))), default: nil, "Word size.")
    static let byteOrder = Field(
        "byte-order", .text(TextKind("a byte order", .choice(["big", "little"]))), default: nil, "Of its numbers.")
    static let machine = Field(
        "machine", .text(TextKind("a machine number", .integer(1...65535))), default: nil, "ELF's `e_machine`.")
    private static let bitsOfFlags = TextKind("bits of `e_flags`", .integer(0...0xFFFF_FFFF))
    static let flags = Field(
        "flags", .text(bitsOfFlags), default: "`0`", "ELF's `e_flags` as far as `flags-mask` covers them.")
    static let flagsMask = Field(
        "flags-mask", .text(bitsOfFlags), default: "`0`", "The bits of `e_flags` that name the ABI.")
    static let interpreter = Field(
        "interpreter", .text(word), default: "none: all programs are static", "The file name of the dynamic loader.")
    static let foreignSections = Field(
        "foreign-sections", .list(of: .text(section)), default: "none",
        "Sections that only another ABI of the same machine has.")
    static let elf = Field(
        "elf", .record([wordSize, byteOrder, machine, flags, flagsMask, interpreter, foreignSections]), default: nil,
        "What every ELF file must be that a recipe makes.")
    static let emulatorPackage = Field("package", .text(.packageName), default: nil, "A Debian package, of amd64.")
    static let emulator = Field(
        "emulator",
        .record([
            emulatorPackage,
            Field("path", .text(.relativePath), default: nil, "The program in it, linked statically."), wordSize,
            byteOrder, machine,
        ]), default: "none: the build host runs its programs",
        "What runs the programs of its Debian packages while they are configured.")
    static let targetEmulator = Field(
        "emulator", .list(of: .text(argument)), default: "none: `bootferry run` cannot run its programs",
        "The command that runs its programs on the build machine: a program of Debian's `qemu-user`, and its arguments."
    )
    static let target = Field(
        "target", .record([triple, kernelArchitecture, compilerFlags, elf, targetEmulator]),
        default: "none: nothing is built for it",
        "What recipes need to build for the platform.")

    static let variantKernel = Field(
        "kernel", .text(word), default: "its own name",
        "The variant whose files `PLATFORM-VARIANT.*` of `targets/kernels` make its kernel.")
    static let variantFlags = Field(
        "compiler-flags", .list(of: .text(argument)), default: "the target's", "In place of the target's.")
    static let variants = Field(
        "variants", .map(keys: word, values: .record([variantKernel, variantFlags])), default: "none",
        "Processors or boards with a kernel of their own, by name; built for as `PLATFORM-VARIANT`.")

    static let program = Field("program", .text(word), default: nil, "The QEMU program that plays it.")
    static let qemuPackage = Field("package", .text(.packageName), default: nil, "The Debian package that has it.")
    static let processor = Field(
        "processor", .text(argument), default: "QEMU's own choice", "`-cpu` where QEMU emulates (TCG).")
    static let arguments = Field(
        "arguments", .list(of: .text(argument)), default: nil,
        "QEMU's machine, firmware and card on `netdev=n0`; `{mac}` is the card's address, `{variables}` a copy of `variables`."
    )
    static let variables = Field(
        "variables", .text(.absolutePath), default: "none",
        "A file of the host with the firmware's variables, which each machine gets a copy of.")
    static let prompt = Field(
        "prompt", .text(argument), default: "none: it boots by itself", "What it shows when it waits for a person.")
    static let commands = Field(
        "commands", .list(of: .text(argument)), default: "none",
        "What `bootferry boot` types there, a line each time that it waits.")
    static let firmwarePackage = Field(
        "package", .text(.packageName), default: "none: it comes with QEMU", "The Debian package that has its files.")
    static let files = Field(
        "files", .list(of: .text(.absolutePath)), default: "none",
        "Files of that package which it needs besides `variables`, for `bootferry doctor`.")
    static let firmware = Field(
        "firmware",
        .map(
            keys: word,
            values: .record([arguments, variables, prompt, commands, firmwarePackage, files])), default: nil,
        "How QEMU can boot it over the network, by name; the first is the default.")
    static let qemu = Field(
        "qemu", .record([program, qemuPackage, processor, firmware]), default: nil,
        "How `bootferry boot` plays such a machine.")

    static let table = FieldTable(
        name: "platform", purpose: "A file of `targets/platforms` describes one kind of machine.",
        fields: [
            version, name, debianArchitecture, kernelPackage, consoles, emulator, loaders, boots, target, variants,
            qemu,
        ])
}
