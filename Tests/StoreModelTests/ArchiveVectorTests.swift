import FileFormats
import Testing

@testable import StoreModel

@Suite struct ArchiveVectorTests {
    @Test func `every archive nix wrote is read and written back byte for byte`() throws {
        let vectors = try Vectors.load()
        let archives =
            vectors.nar.map(\.b64) + vectors.contentAddressed.flatMap { [$0.oldArchive, $0.newArchive] }
        #expect(archives.count == 8)
        for archive in archives {
            let original = try bytes(base64: archive)
            var copy: [UInt8] = []
            var reader = NAR.Reader(original)
            var writer = NAR.Writer { copy += $0 }
            while let event = try reader.next() { try writer.write(event) }
            try writer.finish()
            #expect(copy == original)
            #expect(reader.offset == original.count)
        }
    }
}
