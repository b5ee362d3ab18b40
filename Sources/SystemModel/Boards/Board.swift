import Diagnostics

/// One machine: a platform, a kernel, and what its loader gets and can take; read from `targets/boards/NAME.yaml`.
public struct Board: Sendable, Equatable {
    /// What its loader gets.
    public enum Format: String, Sendable, Codable, CaseIterable {
        case fit, uimage, zimage, parts
    }

    /// What systems call it.
    public var name: String
    /// One sentence.
    public var summary: String
    /// What it was seen booting on; nil where nobody has seen it boot.
    public var tried: String?
    public var platform: String
    public var variant: String?
    public var format: Format
    /// In the kernel's `devicetrees`; nil where the loader has its own.
    public var deviceTree: String?
    public var kernelParameters: [String]
    /// MiB of RAM.
    public var memory: Int
    /// With the formats `fit` and `uimage`.
    public var uBoot: UBoot?
    /// How QEMU plays it, in place of the platform's; nil for the platform's own.
    public var qemu: QEMU?

    /// A QEMU machine.
    public struct QEMU: Sendable, Equatable {
        public var program: String
        /// The Debian package that has it.
        public var package: String
        /// `-cpu`; nil for its own choice.
        public var processor: String?
        public var firmware: [Platform.Firmware]
    }

    /// What a board's U-Boot is like, and where in RAM it puts things.
    public struct UBoot: Sendable, Equatable, Codable {
        /// In U-Boot's words, such as `ppc`.
        public var architecture: String
        public var hashes: [String]
        /// Has the address of the loader's own device tree.
        public var deviceTreeVariable: String
        /// Where the FIT, or the kernel's legacy image, is loaded.
        public var bootFile: UInt32
        /// Where legacy images are loaded; nil for behind what is loaded before.
        public var initramfs: UInt32?
        public var deviceTree: UInt32?
        /// Where the kernel is unpacked to, and begins.
        public var kernel: UInt32
        /// MiB that a kernel may have once unpacked; nil where no limit is known.
        public var kernelLimit: Int?
        /// MiB below which kernel, initramfs and device tree must lie; nil where no limit is known.
        public var mapped: Int?
        /// MiB that U-Boot takes for itself.
        public var reserved: Int
    }

    static let hashes = ["sha256", "crc32"]
    static let uBootArchitectures = ["arm", "arm64", "ppc", "riscv"]

    /// Reads one board file; it must be called as the board.
    ///
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ path: String, files: (String) -> FileContent) throws(ConfigurationError) -> Board {
        let tree = try YAMLNode.checked(path, against: BoardFields.table.fields, files: files)
        let name = tree.text(BoardFields.name) ?? ""
        let uBoot = tree[BoardFields.uBoot.key]
        let format = tree.text(BoardFields.bootFileFormat).flatMap(Format.init(rawValue:)) ?? .parts
        var problems: [ConfigurationProblem] = []
        if path.split(separator: "/").last.map(String.init) != "\(name).yaml" {
            problems.append(
                .init(
                    tree[BoardFields.name.key]?.position ?? tree.position, BoardFields.name.key,
                    "expected the file's name, found `\(name)` in `\(path)`"))
        }
        if [.fit, .uimage].contains(format) != (uBoot != nil) {
            problems.append(
                .init(
                    uBoot?.position ?? tree.position, BoardFields.uBoot.key,
                    uBoot == nil
                        ? "the key is missing: U-Boot gets a `\(format.rawValue)`"
                        : "U-Boot does not get a `\(format.rawValue)`"))
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return Board(
            name: name, summary: tree.text(BoardFields.summary) ?? "",
            tried: tree.text(BoardFields.tried).flatMap { $0 == "no" ? nil : $0 },
            platform: tree.text(BoardFields.platform) ?? "", variant: tree.text(BoardFields.variant), format: format,
            deviceTree: tree.text(BoardFields.deviceTree), kernelParameters: tree.texts(BoardFields.kernelParameters),
            memory: tree.text(BoardFields.memory).flatMap(mebibytes) ?? 0, uBoot: uBoot.map(UBoot.init),
            qemu: tree[BoardFields.qemu.key].map(QEMU.init))
    }
}

extension Board {
    /// Its platform, out of all there are: as its variant, and as its own QEMU machine; nil where there is none of these names.
    public func platform(among platforms: [Platform]) -> Platform? {
        guard let named = platforms.first(where: { $0.name == platform }),
            var found = variant.map({ named.variant(named: $0) }) ?? named
        else { return nil }
        // Of the platform's loaders none is for it but Open Firmware's.
        if format != .zimage { found.loaders = [] }
        if let qemu {
            (found.qemuProgram, found.qemuPackage) = (qemu.program, qemu.package)
            (found.qemuProcessor, found.firmware) = (qemu.processor, qemu.firmware)
        }
        return found
    }
}

extension Board.QEMU {
    fileprivate init(_ node: YAMLNode) {
        self.init(
            program: node.text(PlatformFields.program) ?? "",
            package: node.text(PlatformFields.qemuPackage) ?? "", processor: node.text(PlatformFields.processor),
            firmware: (node[PlatformFields.firmware.key]?.entries ?? []).map(Platform.Firmware.init))
    }
}

extension Board.UBoot {
    fileprivate init(_ node: YAMLNode) {
        let addresses = node[BoardFields.addresses.key]
        let limits = node[BoardFields.limits.key]
        func address(_ field: Field) -> UInt32? { addresses?.text(field).flatMap(BoardFields.number) }
        func limit(_ field: Field) -> Int? { limits?.text(field).flatMap(mebibytes) }
        let hashes = node.texts(BoardFields.hashes)
        self.init(
            architecture: node.text(BoardFields.architecture) ?? "", hashes: hashes.isEmpty ? ["sha256"] : hashes,
            deviceTreeVariable: node.text(BoardFields.deviceTreeVariable) ?? "fdtcontroladdr",
            bootFile: address(BoardFields.bootFile) ?? 0, initramfs: address(BoardFields.initramfs),
            deviceTree: address(BoardFields.deviceTreeAddress), kernel: address(BoardFields.kernel) ?? 0,
            kernelLimit: limit(BoardFields.kernelLimit), mapped: limit(BoardFields.mapped),
            reserved: limit(BoardFields.reserved) ?? 16)
    }
}
