import ByteCoding

/// An ISO 9660 file system (ECMA-119, level 1 names) with an El Torito boot catalogue (version 1.0, and UEFI 2.10, section
/// 13.3.2), written only, in sectors of 2,048 bytes.
///
/// Layout from sector 16, the first that is its own: primary volume descriptor; boot record; terminator; two path tables, the
/// root directory, one directory; the catalogue; then the files whose bytes are given, each from a sector of its own. Other files
/// lie wherever on the disk the caller says: a partition's files may be this file system's as well. Every date is 1980-01-01.
public enum ISO9660 {
    /// What does not fit into the format.
    public struct Unsuitable: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public struct File: Equatable, Sendable {
        public enum Content: Equatable, Sendable {
            case bytes([UInt8])
            /// Bytes that are on the disk already, from this sector of 2,048 bytes on.
            case elsewhere(sector: Int, size: Int)
        }

        /// Of the form 8.3, in upper case.
        public var name: String
        public var content: Content

        public init(name: String, content: Content) {
            self.name = name
            self.content = content
        }

        var size: Int {
            switch content {
            case .bytes(let bytes): bytes.count
            case .elsewhere(_, let size): size
            }
        }
    }

    /// What a firmware that boots from a disc is to start.
    public struct Boot: Equatable, Sendable {
        /// The name of the boot loader in the directory: what a BIOS loads. Its boot information table is filled in.
        public var loader: String
        /// Where a FAT file system for UEFI begins: its sector.
        public var efiSector: Int

        public init(loader: String, efiSector: Int) {
            self.loader = loader
            self.efiSector = efiSector
        }
    }

    public struct Layout: Equatable, Sendable {
        /// From sector 16 on.
        public var bytes: [UInt8]
        /// The sector of the boot loader.
        public var loaderSector: Int
    }

    public static let sectorSize = 2048
    public static let firstSector = 16
    /// A file's size has 32 bits, and there are no pieces in level 1.
    public static let largestFile = Int(UInt32.max)

    /// - Parameters:
    ///   - label: at most 32 letters, digits and `_`.
    ///   - sectors: of the whole disk.
    ///   - root: files of the root directory.
    ///   - folder: the one directory's name, and its files.
    public static func layout(
        label: String, sectors: Int, root: [File], folder: (name: String, files: [File]), boot: Boot
    ) throws(Unsuitable) -> Layout {
        for file in root + folder.files where file.size > largestFile {
            throw Unsuitable(
                description:
                    "'\(file.name)' of \(file.size) bytes: no file of ISO 9660 may have more than \(largestFile)")
        }
        guard sectors <= Int(UInt32.max) else {
            throw Unsuitable(description: "\(sectors) sectors are more than ISO 9660 can number")
        }
        // Descriptors, path tables, root, folder, catalogue.
        let (tables, rootSector, folderSector, catalogue) = (19, 21, 22, 23)
        var next = 24
        var data = ByteWriter()
        var places: [String: Int] = [:]
        func placed(_ file: File) -> Entry {
            guard case .bytes(let bytes) = file.content else {
                if case .elsewhere(let sector, let size) = file.content {
                    return Entry(name: file.name + ";1", sector: sector, size: size)
                }
                return Entry(name: file.name + ";1", sector: 0, size: 0)
            }
            let start = next
            places[file.name] = start
            data.append(file.name == boot.loader ? Self.informed(bytes, at: start) : bytes)
            data.pad(to: sectorSize)
            next += (bytes.count + sectorSize - 1) / sectorSize
            return Entry(name: file.name + ";1", sector: start, size: bytes.count)
        }
        let inFolder = folder.files.map(placed)
        let inRoot = root.map(placed)
        guard let loaderSector = places[boot.loader] else {
            throw Unsuitable(description: "the boot loader '\(boot.loader)' is not among the files")
        }
        let rootEntry = Entry(name: "\0", sector: rootSector, size: sectorSize, isDirectory: true)
        let folderEntry = Entry(name: folder.name, sector: folderSector, size: sectorSize, isDirectory: true)
        let pathTable = Self.pathTables(folder: folder.name, rootSector: rootSector, folderSector: folderSector)
        var writer = ByteWriter()
        writer.append(
            descriptor(
                label: label, sectors: sectors, pathTableSize: pathTable.little.count, tables: tables, root: rootEntry))
        writer.append(bootRecord(catalogue: catalogue))
        writer.append(padded([0xFF] + Array("CD001".utf8) + [1]))
        writer.append(padded(pathTable.little))
        writer.append(padded(pathTable.big))
        writer.append(try directory(rootEntry, in: rootEntry, holding: inRoot + [folderEntry]))
        writer.append(try directory(folderEntry, in: rootEntry, holding: inFolder))
        writer.append(padded(catalogueEntries(loaderSector: loaderSector, boot: boot)))
        writer.append(data.bytes)
        return Layout(bytes: writer.bytes, loaderSector: loaderSector)
    }

    static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: -bytes.count & (sectorSize - 1))
    }

    /// The loader's boot information table (mkisofs's `-boot-info-table`): 56 bytes from its byte 8 on.
    private static func informed(_ loader: [UInt8], at sector: Int) -> [UInt8] {
        guard loader.count >= 64 else { return loader }
        var sum: UInt32 = 0
        for start in stride(from: 64, to: loader.count, by: 4) {
            var word: UInt32 = 0
            for (index, byte) in loader[start..<min(start + 4, loader.count)].enumerated() {
                word |= UInt32(byte) << (8 * index)
            }
            sum &+= word
        }
        var writer = ByteWriter(reservingCapacity: loader.count)
        writer.append(loader)
        writer.overwrite(at: 8, littleEndian: UInt32(firstSector))
        writer.overwrite(at: 12, littleEndian: UInt32(sector))
        writer.overwrite(at: 16, littleEndian: UInt32(loader.count))
        writer.overwrite(at: 20, littleEndian: sum)
        for place in stride(from: 24, to: 64, by: 4) { writer.overwrite(at: place, littleEndian: UInt32(0)) }
        return writer.bytes
    }
}
