import FileFormats
import SeededRandomness
import Testing

@testable import StoreModel

/// The stream that nix 2.8 wrote of three objects, and what may be wrong with one.
@Suite struct NixExportTests {
    private let stream: [UInt8]

    init() throws { stream = try bytes(base64: Vectors.load().exportStream) }

    /// Reads a stream to its end in pieces of at most `pieceCount`; each object's archive is copied step by step.
    private func read(_ bytes: [UInt8], pieceCount: Int = 1 << 16) throws -> [(
        archive: [UInt8], claim: NixExport.Claim
    )] {
        var rest = bytes[...]
        var reader = NixExport.Reader { limit in
            defer { rest = rest.dropFirst(min(limit, pieceCount)) }
            return rest.prefix(min(limit, pieceCount))
        }
        var objects: [(archive: [UInt8], claim: NixExport.Claim)] = []
        while try reader.beginObject() {
            var archive: [UInt8] = []
            var writer = NAR.Writer { archive += $0 }
            try reader.readArchive { try writer.write($0) }
            try writer.finish()
            objects.append((archive, try reader.endObject()))
        }
        try reader.finish()
        #expect(reader.offset == bytes.count)
        return objects
    }

    @Test(arguments: [1, 7, 100, 1 << 16])
    func `nix's stream is read and written back byte for byte`(pieceCount: Int) throws {
        let objects = try read(stream, pieceCount: pieceCount)
        #expect(objects.map(\.claim.path.name) == ["data", "libfoo-1.0", "app-1.0"])
        #expect(objects.map(\.claim.references.count) == [0, 2, 3])
        #expect(objects.allSatisfy { $0.claim.deriver == nil })
        let copy = objects.flatMap { NixExport.objectMark + $0.archive + $0.claim.bytes } + NixExport.end
        #expect(copy == stream)
        #expect(NixExport.isBegun(by: Array(stream.prefix(NixExport.beginningCount))))
    }

    @Test func `a stream of nothing is one, and other files are none`() throws {
        #expect(try read(NixExport.end).isEmpty)
        #expect(NixExport.isBegun(by: NixExport.end))
        #expect(!NixExport.isBegun(by: [UInt8](repeating: 0, count: NixExport.beginningCount)))
        #expect(!NixExport.isBegun(by: []))
        #expect(!NixExport.isBegun(by: Array(stream.dropFirst(8).prefix(NixExport.beginningCount))))
    }

    @Test func `a deriver is kept, and an old nix's signature passed over`() throws {
        let objects = try read(stream)
        var claim = objects[0].claim
        claim.deriver = try StorePath(baseName: "\(String(repeating: "1", count: 32))-data.drv")
        let object = NixExport.objectMark + objects[0].archive
        #expect(try read(object + claim.bytes + NixExport.end).map(\.claim) == [claim])
        let signed =
            claim.bytes.dropLast(8) + [1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 115, 105, 103, 0, 0, 0, 0, 0]
        #expect(try read(object + signed + NixExport.end).map(\.claim) == [claim])
    }

    @Test func `a stream that is cut off anywhere is refused`() throws {
        for count in 0..<stream.count {
            #expect(throws: StoreModelError.self, "at \(count)") { try read(Array(stream.prefix(count))) }
        }
    }

    @Test func `what no nix writes is refused by its byte`() throws {
        func fault(_ change: (inout [UInt8]) -> Void) -> String {
            var bytes = stream
            change(&bytes)
            let error = #expect(throws: StoreModelError.self) { try read(bytes) }
            return error?.description ?? ""
        }
        #expect(fault { $0[0] = 2 } == "export stream, byte 8: expected a further object (1) or the end (0), found 2")
        #expect(fault { $0.append(0) }.contains("behind the stream's end"))
        let magic = try #require(stream.indices.first { stream[$0...].starts(with: Array("NIXE".utf8)) })
        #expect(fault { $0[magic] = 0 }.contains("expected 'NIXE' behind an archive"))
        #expect(fault { $0[magic + 8 + 7] = 0x7f }.contains("a text has at most 255 bytes"))
        #expect(fault { $0[magic + 16] = 0x2e }.contains("is not in /nix/store"))
    }

    @Test func `bytes changed at random never trap`() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            var bytes = stream
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? read(bytes)
        }
    }
}
