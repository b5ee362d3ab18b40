import Diagnostics

/// What a build is for: a kind of machine, read from `targets/platforms/NAME.yaml`.
public struct Platform: Sendable, Equatable {
    /// A way that firmware boots from the network, as QEMU can play it.
    public enum FirmwareKind: String, Sendable, CaseIterable {
        /// SeaBIOS with iPXE as the card's option ROM.
        case bios
        /// EDK2's own PXE: DHCP, then TFTP.
        case uefi
        /// EDK2's HTTP Boot.
        case uefiHTTP = "uefi-http"
    }

    /// What systems call it.
    public var name: String
    /// Debian's word, such as `amd64`.
    public var debianArchitecture: String
    /// The Debian package with the kernel, where a system names none.
    public var kernelPackage: String
    /// The file name of systemd's UEFI stub, such as `linuxx64.efi.stub`.
    public var efiStub: String
    /// What QEMU can boot this platform with; the first is the default.
    public var firmware: [FirmwareKind]
    /// `-machine` of QEMU.
    public var qemuMachine: String
    /// The QEMU program, such as `qemu-system-x86_64`.
    public var qemuProgram: String

    /// Reads one platform file.
    ///
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ path: String, files: (String) -> FileContent) throws(ConfigurationError) -> Platform {
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
        checker.check(tree, against: .record(PlatformFields.table.fields))
        problems += checker.problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        func text(_ field: Field) -> String { tree.text(field) ?? "" }
        return Platform(
            name: text(PlatformFields.name), debianArchitecture: text(PlatformFields.debianArchitecture),
            kernelPackage: text(PlatformFields.kernelPackage),
            efiStub: text(PlatformFields.efiStub),
            firmware: tree.texts(PlatformFields.firmware).compactMap(FirmwareKind.init(rawValue:)),
            qemuMachine: text(PlatformFields.qemuMachine), qemuProgram: text(PlatformFields.qemuProgram))
    }
}

/// The keys of a platform file.
enum PlatformFields {
    private static let word = TextKind(
        "a word", detail: "letters, digits, `_`, `-`, `.`",
        .characters(first: "A-Za-z0-9", rest: "A-Za-z0-9_.-", length: 1...63))

    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let name = Field("name", .text(.platformName), default: nil, "What systems call the platform.")
    static let debianArchitecture = Field(
        "debian-architecture", .text(word), default: nil, "Debian's word for it, such as `amd64`.")
    static let kernelPackage = Field(
        "kernel-package", .text(.packageName), default: nil,
        "The Debian package with the kernel, where a system names none.")
    static let efiStub = Field(
        "efi-stub", .text(word), default: nil, "The file name of systemd's UEFI stub, which starts a kernel from UEFI.")
    static let firmware = Field(
        "firmware",
        .list(of: .text(TextKind("a kind of firmware", .choice(Platform.FirmwareKind.allCases.map(\.rawValue))))),
        default: nil, "How QEMU can boot it over the network; the first is the default.")
    static let qemuMachine = Field("qemu-machine", .text(word), default: nil, "QEMU's `-machine`.")
    static let qemuProgram = Field("qemu-program", .text(word), default: nil, "The QEMU program that plays it.")

    static let table = FieldTable(
        name: "platform", purpose: "A file of `targets/platforms` describes one kind of machine.",
        fields: [
            version, name, debianArchitecture, kernelPackage, efiStub, firmware, qemuMachine, qemuProgram,
        ])
}

/// The pages and schemas made from the field tables.
public enum ConfigurationReference {
    /// The JSON Schema (draft 2020-12) of system files.
    public static func systemSchema() -> String { systemTable.schema() }

    /// The JSON Schema (draft 2020-12) of platform files.
    public static func platformSchema() -> String { PlatformFields.table.schema() }

    /// The JSON Schema (draft 2020-12) of site files.
    public static func siteSchema() -> String { SiteFields.table.schema() }

    /// `docs/configuration.md`.
    public static func page() -> String {
        """
        # What the files under `targets/` and `netboot/` may say

        Made by a test (ReferenceTests) from the tables that the parser uses; do not edit it by hand.
        Values are YAML. Lists of an importing file are appended to the imported ones, records are merged, and text
        given twice is an error unless one of the two says `!override` before its value. `!override` on a list or a
        record replaces the imported one, and `!remove` on a list's element takes an imported element out.


        """ + systemTable.reference() + "\n" + PlatformFields.table.reference() + "\n"
            + SiteFields.table.reference()
    }

    private static let systemTable = FieldTable(
        name: "system", purpose: "A `system.yaml` says what one system is: every key but `version` may be left out.",
        fields: SystemFields.table)
}
