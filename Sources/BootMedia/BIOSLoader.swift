import SystemModel

/// ISOLINUX, by which a BIOS boots a medium: as a disc by El Torito, as a disk by its master boot record.
public struct BIOSLoader: Sendable, Equatable {
    /// The names of its files among an image's loaders.
    public static let names = ["isohdpfx.bin", "isolinux.bin", "ldlinux.c32"]

    /// 432 bytes of code, which load the program from the sector that stands behind them.
    public var masterBootRecord: [UInt8]
    public var program: [UInt8]
    /// The part of it that reads menus and kernels.
    public var module: [UInt8]

    /// - Parameter read: the bytes of a loader of the image.
    /// - Throws: `BootMediaError` where the image has no such loaders, or they are not what they are called.
    public init(of manifest: ImageManifest, read: (ImageManifest.Part) throws -> [UInt8]) throws {
        let missing = Self.names.filter { manifest.loaders[$0] == nil }
        guard missing.isEmpty else {
            throw BootMediaError(
                subject: "\(manifest.system), platform '\(manifest.platform)'",
                message: "has no loader \(missing.map { "'\($0)'" }.joined(separator: ", ")) for a medium that boots",
                remedy: "'bootferry build' it again if that was before media could boot; else its platform has none yet"
            )
        }
        let files = try Self.names.map { try manifest.loaders[$0].map(read) ?? [] }
        (masterBootRecord, program, module) = (files[0], files[1], files[2])
        // isohybrid's mark: such a program can be loaded from a disk too.
        guard masterBootRecord.count == 432, program.count >= 2048, Array(program[64..<68]) == [0xFB, 0xC0, 0x78, 0x70]
        else {
            throw BootMediaError(
                kind: .corrupt, subject: manifest.loaders["isolinux.bin"]?.path ?? "isolinux.bin",
                message: "is no ISOLINUX that boots from disks too, or its 'isohdpfx.bin' has not 432 bytes",
                remedy: "bootferry verify")
        }
    }
}
