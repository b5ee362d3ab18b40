import Diagnostics
import FileFormats

/// What a build is for: a kind of machine, read from `targets/platforms/NAME.yaml`.
public struct Platform: Sendable, Equatable {
    /// A way that firmware boots from the network, as QEMU can play it.
    public struct Firmware: Sendable, Equatable {
        /// What `bootferry boot --firmware` calls it.
        public var name: String
        /// QEMU's arguments besides what every machine gets; `{mac}` stands for the card's address, `{variables}` for the
        /// machine's own copy of the firmware's variables.
        public var arguments: [String]
        /// A file of the host that the machine gets a copy of; nil for firmware that keeps nothing.
        public var variables: String?
        /// What the firmware shows when it waits for a person; nil for firmware that boots by itself.
        public var prompt: String?
        /// What is typed there, a line each time that it waits.
        public var commands: [String] = []
        /// The Debian package of the host that has its files; nil where QEMU's own brings them.
        public var package: String?
        /// Files of that package, besides `variables`, that the machine cannot be played without.
        public var files: [String] = []
    }

    /// A file that boots the platform's machines over the network, out of a Debian package or a recipe's output.
    public struct Loader: Sendable, Equatable {
        /// As the boot server gives it out.
        public var name: String
        /// The Debian package, of the platform's architecture or of all; nil where a recipe makes it.
        public var package: String?
        /// The recipe; nil where a package has it.
        public var recipe: String?
        /// In the package or the recipe's output.
        public var path: String
    }

    /// What runs the platform's programs on a build host of another processor.
    public struct Emulator: Sendable, Equatable {
        /// A Debian package of amd64.
        public var package: String
        /// The program in it, which is linked statically.
        public var path: String
        /// What it runs.
        public var format: BinaryFormat
    }

    /// Machines that boot from the network in one way.
    public struct Boot: Sendable, Equatable {
        /// What the platform's file calls it.
        public var name: String
        /// What they say in DHCP's option 93.
        public var architectures: [UInt16]
        /// Among the loaders, the iPXE that they run; nil where there is none.
        public var ipxe: String?
        /// Among the loaders, systemd's stub, which makes a UKI for them; nil for other firmware than UEFI.
        public var stub: String?
        /// The COFF machine type of their EFI programs; nil for other firmware than UEFI.
        public var efiMachine: UInt16?
        /// Among the loaders, the kernel that command line and initramfs are put into for Open Firmware; or `ownKernel`.
        public var program: String?
        /// Where in RAM a U-Boot that plays UEFI loads a program of any size; nil where it finds a place itself.
        public var uBootAddress: UInt32?
        /// MiB that kernel and initramfs may have together; nil where no limit is known.
        public var limit: Int?

        /// The program that is the system's own kernel, and no loader.
        public static let ownKernel = "kernel"

        public init(
            name: String, architectures: [UInt16], ipxe: String? = nil, stub: String? = nil, efiMachine: UInt16? = nil,
            program: String? = nil, uBootAddress: UInt32? = nil, limit: Int? = nil
        ) {
            self.name = name
            self.architectures = architectures
            self.ipxe = ipxe
            self.stub = stub
            self.efiMachine = efiMachine
            self.program = program
            self.uBootAddress = uBootAddress
            self.limit = limit
        }
    }

    /// What recipes need to build for it.
    public struct Target: Sendable, Equatable {
        /// GNU's, such as `powerpc64-linux-musl`.
        public var triple: String
        /// Linux's `ARCH`.
        public var kernelArchitecture: String
        /// What every call of the compiler is given besides the triple.
        public var compilerFlags: [String]
        /// What every ELF file that a recipe makes must be.
        public var abi: ELF.ABI
        /// The command that runs its programs on the build machine, of Debian's package `qemu-user`; empty where there is none.
        public var emulator: [String] = []
    }

    /// A kind of processor or board within a platform, whose programs are the same and whose kernel is another.
    public struct Variant: Sendable, Equatable {
        /// Within its platform, such as `e5500`; with it `ppc64-elfv2-e5500`.
        public var name: String
        /// The variant whose files of `targets/kernels` it takes; most often its own name.
        public var kernel: String
        /// In place of the target's, where they differ.
        public var compilerFlags: [String]?
    }

