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
    }

    /// A file that boots the platform's machines over the network, out of a Debian package or a recipe's output.
    public struct Loader: Sendable, Equatable {
        /// As the boot server gives it out.
        public var name: String
        /// The Debian package, of amd64; nil where a recipe makes it.
        public var package: String?
        /// The recipe; nil where a package has it.
        public var recipe: String?
        /// In the package or the recipe's output.
        public var path: String
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
    }

    /// What systems call it.
    public var name: String
    /// Debian's word, such as `amd64`; nil for what Debian does not build.
    public var debianArchitecture: String?
    /// The Debian package with the kernel, where a system names none; nil where recipes make it.
    public var kernelPackage: String?
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

    /// Reads one platform file.
    ///
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ path: String, files: (String) -> FileContent) throws(ConfigurationError) -> Platform {
        let tree = try YAMLNode.checked(path, against: PlatformFields.table.fields, files: files)
        let target = tree[PlatformFields.target.key]
        let qemu = tree[PlatformFields.qemu.key]
        let platform = Platform(
            name: tree.text(PlatformFields.name) ?? "",
            debianArchitecture: tree.text(PlatformFields.debianArchitecture),
            kernelPackage: tree.text(PlatformFields.kernelPackage),
            loaders: (tree[PlatformFields.loaders.key]?.entries ?? []).map { entry in
                Loader(
                    name: entry.key, package: entry.value.text(PlatformFields.package),
                    recipe: entry.value.text(PlatformFields.recipe), path: entry.value.text(PlatformFields.path) ?? "")
            },
            target: target.map(Target.init),
            firmware: (qemu?[PlatformFields.firmware.key]?.entries ?? []).map { entry in
                Firmware(
                    name: entry.key, arguments: entry.value.texts(PlatformFields.arguments),
                    variables: entry.value.text(PlatformFields.variables))
            },
            qemuProcessor: qemu?.text(PlatformFields.processor), qemuProgram: qemu?.text(PlatformFields.program) ?? "")
        let undecided = (tree[PlatformFields.loaders.key]?.entries ?? []).filter { entry in
            (entry.value[PlatformFields.package.key] == nil) == (entry.value[PlatformFields.recipe.key] == nil)
        }
        guard undecided.isEmpty else {
            throw ConfigurationError(
                undecided.map { .init($0.position, "loaders.\($0.key)", "expected one of `package`, `recipe`") })
        }
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
                foreignSections: elf?.texts(PlatformFields.foreignSections) ?? []))
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
