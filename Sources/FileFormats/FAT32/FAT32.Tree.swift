import ByteCoding

extension FAT32 {
    /// The directories of a file system: each takes one cluster, the root the first.
    struct Tree {
        /// Paths; the root's is empty. A directory stands after the one that holds it.
        var directories: [String] = [""]

        /// - Throws: `Unsuitable` for a name that is not 8.3 in upper case, and one that is there twice.
        init(_ files: [File]) throws(Unsuitable) {
            var seen: Set<String> = []
            for file in files {
                let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
                for part in parts { _ = try Self.shortName(String(part)) }
                guard seen.insert(file.path).inserted else {
                    throw Unsuitable(description: "'\(file.path)' is there twice")
                }
                for count in 1..<max(1, parts.count) {
                    let folder = parts.prefix(count).joined(separator: "/")
                    if !directories.contains(folder) { directories.append(folder) }
                }
            }
        }

        /// The name's 11 bytes.
        static func shortName(_ name: String) throws(Unsuitable) -> [UInt8] {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            let isGood =
                (1...2).contains(parts.count) && (1...8).contains(parts[0].utf8.count)
                && (parts.count == 1 || (1...3).contains(parts[1].utf8.count))
                && parts.allSatisfy { part in
                    part.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
                }
            guard isGood else {
                throw Unsuitable(description: "'\(name)' is no name of the form 8.3 in upper-case letters and digits")
            }
            return FAT32.padded(String(parts[0]), to: 8) + FAT32.padded(parts.count == 2 ? String(parts[1]) : "", to: 3)
        }

        /// Each directory's cluster.
        func contents(label: String, files: [File], volume: Volume) throws(Unsuitable) -> [[UInt8]] {
            var clusters: [[UInt8]] = []
            for (index, directory) in directories.enumerated() {
                var writer = ByteWriter(reservingCapacity: volume.clusterSize)
                if directory.isEmpty {
                    Self.append(to: &writer, FAT32.padded(label, to: 11), isDirectory: nil, cluster: 0, size: 0)
                } else {
                    let above = directories.firstIndex(of: Self.folder(of: directory)) ?? 0
                    Self.append(
                        to: &writer, FAT32.padded(".", to: 11), isDirectory: true, cluster: 2 + index, size: 0)
                    // The root is cluster 0 to those in it.
                    Self.append(
                        to: &writer, FAT32.padded("..", to: 11), isDirectory: true, cluster: above == 0 ? 0 : 2 + above,
                        size: 0)
                }
                for (place, inner) in directories.enumerated() where place > 0 && Self.folder(of: inner) == directory {
                    Self.append(
                        to: &writer, try Self.shortName(Self.name(of: inner)), isDirectory: true, cluster: 2 + place,
                        size: 0)
                }
                for (place, file) in files.enumerated() where Self.folder(of: file.path) == directory {
                    Self.append(
                        to: &writer, try Self.shortName(Self.name(of: file.path)), isDirectory: false,
                        cluster: file.size == 0 ? 0 : volume.firstCluster[place], size: file.size)
                }
                guard writer.count <= volume.clusterSize else {
                    throw Unsuitable(description: "'/\(directory)' has too many entries for one cluster")
                }
                writer.append(repeating: 0, count: volume.clusterSize - writer.count)
                clusters.append(writer.bytes)
            }
            return clusters
        }

        private static func folder(of path: String) -> String {
            path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        }

        private static func name(of path: String) -> String {
            path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
        }

        /// 32 bytes; nil for the volume's label.
        private static func append(
            to writer: inout ByteWriter, _ name: [UInt8], isDirectory: Bool?, cluster: Int, size: Int
        ) {
            // 1980-01-01.
            let date: UInt16 = 0x0021
            writer.append(name)
            writer.append(byte: isDirectory.map { $0 ? 0x10 : 0x20 } ?? 0x08)
            writer.append([0, 0, 0, 0] as [UInt8])
            writer.append(littleEndian: date)
            writer.append(littleEndian: date)
            writer.append(littleEndian: UInt16(cluster >> 16))
            writer.append(littleEndian: UInt16(0))
            writer.append(littleEndian: date)
            writer.append(littleEndian: UInt16(cluster & 0xFFFF))
            writer.append(littleEndian: UInt32(size))
        }
    }
}
