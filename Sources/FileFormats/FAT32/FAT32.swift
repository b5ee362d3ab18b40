import ByteCoding

/// A FAT32 file system (Microsoft's FAT specification 1.03; ECMA-107 for names), written only, in sectors of 512 bytes.
///
/// Layout: 32 or more reserved sectors, with the boot sector (0), FSInfo (1) and their copies (6, 7); two allocation tables; then
/// clusters: the directories first, then each file in one piece. Names are 8.3 in upper case. Every date is 1980-01-01, the
/// first there is. What files hold is not touched: the layout says where each one's bytes go.
public enum FAT32 {
    /// What does not fit into the format.
    public struct Unsuitable: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public struct File: Equatable, Sendable {
        /// Folders and name, such as `EFI/BOOT/BOOTX64.EFI`.
        public var path: String
        public var size: Int

        public init(path: String, size: Int) {
            self.path = path
            self.size = size
        }
    }

    public struct Layout: Equatable, Sendable {
        /// From the first byte of the file system to where the first file may begin.
        public var head: [UInt8]
        /// Offset of each file, in the order given and ascending.
        public var offsets: [Int]
        /// Bytes in all; zeros where nothing else stands.
        public var size: Int
    }

    static let sector = 512
    /// A file's size has 32 bits.
    public static let largestFile = Int(UInt32.max)
    /// Fewer clusters would make it FAT16 to every reader (specification, "FAT type determination").
    static let fewestClusters = 65525
    static let mostClusters = 0x0FFF_FFF4
    private static let endOfChain: UInt32 = 0x0FFF_FFFF

    /// - Parameters:
    ///   - label: at most 11 letters.
    ///   - firstSector: of the partition on its disk.
    ///   - alignment: of each file's place in the file system; a power of two of at least 512.
    public static func layout(
        files: [File], label: String, serial: UInt32, firstSector: Int, alignment: Int
    ) throws(Unsuitable) -> Layout {
        for file in files where file.size > largestFile {
            throw Unsuitable(
                description: "'\(file.path)' of \(file.size) bytes: no file of FAT32 may have more than \(largestFile)")
        }
        let tree = try Tree(files)
        let volume = Volume(files: files, directories: tree.directories.count, alignment: alignment)
        guard volume.clusterCount <= mostClusters else {
            throw Unsuitable(description: "\(volume.clusterCount) clusters are more than FAT32 can number")
        }
        var table = [UInt32](repeating: 0, count: volume.clusterCount + 2)
        table[0] = 0x0FFF_FFF8
        table[1] = endOfChain
        for index in tree.directories.indices { table[2 + index] = endOfChain }
        for (index, file) in files.enumerated() where file.size > 0 {
            let first = volume.firstCluster[index]
            let count = volume.clusters(file.size)
            for cluster in first..<first + count - 1 { table[cluster] = UInt32(cluster + 1) }
            table[first + count - 1] = endOfChain
        }
        let free = table.lazy.filter { $0 == 0 }.count
        var head = ByteWriter(reservingCapacity: volume.dataStart + tree.directories.count * volume.clusterSize)
        let boot = volume.bootSector(label: label, serial: serial, firstSector: firstSector)
        let note = Self.note(free: free, next: (table.lastIndex { $0 != 0 } ?? 1) + 1)
        var reserved = [UInt8](repeating: 0, count: volume.reservedSectors * sector)
        for (place, bytes) in [(0, boot), (1, note), (6, boot), (7, note)] {
            reserved.replaceSubrange(place * sector..<(place + 1) * sector, with: bytes)
        }
        // The third of the boot sectors has only its mark.
        for place in [2, 8] {
            reserved.replaceSubrange(place * sector + 510..<(place + 1) * sector, with: [0x55, 0xAA])
        }
        head.append(reserved)
        for _ in 0..<2 {
            for entry in table { head.append(littleEndian: entry) }
            head.append(repeating: 0, count: volume.tableSectors * sector - table.count * 4)
        }
        for bytes in try tree.contents(label: label, files: files, volume: volume) { head.append(bytes) }
        return Layout(
            head: head.bytes,
            offsets: volume.firstCluster.map { volume.dataStart + ($0 - 2) * volume.clusterSize },
            size: volume.dataStart + volume.clusterCount * volume.clusterSize)
    }

    /// FSInfo: how many clusters are free, and from which on to look for one.
    private static func note(free: Int, next: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: sector)
        writer.append(utf8: "RRaA")
        writer.append(repeating: 0, count: 480)
        writer.append(utf8: "rrAa")
        writer.append(littleEndian: UInt32(free))
        writer.append(littleEndian: UInt32(free == 0 ? Int(UInt32.max) : next))
        writer.append(repeating: 0, count: 14)
        writer.append([0x55, 0xAA] as [UInt8])
        return writer.bytes
    }
}
