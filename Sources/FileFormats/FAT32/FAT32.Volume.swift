import ByteCoding

extension FAT32 {
    /// The sums of one file system: how large its clusters are, and where what stands.
    struct Volume {
        var clusterSize: Int
        var clusterCount: Int
        var reservedSectors: Int
        /// Of one of the two tables.
        var tableSectors: Int
        var firstCluster: [Int] = []

        /// Where cluster 2 begins.
        var dataStart: Int { (reservedSectors + 2 * tableSectors) * FAT32.sector }

        func clusters(_ bytes: Int) -> Int { (bytes + clusterSize - 1) / clusterSize }

        /// The largest clusters of which there are enough: a firmware walks the table cluster by cluster.
        init(files: [File], directories: Int, alignment: Int) {
            let sizes = [32768, 16384, 8192, 4096, 2048, 1024].lazy.map {
                Volume(files: files, directories: directories, alignment: alignment, clusterSize: $0)
            }
            self =
                sizes.first { $0.clusterCount >= FAT32.fewestClusters }
                ?? Volume(files: files, directories: directories, alignment: alignment, clusterSize: FAT32.sector)
            clusterCount = max(clusterCount, FAT32.fewestClusters + 16)
            place(alignment)
        }

        private init(files: [File], directories: Int, alignment: Int, clusterSize: Int) {
            self.clusterSize = clusterSize
            reservedSectors = 32
            tableSectors = 0
            // The data begins at a multiple of the alignment (see `place`), so offsets in it decide.
            var offset = directories * clusterSize
            var places: [Int] = []
            for file in files {
                let step = max(alignment, clusterSize)
                offset = (offset + step - 1) / step * step
                places.append(2 + offset / clusterSize)
                offset += (file.size + clusterSize - 1) / clusterSize * clusterSize
            }
            firstCluster = places
            clusterCount = offset / clusterSize
        }

        private mutating func place(_ alignment: Int) {
            tableSectors = ((clusterCount + 2) * 4 + FAT32.sector - 1) / FAT32.sector
            let step = max(alignment, clusterSize) / FAT32.sector
            let end = 32 + 2 * tableSectors
            reservedSectors = 32 + (end + step - 1) / step * step - end
        }

        func bootSector(label: String, serial: UInt32, firstSector: Int) -> [UInt8] {
            var writer = ByteWriter(reservingCapacity: FAT32.sector)
            // A jump over what follows, then who made it; both are looked at by some readers.
            writer.append([0xEB, 0x58, 0x90] as [UInt8])
            writer.append(utf8: "BOOTFERR")
            writer.append(littleEndian: UInt16(FAT32.sector))
            writer.append(byte: UInt8(clusterSize / FAT32.sector))
            writer.append(littleEndian: UInt16(reservedSectors))
            writer.append(byte: 2)
            // Entries of FAT16's root directory, its number of sectors, a fixed disk, FAT16's table.
            writer.append([0, 0, 0, 0, 0xF8, 0, 0] as [UInt8])
            // A geometry that nothing uses any more.
            writer.append(littleEndian: UInt16(63))
            writer.append(littleEndian: UInt16(255))
            writer.append(littleEndian: UInt32(firstSector))
            writer.append(littleEndian: UInt32(dataStart / FAT32.sector + clusterCount * clusterSize / FAT32.sector))
            writer.append(littleEndian: UInt32(tableSectors))
            // Both tables are kept, version 0.0.
            writer.append(littleEndian: UInt32(0))
            // The root directory's cluster, FSInfo, the copies.
            writer.append(littleEndian: UInt32(2))
            writer.append(littleEndian: UInt16(1))
            writer.append(littleEndian: UInt16(6))
            writer.append(repeating: 0, count: 12)
            writer.append([0x80, 0, 0x29] as [UInt8])
            writer.append(littleEndian: serial)
            writer.append(FAT32.padded(label, to: 11))
            writer.append(utf8: "FAT32   ")
            // What a BIOS would run of it: say nothing, and give the next disk its turn.
            writer.append([0xCD, 0x18, 0xEB, 0xFE] as [UInt8])
            writer.append(repeating: 0, count: 510 - writer.count)
            writer.append([0x55, 0xAA] as [UInt8])
            return writer.bytes
        }
    }

    static func padded(_ text: String, to count: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(count))
        return bytes + [UInt8](repeating: 0x20, count: count - bytes.count)
    }
}
