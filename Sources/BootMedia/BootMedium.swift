import BootPolicy
import FileFormats
import OpenSSL
import SystemModel

/// A disk that boots a system without a network, as a virtual file: by UEFI and by BIOS, as a stick, a disk or a disc.
///
/// One image is all three, and holds kernel and segments once:
///
///     0          master boot record with ISOLINUX's first sector of code, then the GUID partition table
///     32 KiB     partition 2 (BIOS boot): ISO 9660's descriptors and directories, ISOLINUX
///     1 MiB      partition 1 (EFI system): FAT32 with EFI/BOOT/BOOTX64.EFI, the unified kernel
///     the end    the partition table's copy
///
/// ISO 9660's files VMLINUZ and INITRD.IMG are the ranges of the unified kernel that hold them, so a BIOS reads the same
/// sectors as UEFI. What names disk, partitions and file system comes from the content: the same system has the same bytes.
public struct BootMedium: Sendable, Equatable {
    /// From byte 0 to the end of the last partition.
    public let front: BootFile
    /// The last bytes of the disk: the partition table's copy.
    public let end: [UInt8]
    /// Bytes of the whole disk.
    public let size: Int

    private static let partitionStart = 1 << 20
    /// The last part of `EFI/BOOT/`, by platform (UEFI 2.10, table 3.1).
    static let firmwareNames = ["x86_64": "BOOTX64.EFI"]

    /// - Parameters:
    ///   - room: bytes of the disk that it is for; as few as it needs where there is none.
    /// - Throws: `BootMediaError`, `BootPolicyError`.
    public init(of system: ServedSystem, bios: BIOSLoader, room: Int? = nil) throws {
        let manifest = system.manifest
        guard let name = Self.firmwareNames[manifest.platform] else {
            throw BootMediaError(
                subject: manifest.system, message: "is for '\(manifest.platform)', and media are made for x86_64 only")
        }
        let commandLine = manifest.kernelParameters.joined(separator: " ")
        let program = try UnifiedKernel(of: system, commandLine: commandLine, alignment: ISO9660.sectorSize)
        let identity = Self.identity(of: program.file)
        let volume: FAT32.Layout
        do {
            volume = try FAT32.layout(
                files: [.init(path: "EFI/BOOT/\(name)", size: program.file.size)], label: "BOOTFERRY",
                serial: Self.number(identity, 0), firstSector: Self.partitionStart / GPT.sectorSize, alignment: 4096)
        } catch { throw Self.tooLarge(manifest.system, error.description) }
        // It ends as it begins, at a whole MiB, where tools expect partitions to end.
        let partitionSectors =
            (volume.size + Self.partitionStart - 1) / Self.partitionStart * (1 << 20) / GPT.sectorSize
        let least = Self.partitionStart + (partitionSectors + GPT.tableSectors) * GPT.sectorSize
        // ISO 9660 counts in 2,048 bytes.
        let size = room.map { $0 / GPT.sectorSize * GPT.sectorSize } ?? (least + 2047) / 2048 * 2048
        guard size >= least else {
            throw BootMediaError(
                kind: .host, subject: manifest.system, message: "needs \(least) bytes, and there are \(size)",
                remedy: "take a larger medium")
        }
        let first = Self.partitionStart + volume.offsets[0]
        let disc: ISO9660.Layout
        do {
            disc = try Self.disc(
                commandLine: commandLine, bios: bios, sectors: (least + 2047) / 2048,
                kernel: (first + program.kernel.lowerBound, program.kernel.count),
                initramfs: (first + program.initramfs.lowerBound, program.initramfs.count))
        } catch { throw Self.tooLarge(manifest.system, error.description) }
        let start = ISO9660.firstSector * ISO9660.sectorSize
        guard start + disc.bytes.count <= Self.partitionStart else {
            throw Self.tooLarge(manifest.system, "the BIOS's boot loader is larger than 1 MiB")
        }
        let table = GPT.ends(
            bootCode: Self.bootCode(bios, loaderSector: disc.loaderSector, disk: Self.number(identity, 4)),
            identifier: Self.identifier(identity, "disk"),
            partitions: [
                .init(
                    type: GPT.efiSystem, identifier: Self.identifier(identity, "efi"),
                    sectors: Self.sectors(from: Self.partitionStart, count: partitionSectors),
                    name: "EFI system partition"),
                .init(
                    type: GPT.biosBoot, identifier: Self.identifier(identity, "bios"),
                    sectors: Self.sectors(from: start, count: (Self.partitionStart - start) / GPT.sectorSize),
                    name: "BIOS boot and ISO 9660"),
            ], sectors: size / GPT.sectorSize)
        var extents: [BootFile.Extent] = []
        var offset = 0
        func add(_ more: [BootFile.Extent], at place: Int) {
            if place > offset { extents.append(.literal([UInt8](repeating: 0, count: place - offset))) }
            extents += more
            offset = place + more.reduce(0) { $0 + $1.length }
        }
        add([.literal(table.first)], at: 0)
        add([.literal(disc.bytes)], at: start)
        add([.literal(volume.head)], at: Self.partitionStart)
        add(program.file.extents, at: first)
        add([], at: Self.partitionStart + partitionSectors * GPT.sectorSize)
        front = BootFile(extents: extents)
        end = table.last
        self.size = size
    }

