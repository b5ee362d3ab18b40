import BootProtocols
import FileFormats
import SystemModel

/// A system as the boot server gives it out: its manifest and the little that must be read beforehand.
public struct ServedSystem: Sendable, Equatable {
    /// systemd's EFI stub, which makes a UKI of a kernel.
    public struct Stub: Sendable, Equatable {
        /// The manifest's loader.
        public var part: ImageManifest.Part
        /// The file's first bytes, with all its headers; 4 KiB is enough.
        public var head: [UInt8]

        public init(part: ImageManifest.Part, head: [UInt8]) {
            self.part = part
            self.head = head
        }
    }

    /// What Open Firmware's program is made of: Linux's zImage, or a kernel that has none.
    public struct OpenFirmwareProgram: Sendable, Equatable {
        /// The manifest's loader, or its kernel.
        public var part: ImageManifest.Part
        public var headers: ELF.File

        public init(part: ImageManifest.Part, headers: ELF.File) {
            self.part = part
            self.headers = headers
        }
    }

    public let manifest: ImageManifest
    /// How the machines of its platform boot.
    public let boots: [Platform.Boot]
    /// Which generation of its system it is; nil where it is none.
    public let generation: Int?
    public let stub: Stub?
    public let openFirmware: OpenFirmwareProgram?

    /// - Parameters:
    ///   - boots: Of the manifest's platform.
    ///   - stubHead: The first bytes of the loader `boots.stubName`.
    ///   - openFirmware: The headers of `boots.program(of: manifest)`.
    /// - Throws: `BootPolicyError` where a kernel parameter or name cannot be written into a boot script, or the stub
    ///   is not one.
    public init(
        manifest: ImageManifest, generation: Int? = nil, boots: [Platform.Boot], stubHead: [UInt8]?,
        openFirmware: ELF.File? = nil
    ) throws(BootPolicyError) {
        self.manifest = manifest
        self.generation = generation
        self.boots = boots
        stub = boots.stubName.flatMap { manifest.loaders[$0] }.flatMap { part in
            stubHead.map { Stub(part: part, head: $0) }
        }
        self.openFirmware = boots.program(of: manifest).flatMap { part in
            openFirmware.map { OpenFirmwareProgram(part: part, headers: $0) }
        }
        let letters = manifest.system.utf8
        guard !letters.isEmpty, letters.count <= 64,
            letters.allSatisfy({
                Character(UnicodeScalar($0)).isLetter || (48...57).contains($0) || $0 == 45 || $0 == 95 || $0 == 46
            }),
            letters.first != 46
        else {
            throw BootPolicyError(
                subject: "\"\(manifest.system)\"", message: "a served system's name has letters, digits, - _ and . only"
            )
        }
        for parameter in manifest.kernelParameters {
            // iPXE expands ${…} and has no way to quote it; a line break would start another command.
            guard !parameter.contains("${"), parameter.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                throw BootPolicyError(
                    subject: "kernel parameter \"\(parameter)\"",
                    message: "control characters and \"${\" cannot be written into a boot script",
                    remedy: "set it in the running system instead")
            }
        }
        if let stub {
            let machine: UInt16
            do {
                machine = try PE.Headers.read(stub.head).machine
            } catch {
                throw BootPolicyError(kind: .corrupt, subject: stub.part.path, message: error.description)
            }
            if let wanted = boots.compactMap(\.efiMachine).first, machine != wanted {
                throw BootPolicyError(
                    kind: .corrupt, subject: stub.part.path,
                    message: "is for EFI machine \(machine), and '\(manifest.platform)' has \(wanted)")
            }
        }
    }

    /// Where a U-Boot that plays UEFI loads the system as one program; nil where none is known to.
    var uBootAddress: UInt32? { stub == nil ? nil : boots.compactMap(\.uBootAddress).first }

    /// How a machine with that number in option 93 boots; nil where it cannot run the system.
    func boot(of architecture: ClientArchitecture) -> Platform.Boot? {
        boots.first { $0.architectures.contains(architecture.rawValue) }
    }

    /// Kernel parameters of one boot: the manifest's, then where the server is, which boot this is, and by which card
    /// (as PXELINUX says it), which a machine without a serial number takes its identity from.
    func commandLine(server: String, attempt: String, node: MACAddress?) -> [String] {
        let card = node.map { ["BOOTIF=01-" + $0.description.split(separator: ":").joined(separator: "-")] } ?? []
        let boot = ["bootferry.server=\(server)", "bootferry.boot=\(attempt)"]
        return manifest.kernelParameters + boot + card
    }
}

extension [Platform.Boot] {
    /// The loaders, by the manifest's names, that are given out only as a part of something else.
    public var stubName: String? { compactMap(\.stub).first }
    public var programName: String? { compactMap(\.program).first }

    /// What Open Firmware's program is made of; nil where the image has no such thing.
    public func program(of manifest: ImageManifest) -> ImageManifest.Part? {
        programName.flatMap { $0 == Platform.Boot.ownKernel ? manifest.kernel : manifest.loaders[$0] }
    }
}

extension Platform.Boot {
    /// Its machines have UEFI.
    var isUEFI: Bool { stub != nil || efiMachine != nil }
}
