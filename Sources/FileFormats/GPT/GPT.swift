import ByteCoding

/// The GUID Partition Table (UEFI specification 2.10, section 5.3) on a disk of 512-byte sectors, written only.
///
/// Layout: sector 0 a protective master boot record, whose first 446 bytes are the caller's; sector 1 the header; sectors
/// 2-33 the table of 128 entries of 128 bytes. The last 33 sectors repeat table and header. CRC-32 over each.
public enum GPT {
    public static let sectorSize = 512
    /// Sectors that the table and its header take at either end, the master boot record not counted.
    public static let tableSectors = 33
    /// The first that a partition may have.
    public static let firstUsableSector = 34

    public struct Partition: Equatable, Sendable {
        /// In the order of its text, as `C12A7328-F81F-11D2-BA4B-00A0C93EC93B` is written.
        public var type: [UInt8]
        /// Its own, in the order of its text.
        public var identifier: [UInt8]
        /// Sectors; the last one included.
        public var sectors: ClosedRange<Int>
        /// At most 36 ASCII characters.
        public var name: String

        public init(type: [UInt8], identifier: [UInt8], sectors: ClosedRange<Int>, name: String) {
            self.type = type
            self.identifier = identifier
            self.sectors = sectors
            self.name = name
        }
    }

    /// The type of an EFI system partition.
    public static let efiSystem: [UInt8] = [
        0xC1, 0x2A, 0x73, 0x28, 0xF8, 0x1F, 0x11, 0xD2, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B,
    ]
    /// The type of a place for a BIOS's boot loader, which no file system owns.
    public static let biosBoot: [UInt8] = [
        0x21, 0x68, 0x61, 0x48, 0x64, 0x49, 0x6E, 0x6F, 0x74, 0x4E, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49,
    ]

    /// Both ends of a disk.
    public struct Ends: Equatable, Sendable {
        /// Sectors 0 to 33.
        public var first: [UInt8]
        /// The last 33 sectors.
        public var last: [UInt8]
    }

    /// - Parameters:
    ///   - bootCode: the first 446 bytes of the disk, or fewer.
    ///   - identifier: the disk's own, in the order of its text.
    ///   - sectors: the disk's, enough for the partitions and `tableSectors` after them; at most 128 partitions.
    public static func ends(
        bootCode: [UInt8], identifier: [UInt8], partitions: [Partition], sectors: Int
    ) -> Ends {
        var table = ByteWriter(reservingCapacity: 128 * 128)
        for partition in partitions {
            table.append(stored(partition.type))
            table.append(stored(partition.identifier))
            table.append(littleEndian: UInt64(partition.sectors.lowerBound))
            table.append(littleEndian: UInt64(partition.sectors.upperBound))
            // Attributes: none. Bit 2 ("legacy BIOS bootable") is for loaders that look for one; ours is named by sector.
            table.append(littleEndian: UInt64(0))
            for unit in partition.name.utf16.prefix(36) { table.append(littleEndian: unit) }
            table.pad(to: 128)
        }
        table.append(repeating: 0, count: 128 * 128 - table.count)
        let checksum = CRC32.of(table.bytes)
        func header(at own: Int, other: Int, table start: Int) -> [UInt8] {
            var writer = ByteWriter(reservingCapacity: sectorSize)
            writer.append(utf8: "EFI PART")
            writer.append(littleEndian: UInt32(0x0001_0000))
            writer.append(littleEndian: UInt32(92))
            writer.append(littleEndian: UInt32(0))
            writer.append(littleEndian: UInt32(0))
            for place in [own, other, firstUsableSector, sectors - tableSectors - 1] {
                writer.append(littleEndian: UInt64(place))
            }
            writer.append(stored(identifier))
            writer.append(littleEndian: UInt64(start))
            writer.append(littleEndian: UInt32(128))
            writer.append(littleEndian: UInt32(128))
            writer.append(littleEndian: checksum)
            let own = CRC32.of(writer.bytes)
            writer.overwrite(at: 16, littleEndian: own)
            writer.pad(to: sectorSize)
            return writer.bytes
        }
        let first =
            protective(bootCode, sectors: sectors) + header(at: 1, other: sectors - 1, table: 2) + table.bytes
        let last = table.bytes + header(at: sectors - 1, other: 1, table: sectors - tableSectors)
        return Ends(first: first, last: last)
    }

    private static func protective(_ bootCode: [UInt8], sectors: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: sectorSize)
        writer.append(bootCode.prefix(446))
        writer.append(repeating: 0, count: 446 - writer.count)
        // Not marked active: the specification asks for 0, and a BIOS that looks for a mark is rare.
        writer.append([0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF] as [UInt8])
        writer.append(littleEndian: UInt32(1))
        writer.append(littleEndian: UInt32(min(sectors - 1, Int(UInt32.max))))
        writer.append(repeating: 0, count: 48)
        writer.append([0x55, 0xAA] as [UInt8])
        return writer.bytes
    }

    /// The first three fields of a GUID are little-endian numbers.
    private static func stored(_ guid: [UInt8]) -> [UInt8] {
        [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map { guid[$0] }
    }
}