    /// What systems call it.
    public var name: String
    /// The variants that it has besides the ordinary one.
    public var variants: [Variant] = []
    /// The one that is built for; nil for the ordinary one.
    public var variant: Variant?
    /// Debian's word, such as `amd64`; nil for what Debian does not build.
    public var debianArchitecture: String?
    /// The Debian package with the kernel, where a system names none; nil where recipes make it.
    public var kernelPackage: String?
    /// Kernel parameters `console=` of a system that writes none, the last one the most important.
    public var consoles: [String] = []
    /// nil where the build host runs its programs itself, and where recipes make everything.
    public var emulator: Emulator?
    /// How its machines boot; the first that a client fits.
    public var boots: [Boot] = []
    /// What the boot server hands out besides systems, by name.
    public var loaders: [Loader]
    /// nil where nothing can be built by recipes.
    public var target: Target?
    /// What QEMU can boot this platform with; the first is the default.
    public var firmware: [Firmware]
    /// `-cpu` of QEMU where it emulates; nil for its own choice.
    public var qemuProcessor: String?
    /// The QEMU program, such as `qemu-system-x86_64`.
    public var qemuProgram: String
    /// The Debian package that has it.
    public var qemuPackage = ""

    /// Reads one platform file.
    ///
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ path: String, files: (String) -> FileContent) throws(ConfigurationError) -> Platform {
        let tree = try YAMLNode.checked(path, against: PlatformFields.table.fields, files: files)
        let target = tree[PlatformFields.target.key]
        let qemu = tree[PlatformFields.qemu.key]
        let platform = Platform(
            name: tree.text(PlatformFields.name) ?? "",
            variants: (tree[PlatformFields.variants.key]?.entries ?? []).map { entry in
                Variant(
                    name: entry.key, kernel: entry.value.text(PlatformFields.variantKernel) ?? entry.key,
                    compilerFlags: entry.value[PlatformFields.variantFlags.key].map { _ in
                        entry.value.texts(PlatformFields.variantFlags)
                    })
            },
            debianArchitecture: tree.text(PlatformFields.debianArchitecture),
            kernelPackage: tree.text(PlatformFields.kernelPackage),
            consoles: tree.texts(PlatformFields.consoles),
            emulator: tree[PlatformFields.emulator.key].map(Emulator.init),
            boots: (tree[PlatformFields.boots.key]?.entries ?? []).map(Boot.init),
            loaders: (tree[PlatformFields.loaders.key]?.entries ?? []).map { entry in
                Loader(
                    name: entry.key, package: entry.value.text(PlatformFields.package),
                    recipe: entry.value.text(PlatformFields.recipe), path: entry.value.text(PlatformFields.path) ?? "")
            },
            target: target.map(Target.init),
            firmware: (qemu?[PlatformFields.firmware.key]?.entries ?? []).map(Firmware.init),
            qemuProcessor: qemu?.text(PlatformFields.processor), qemuProgram: qemu?.text(PlatformFields.program) ?? "",
            qemuPackage: qemu?.text(PlatformFields.package) ?? "")
        let undecided = (tree[PlatformFields.loaders.key]?.entries ?? []).filter { entry in
            (entry.value[PlatformFields.package.key] == nil) == (entry.value[PlatformFields.recipe.key] == nil)
        }
        guard undecided.isEmpty else {
            throw ConfigurationError(
                undecided.map { .init($0.position, "loaders.\($0.key)", "expected one of `package`, `recipe`") })
        }
        try check(tree[PlatformFields.boots.key]?.entries ?? [], against: platform.loaders)
        if platform.debianArchitecture == nil, platform.target == nil {
            throw ConfigurationError([
                .init(
                    tree.position, PlatformFields.target.key,
                    "expected `debian-architecture` or `target`, found neither: nothing could be built for it")
            ])
        }
        return platform
    }
}

extension Platform {
    /// MiB that kernel and initramfs of a system may have together, for a machine of the platform to load them; nil where some
    /// way to boot has no known limit.
    public var largestLoad: Int? {
        let limits = boots.map(\.limit)
        return limits.contains(nil) ? nil : limits.compactMap(\.self).max()
    }

    /// The platform as one of its variants; nil where it has none of that name.
    public func variant(named name: String) -> Platform? {
        guard let variant = variants.first(where: { $0.name == name }) else { return nil }
        var platform = self
        platform.variant = variant
        if let flags = variant.compilerFlags { platform.target?.compilerFlags = flags }
        return platform
    }

    /// Its own name, or with its variant's: `ppc64-elfv2-e5500`.
    public var fullName: String { variant.map { "\(name)-\($0.name)" } ?? name }

    /// What files of `targets/kernels` and its like are called that are for it, without their ending.
    public var dataStem: String { variant.map { "\(name)-\($0.kernel)" } ?? name }

    /// How machines with a number of option 93 boot; nil where they are of another platform.
    public func boot(of architecture: UInt16) -> Boot? { boots.first { $0.architectures.contains(architecture) } }

