import SeededRandomness
import Testing

@testable import FileFormats

@Suite struct CPIOTests {
    static func archive(_ entries: [(CPIO.Entry, [UInt8])]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for (entry, contents) in entries {
            bytes += try CPIO.header(entry)
            bytes += contents
            bytes += CPIO.padding(after: contents.count)
        }
        return bytes + CPIO.end
    }

    static let sample: [(CPIO.Entry, [UInt8])] = [
        (.init(path: "a", type: .directory, permissions: 0o755, inode: 1, links: 2, modified: 315_532_800), []),
        (
            .init(
                path: "a/file", type: .file, permissions: 0o4755, owner: 1000, group: 65534, inode: 2, links: 2,
                size: 5), Array("hello".utf8)
        ),
        (.init(path: "a/same", type: .file, permissions: 0o4755, owner: 1000, group: 65534, inode: 2, links: 2), []),
        (.init(path: "l", type: .symbolicLink, permissions: 0o777, inode: 3, size: 6), Array("a/file".utf8)),
        (
            .init(
                path: "null", type: .characterDevice, permissions: 0o666, inode: 4, deviceMajor: 1, deviceMinor: 3), []
        ),
    ]

    @Test func `an entry has the bytes that the kernel's documentation lays out`() throws {
        let bytes = try CPIO.header(Self.sample[1].0)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "070701" + "00000002" + "000089ed" + "000003e8" + "0000fffe" + "00000002" + "00000000" + "00000005"
                + "00000000" + "00000000" + "00000000" + "00000000" + "00000007" + "00000000" + "a/file\0\0\0\0")
        #expect(CPIO.end.count == 124)
    }

    @Test func `an archive reads back as it was written`() throws {
        let bytes = try Self.archive(Self.sample)
        #expect(bytes.count % 4 == 0)
        var reader = CPIO.Reader(bytes)
        var found: [(CPIO.Entry, [UInt8])] = []
        while let (entry, contents) = try reader.next() { found.append((entry, Array(contents))) }
        #expect(found.map(\.0) == Self.sample.map(\.0))
        #expect(found.map(\.1) == Self.sample.map(\.1))
        #expect(reader.endOffset == bytes.count)
    }

    @Test func `an archive cut off anywhere throws and never traps`() throws {
        let bytes = try Self.archive(Self.sample)
        for count in 0..<(bytes.count - 3) {
            #expect(throws: CPIO.Fault.self) {
                var reader = CPIO.Reader(Array(bytes[..<count]))
                while try reader.next() != nil {}
            }
        }
    }

    @Test func `altered bytes throw or read, and never trap`() throws {
        let bytes = try Self.archive(Self.sample)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<5000 {
            var altered = bytes
            for _ in 0..<3 {
                altered[Int.random(in: altered.indices, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            var reader = CPIO.Reader(altered)
            do { while try reader.next() != nil {} } catch {}
        }
    }

    @Test func `a file of 4 GiB and a name too long are refused`() throws {
        #expect(throws: CPIO.Fault.tooLarge(path: "big", size: 1 << 32)) {
            try CPIO.header(.init(path: "big", type: .file, permissions: 0o644, inode: 1, size: 1 << 32))
        }
        let long = String(repeating: "n", count: 4096)
        #expect(throws: CPIO.Fault.unsuitableName(long)) {
            try CPIO.header(.init(path: long, type: .file, permissions: 0o644, inode: 1))
        }
    }
}