    /// The whole as one file: only for a disk no larger than it must be, since what lies between is made of zeros.
    public var file: BootFile {
        let gap = size - front.size - end.count
        return BootFile(
            extents: front.extents + (gap > 0 ? [.literal([UInt8](repeating: 0, count: gap))] : []) + [.literal(end)])
    }

    private static func disc(
        commandLine: String, bios: BIOSLoader, sectors: Int, kernel: (offset: Int, size: Int),
        initramfs: (offset: Int, size: Int)
    ) throws(ISO9660.Unsuitable) -> ISO9660.Layout {
        let menu = """
            DEFAULT bootferry
            PROMPT 0
            LABEL bootferry
              KERNEL /VMLINUZ
              INITRD /INITRD.IMG
              APPEND \(commandLine)

            """
        func file(_ name: String, _ place: (offset: Int, size: Int)) -> ISO9660.File {
            .init(name: name, content: .elsewhere(sector: place.offset / ISO9660.sectorSize, size: place.size))
        }
        return try ISO9660.layout(
            label: "BOOTFERRY", sectors: sectors, root: [file("VMLINUZ.", kernel), file("INITRD.IMG", initramfs)],
            folder: (
                "ISOLINUX",
                [
                    .init(name: "ISOLINUX.BIN", content: .bytes(bios.program)),
                    .init(name: "LDLINUX.C32", content: .bytes(bios.module)),
                    .init(name: "ISOLINUX.CFG", content: .bytes(Array(menu.utf8))),
                ]
            ), boot: .init(loader: "ISOLINUX.BIN", efiSector: partitionStart / ISO9660.sectorSize))
    }

    /// isohybrid's master boot record: code, the program's first sector of 512 bytes, the disk's number.
    private static func bootCode(_ bios: BIOSLoader, loaderSector: Int, disk: UInt32) -> [UInt8] {
        func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        return bios.masterBootRecord + littleEndian(UInt64(loaderSector * 4)) + littleEndian(disk)
    }

    private static func sectors(from start: Int, count: Int) -> ClosedRange<Int> {
        start / GPT.sectorSize...start / GPT.sectorSize + count - 1
    }

    private static func tooLarge(_ system: String, _ reason: String) -> BootMediaError {
        BootMediaError(
            subject: system, message: "does not fit on a medium that boots", cause: reason,
            remedy: "'bootferry build --sizes' lists what its packages take")
    }

    /// A digest of all that the medium boots: store objects never change, so paths and ranges stand for their bytes.
    private static func identity(of file: BootFile) -> [UInt8] {
        let digest = MessageDigest(.sha256)
        digest.update("bootferry medium 1\n")
        for extent in file.extents {
            switch extent {
            case .literal(let bytes): digest.update(bytes)
            case .stored(let path, let offset, let length): digest.update("\n\(path) \(offset) \(length)\n")
            }
        }
        return digest.finalize()
    }

    private static func number(_ identity: [UInt8], _ offset: Int) -> UInt32 {
        identity[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A UUID of version 8 (RFC 9562, section 5.8).
    private static func identifier(_ identity: [UInt8], _ purpose: String) -> [UInt8] {
        let digest = MessageDigest(.sha256)
        digest.update(identity)
        digest.update(purpose)
        var bytes = Array(digest.finalize().prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }
}