    /// What machines boot from must be among the loaders.
    private static func check(
        _ boots: [YAMLNode.Entry], against loaders: [Loader]
    ) throws(ConfigurationError) {
        let loaders = Set(loaders.map(\.name))
        let problems = boots.flatMap { boot in
            [PlatformFields.ipxe, PlatformFields.stub, PlatformFields.bootProgram].compactMap {
                field -> ConfigurationProblem? in
                // Open Firmware alone is given the system's own kernel as a program.
                let names = field.key == PlatformFields.bootProgram.key ? loaders.union([Boot.ownKernel]) : loaders
                guard let node = boot.value[field.key], let name = node.text, !names.contains(name) else { return nil }
                let known = names.sorted().map { "`\($0)`" }.joined(separator: ", ")
                return .init(
                    node.position, "boots.\(boot.key).\(field.key)",
                    "expected a name of `loaders` (\(known)), found `\(name)`")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }
}

extension Platform.Firmware {
    init(_ entry: YAMLNode.Entry) {
        self.init(
            name: entry.key, arguments: entry.value.texts(PlatformFields.arguments),
            variables: entry.value.text(PlatformFields.variables), prompt: entry.value.text(PlatformFields.prompt),
            commands: entry.value.texts(PlatformFields.commands), package: entry.value.text(PlatformFields.package),
            files: entry.value.texts(PlatformFields.files))
    }
}

extension Platform.Emulator {
    fileprivate init(_ node: YAMLNode) {
        self.init(
            package: node.text(PlatformFields.package) ?? "", path: node.text(PlatformFields.path) ?? "",
            format: BinaryFormat(
                bits: node.text(PlatformFields.wordSize) == "elf32" ? 32 : 64,
                byteOrder: node.text(PlatformFields.byteOrder) ?? "",
                machine: node.text(PlatformFields.machine).flatMap { Int($0) } ?? 0))
    }
}

extension Platform.Boot {
    fileprivate init(_ entry: YAMLNode.Entry) {
        self.init(
            name: entry.key, architectures: entry.value.texts(PlatformFields.architectures).compactMap { UInt16($0) },
            ipxe: entry.value.text(PlatformFields.ipxe), stub: entry.value.text(PlatformFields.stub),
            efiMachine: entry.value.text(PlatformFields.efiMachine).flatMap { UInt16($0) },
            program: entry.value.text(PlatformFields.bootProgram),
            uBootAddress: entry.value.text(PlatformFields.uBootAddress).flatMap(BoardFields.number),
            limit: entry.value.text(PlatformFields.bootLimit).flatMap(mebibytes))
    }
}

extension Platform.Target {
    fileprivate init(_ node: YAMLNode) {
        let elf = node[PlatformFields.elf.key]
        func number(_ field: Field) -> Int { elf?.text(field).flatMap { Int($0) } ?? 0 }
        self.init(
            triple: node.text(PlatformFields.triple) ?? "",
            kernelArchitecture: node.text(PlatformFields.kernelArchitecture) ?? "",
            compilerFlags: node.texts(PlatformFields.compilerFlags),
            abi: ELF.ABI(
                bits: elf?.text(PlatformFields.wordSize) == "elf32" ? 32 : 64,
                byteOrder: elf?.text(PlatformFields.byteOrder) ?? "",
                machine: number(PlatformFields.machine), flags: number(PlatformFields.flags),
                flagsMask: number(PlatformFields.flagsMask), interpreter: elf?.text(PlatformFields.interpreter),
                foreignSections: elf?.texts(PlatformFields.foreignSections) ?? []),
            emulator: node.texts(PlatformFields.targetEmulator))
    }
}

extension YAMLNode {
    /// A file's record with known keys, whole and without a problem.
    static func checked(
        _ path: String, against fields: [Field], files: (String) -> FileContent
    ) throws(ConfigurationError) -> YAMLNode {
        let start = SourcePosition(file: path, line: 1, column: 1)
        var problems: [ConfigurationProblem] = []
        let bytes: [UInt8]
        switch files(path) {
        case .bytes(let found): bytes = found
        case .missing: throw ConfigurationError([.init(start, "", "no such file: `\(path)`")])
        case .unreadable(let reason): throw ConfigurationError([.init(start, "", "cannot read `\(path)`: \(reason)")])
        }
        guard let tree = YAMLReader.read(bytes, file: path, problems: &problems) else {
            throw ConfigurationError(problems)
        }
        var checker = ShapeChecker()
        checker.check(tree, against: .record(fields))
        problems += checker.problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return tree
    }
}
