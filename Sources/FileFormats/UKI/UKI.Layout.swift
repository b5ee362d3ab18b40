import ByteCoding

extension UKI {
    /// Lays a UKI out.
    ///
    /// - Parameters:
    ///   - stub: The stub's first bytes, at least all its headers (4 KiB is enough for every stub known).
    ///   - stubSize: Bytes of the whole stub.
    ///   - sections: What to add, in this order.
    ///   - alignment: Of each section's place in the file, where that should be coarser than the stub's own.
    /// - Throws: `PE.Malformed` for a stub that is none, a section name over 8 bytes or already there, or an image
    ///   over the 4 GiB that PE can address.
    public static func layout(
        stub: [UInt8], stubSize: Int, sections: [Section], alignment: Int = 1
    ) throws(PE.Malformed) -> Layout {
        var headers = try PE.Headers.read(stub)
        try check(sections, against: headers, stubSize: stubSize)
        let tableEnd =
            headers.sectionTableOffset
            + (headers.sections.count + sections.count) * PE.Headers.sectionHeaderSize
        let fileAlignment = Int(headers.fileAlignment)
        let headersSize = align(tableEnd, fileAlignment)
        let firstAddress = headers.sections.map(\.virtualAddress).min() ?? headers.sectionAlignment
        guard headersSize <= Int(firstAddress) else {
            throw PE.Malformed(
                description:
                    "no room for \(sections.count) more sections: the headers would take \(headersSize) bytes, "
                    + "and the first section is loaded at \(firstAddress)")
        }
        var pieces: [Piece] = []
        var offset = headersSize
        for index in headers.sections.indices where headers.sections[index].rawSize > 0 {
            let old = Int(headers.sections[index].rawOffset)
            let size = Int(headers.sections[index].rawSize)
            pieces.append(.stub(old..<old + size))
            headers.sections[index].rawOffset = UInt32(offset)
            offset = pad(&pieces, after: offset + size, to: fileAlignment)
        }
        var address = headers.sections.map { Int($0.virtualAddress) + Int(max($0.virtualSize, $0.rawSize)) }.max() ?? 0
        for (index, section) in sections.enumerated() {
            address = align(address, Int(headers.sectionAlignment))
            offset = pad(&pieces, after: offset, to: max(fileAlignment, alignment))
            let rawSize = align(section.size, fileAlignment)
            guard address + rawSize <= Int(UInt32.max) - Int(headers.sectionAlignment),
                offset + rawSize <= Int(UInt32.max)
            else {
                throw PE.Malformed(description: "with section \"\(section.name)\" it is over the 4 GiB PE can hold")
            }
            pieces.append(.payload(section: index))
            headers.sections.append(
                PE.Section(
                    name: section.name, virtualSize: UInt32(section.size), virtualAddress: UInt32(address),
                    rawSize: UInt32(rawSize), rawOffset: UInt32(offset),
                    characteristics: initialisedData | readable))
            offset = pad(&pieces, after: offset + section.size, to: fileAlignment)
            address += max(section.size, 1)
        }
        headers.headersSize = UInt32(headersSize)
        headers.imageSize = UInt32(align(address, Int(headers.sectionAlignment)))
        var literal = rewritten(stub, headers)
        literal += [UInt8](repeating: 0, count: headersSize - literal.count)
        return Layout(pieces: [.literal(literal)] + pieces, size: offset, headers: headers)
    }

    private static let initialisedData: UInt32 = 0x0000_0040
    private static let readable: UInt32 = 0x4000_0000

    private static func check(
        _ sections: [Section], against headers: PE.Headers, stubSize: Int
    ) throws(PE.Malformed) {
        for section in headers.sections where section.rawSize > 0 {
            guard Int(section.rawOffset) + Int(section.rawSize) <= stubSize else {
                throw PE.Malformed(
                    description: "section \"\(section.name)\" ends after the stub's \(stubSize) bytes")
            }
            guard UInt64(section.virtualAddress) + UInt64(max(section.virtualSize, section.rawSize)) <= UInt32.max
            else { throw PE.Malformed(description: "section \"\(section.name)\" is loaded beyond 4 GiB") }
        }
        var names = Set(headers.sections.map(\.name))
        for section in sections {
            guard (1...8).contains(section.name.utf8.count), names.insert(section.name).inserted else {
                throw PE.Malformed(description: "section \"\(section.name)\" has no usable name or is there already")
            }
            guard (0...Int(UInt32.max)).contains(section.size) else {
                throw PE.Malformed(description: "section \"\(section.name)\" of \(section.size) bytes is over 4 GiB")
            }
        }
        guard headers.sections.count + sections.count <= PE.Headers.maximumSections else {
            throw PE.Malformed(description: "\(headers.sections.count + sections.count) sections are too many")
        }
    }

    /// The headers' bytes with the new section table and the fields that changed.
    private static func rewritten(_ stub: [UInt8], _ headers: PE.Headers) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(stub.prefix(headers.sectionTableOffset))
        let coff = headers.coffOffset
        let optional = headers.optionalOffset
        writer.overwrite(at: coff + 2, littleEndian: UInt16(headers.sections.count))
        // The symbol table's offset and count: symbols are of no use to firmware and their place has moved.
        writer.overwrite(at: coff + 8, littleEndian: UInt64(0))
        let data = headers.sections.filter { $0.characteristics & initialisedData != 0 }
        writer.overwrite(
            at: optional + 8, littleEndian: UInt32(truncatingIfNeeded: data.reduce(0) { $0 + Int($1.rawSize) }))
        writer.overwrite(at: optional + 56, littleEndian: headers.imageSize)
        writer.overwrite(at: optional + 60, littleEndian: headers.headersSize)
        writer.overwrite(at: optional + 64, littleEndian: UInt32(0))
        // Entry 4 is the certificate table, a file offset; entry 6, debug data, holds file offsets too.
        for entry in [4, 6] where entry < headers.directoryCount {
            writer.overwrite(at: optional + 112 + entry * 8, littleEndian: UInt64(0))
        }
        for section in headers.sections {
            let name = Array(section.name.utf8.prefix(8))
            writer.append(name + [UInt8](repeating: 0, count: 8 - name.count))
            for value in [section.virtualSize, section.virtualAddress, section.rawSize, section.rawOffset] {
                writer.append(littleEndian: value)
            }
            // Relocations and line numbers of object files: none.
            writer.append([UInt8](repeating: 0, count: 12))
            writer.append(littleEndian: section.characteristics)
        }
        return writer.bytes
    }

    /// Pads with zeros and returns where the next piece starts.
    private static func pad(_ pieces: inout [Piece], after end: Int, to alignment: Int) -> Int {
        let next = align(end, alignment)
        if next > end { pieces.append(.zeros(next - end)) }
        return next
    }

    private static func align(_ value: Int, _ alignment: Int) -> Int { (value + alignment - 1) / alignment * alignment }
}
