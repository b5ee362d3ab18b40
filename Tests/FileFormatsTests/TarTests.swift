import FileFormats
import SeededRandomness
import Testing

struct TarTests {
    private static let members = [
        Tar.Member(name: "nar", size: 0, isDirectory: true), Tar.Member(name: "nix-cache-info", size: 1),
        Tar.Member(name: String(repeating: "n", count: 100), size: Tar.largestFile),
        Tar.Member(name: "bin/program", size: 2, isExecutable: true),
    ]

    @Test(arguments: members) func `a header is read as it was written`(member: Tar.Member) throws {
        let header = try Tar.header(of: member)
        #expect(header.count == Tar.blockSize)
        #expect(try Tar.member(header) == member)
    }

    @Test func `zeros end an archive`() throws {
        #expect(try Tar.member(Array(Tar.end.prefix(Tar.blockSize))) == nil)
    }

    @Test func `what the form cannot hold is refused`() {
        for member in [
            Tar.Member(name: "", size: 0), Tar.Member(name: String(repeating: "n", count: 101), size: 0),
            Tar.Member(name: "large", size: Tar.largestFile + 1),
        ] { #expect(throws: Tar.Malformed.self) { try Tar.header(of: member) } }
    }

    @Test func `every damaged header is refused, and none traps`() throws {
        var generator = SeededGenerator(seed: 51)
        let header = try Tar.header(of: Self.members[1])
        for count in 0..<Tar.blockSize {
            #expect(throws: Tar.Malformed.self) { try Tar.member(Array(header[..<count])) }
        }
        for place in header.indices {
            var damaged = header
            damaged[place] ^= UInt8.random(in: 1...255, using: &generator)
            // The checksum's own last two bytes say nothing.
            if place == 154 || place == 155 { continue }
            #expect(throws: Tar.Malformed.self, "byte \(place)") { try Tar.member(damaged) }
        }
    }
}
