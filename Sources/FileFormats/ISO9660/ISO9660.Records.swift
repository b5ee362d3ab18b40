import ByteCoding

extension ISO9660 {
    /// A line of a directory.
    struct Entry {
        /// A file's with its version; `\0` for a directory itself, `\u{1}` for the one above.
        var name: String
        var sector: Int
        var size: Int
        var isDirectory = false

        /// A directory record (ECMA-119, 9.1).
        func record(named other: String? = nil) -> [UInt8] {
            let name = Array((other ?? self.name).utf8)
            var writer = ByteWriter(reservingCapacity: 64)
            // A record has an even number of bytes.
            writer.append(byte: UInt8(33 + name.count + (name.count & 1 == 0 ? 1 : 0)))
            writer.append(byte: 0)
            writer.appendBoth(UInt32(sector))
            writer.appendBoth(UInt32(size))
            writer.append([80, 1, 1, 0, 0, 0, 0] as [UInt8])
            writer.append(byte: isDirectory ? 2 : 0)
            writer.append([0, 0] as [UInt8])
            writer.appendBoth(UInt16(1))
            writer.append(byte: UInt8(name.count))
            writer.append(name)
            if name.count & 1 == 0 { writer.append(byte: 0) }
            return writer.bytes
        }
    }

    static func directory(_ own: Entry, in above: Entry, holding entries: [Entry]) throws(Unsuitable) -> [UInt8] {
        var bytes = own.record(named: "\0") + above.record(named: "\u{1}")
        for entry in entries.sorted(by: { $0.name < $1.name }) { bytes += entry.record() }
        guard bytes.count <= sectorSize else {
            throw Unsuitable(description: "\(entries.count) entries do not fit into a directory of one sector")
        }
        return padded(bytes)
    }

    /// The primary volume descriptor (ECMA-119, 8.4).
    static func descriptor(label: String, sectors: Int, pathTableSize: Int, tables: Int, root: Entry) -> [UInt8] {
        func text(_ text: String, _ count: Int) -> [UInt8] {
            let bytes = Array(text.utf8.prefix(count))
            return bytes + [UInt8](repeating: 0x20, count: count - bytes.count)
        }
        var writer = ByteWriter(reservingCapacity: sectorSize)
        writer.append(byte: 1)
        writer.append(utf8: "CD001")
        writer.append([1, 0] as [UInt8])
        writer.append(text("", 32))
        writer.append(text(label, 32))
        writer.append(repeating: 0, count: 8)
        writer.appendBoth(UInt32(sectors))
        writer.append(repeating: 0, count: 32)
        // One volume, the first of one; the size of a sector.
        writer.appendBoth(UInt16(1))
        writer.appendBoth(UInt16(1))
        writer.appendBoth(UInt16(sectorSize))
        writer.appendBoth(UInt32(pathTableSize))
        writer.append(littleEndian: UInt32(tables))
        writer.append(littleEndian: UInt32(0))
        writer.append(bigEndian: UInt32(tables + 1))
        writer.append(bigEndian: UInt32(0))
        writer.append(root.record())
        // Set, publisher, preparer, application, three files that may explain it.
        for (content, count) in [("", 128), ("", 128), ("", 128), ("BOOTFERRY", 128), ("", 37), ("", 37), ("", 37)] {
            writer.append(text(content, count))
        }
        for _ in 0..<4 {
            // No date: digits 0, and no distance from Greenwich.
            writer.append(utf8: "0000000000000000")
            writer.append(byte: 0)
        }
        writer.append(byte: 1)
        return padded(writer.bytes)
    }

    /// El Torito's boot record, which says where the catalogue is.
    static func bootRecord(catalogue: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: sectorSize)
        writer.append(byte: 0)
        writer.append(utf8: "CD001")
        writer.append(byte: 1)
        writer.append(utf8: "EL TORITO SPECIFICATION")
        writer.append(repeating: 0, count: 71 - writer.count)
        writer.append(littleEndian: UInt32(catalogue))
        return padded(writer.bytes)
    }

    /// Path tables of a root with one directory, for readers of either byte order (ECMA-119, 9.4).
    static func pathTables(
        folder: String, rootSector: Int, folderSector: Int
    ) -> (little: [UInt8], big: [UInt8]) {
        func table(_ number: (inout ByteWriter, Int, Bool) -> Void) -> [UInt8] {
            var writer = ByteWriter(reservingCapacity: 64)
            for (name, sector) in [("\0", rootSector), (folder, folderSector)] {
                writer.append([UInt8(name.utf8.count), 0])
                number(&writer, sector, true)
                // The number of the directory above: the root, which is its own.
                number(&writer, 1, false)
                writer.append(utf8: name)
                if name.utf8.count & 1 == 1 { writer.append(byte: 0) }
            }
            return writer.bytes
        }
        return (
            table { writer, value, isLong in
                if isLong {
                    writer.append(littleEndian: UInt32(value))
                } else {
                    writer.append(littleEndian: UInt16(value))
                }
            },
            table { writer, value, isLong in
                if isLong { writer.append(bigEndian: UInt32(value)) } else { writer.append(bigEndian: UInt16(value)) }
            }
        )
    }

    static func catalogueEntries(loaderSector: Int, boot: Boot) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: sectorSize)
        // Validation: for a BIOS, and a checksum that makes the sum of its 16 words 0.
        writer.append([1, 0, 0, 0] as [UInt8])
        writer.append(repeating: 0, count: 24)
        writer.append([0, 0, 0x55, 0xAA] as [UInt8])
        writer.overwrite(at: 28, littleEndian: UInt16(0) &- 1 &- 0xAA55)
        func entry(sectors: Int, at place: Int) {
            // Bootable, no emulation, at the usual segment.
            writer.append([0x88, 0, 0, 0, 0, 0] as [UInt8])
            writer.append(littleEndian: UInt16(sectors))
            writer.append(littleEndian: UInt32(place))
            writer.append(repeating: 0, count: 20)
        }
        // A BIOS loads four sectors of 512 bytes, and the loader the rest of itself.
        entry(sectors: 4, at: loaderSector)
        // The last section: one entry for UEFI.
        writer.append([0x91, 0xEF] as [UInt8])
        writer.append(littleEndian: UInt16(1))
        writer.append(repeating: 0, count: 28)
        // 0 says that it goes on to the end of the disc (UEFI 2.10, 13.3.2.1): 16 bits cannot say how long it is.
        entry(sectors: 0, at: boot.efiSector)
        return writer.bytes
    }
}

extension ByteWriter {
    /// A number in both byte orders, little-endian first (ECMA-119, 7.2.3 and 7.3.3).
    fileprivate mutating func appendBoth(_ value: some FixedWidthInteger) {
        append(littleEndian: value)
        append(bigEndian: value)
    }
}
