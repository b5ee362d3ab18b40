import SeededRandomness
import Testing

@testable import FileFormats

@Suite struct NARTests {
    /// Every kind of node, the sizes around the padding, and a file larger than a chunk.
    static func sample() throws -> [UInt8] {
        var writer = [UInt8]()
        try write(sampleEvents) { writer += $0 }
        return writer
    }

    static let sampleEvents: [NAR.Event] =
        [.beginDirectory, .entry(name: Array("a".utf8)), .regular(isExecutable: false, size: 0)]
        + [7, 8, 9].flatMap { size -> [NAR.Event] in
            [
                .entry(name: Array("b\(size)".utf8)), .regular(isExecutable: size == 8, size: size),
                .content(ArraySlice(repeating: UInt8(size), count: size)),
            ]
        }
        + [
            .entry(name: Array("c".utf8)), .beginDirectory, .endDirectory, .entry(name: [0xff, 0xfe]),
            .symlink(target: Array("../x".utf8)), .endDirectory,
        ]

    static func write(_ events: [NAR.Event], to output: @escaping (UnsafeRawBufferPointer) -> Void) throws {
        var writer = NAR.Writer { output($0) }
        for event in events { try writer.write(event) }
        try writer.finish()
    }

    static func events(_ reader: NAR.Reader) throws -> [NAR.Event] {
        var reader = reader
        var events: [NAR.Event] = []
        while let event = try reader.next() { events.append(event) }
        return events
    }

    @Test func `a file's archive has nix's bytes`() throws {
        var bytes: [UInt8] = []
        try Self.write([.regular(isExecutable: false, size: 6), .content(Array("hello\n".utf8)[...])]) { bytes += $0 }
        func word(_ text: String) -> [UInt8] {
            [UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(text.utf8)
                + [UInt8](repeating: 0, count: (8 - text.utf8.count % 8) % 8)
        }
        let expected = ["nix-archive-1", "(", "type", "regular", "contents", "hello\n", ")"].flatMap(word)
        #expect(bytes == expected)
        #expect(bytes.count == 120)
    }

    @Test func `what is written is read as the same steps, from any size of chunk`() throws {
        let bytes = try Self.sample()
        for size in [1, 3, 8, 1000, 1 << 20] {
            var rest = bytes[...]
            let events = try Self.events(
                NAR.Reader { limit in
                    defer { rest = rest.dropFirst(min(size, limit)) }
                    return rest.prefix(min(size, limit))
                })
            #expect(Self.joined(events) == Self.sampleEvents, "chunks of \(size)")
        }
    }

    /// Joins the pieces of each file's content.
    static func joined(_ events: [NAR.Event]) -> [NAR.Event] {
        events.reduce(into: []) { joined, event in
            if case .content(let more) = event, case .content(let first)? = joined.last {
                joined[joined.count - 1] = .content(first + more)
            } else {
                joined.append(event)
            }
        }
    }

    @Test func `a large file passes through in chunks and its offset is known`() throws {
        let content = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        var bytes: [UInt8] = []
        var largest = 0
        var writer = NAR.Writer {
            bytes += $0
            largest = max(largest, $0.count)
        }
        try writer.write(.regular(isExecutable: true, size: content.count))
        let start = writer.offset
        for piece in stride(from: 0, to: content.count, by: 70_000) {
            try writer.write(.content(content[piece..<min(piece + 70_000, content.count)]))
        }
        try writer.finish()
        #expect(largest <= 1 << 17)
        #expect(bytes.count == writer.offset)
        #expect(Array(bytes[start..<start + content.count]) == content)
        let events = try Self.events(NAR.Reader(bytes))
        #expect(events.first == .regular(isExecutable: true, size: content.count))
    }

    @Test func `an archive cut short anywhere throws`() throws {
        let bytes = try Self.sample()
        for count in 0..<bytes.count {
            var reader = NAR.Reader(Array(bytes.prefix(count)))
            #expect(throws: NAR.Failure.self) { try reader.validate() }
        }
    }

    @Test func `a mutated archive throws or is read as what it then says, byte for byte`() throws {
        let bytes = try Self.sample()
        var random = SeededGenerator(seed: 1)
        for _ in 0..<5000 {
            var mutated = bytes
            for _ in 0...random.below(2) { mutated[random.below(mutated.count)] = UInt8(random.below(256)) }
            guard let events = try? Self.events(NAR.Reader(mutated)) else { continue }
            var again: [UInt8] = []
            try Self.write(events) { again += $0 }
            #expect(again == mutated)
        }
    }

    @Test(arguments: [
        ([".", "b"], "named '.'"), (["a/b"], "contains '/'"), ([""], "empty"), (["b", "a"], "sorted"),
        (["a", "a"], "unique"), ([String(repeating: "n", count: 256)], "at most 255"), (["a\0b"], "NUL"),
    ])
    func `a bad entry name is refused by writer and reader`(_ names: [String], _ message: String) throws {
        var writer = NAR.Writer { _ in }
        try writer.write(.beginDirectory)
        let error = #expect(throws: NAR.Failure.self) {
            for name in names {
                try writer.write(.entry(name: Array(name.utf8)))
                try writer.write(.regular(isExecutable: false, size: 0))
            }
        }
        #expect(error?.message.contains(message) == true)

        func word(_ text: String) -> [UInt8] {
            let count = text.utf8.count
            return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(text.utf8)
                + [UInt8](repeating: 0, count: (8 - count % 8) % 8)
        }
        var archive = ["nix-archive-1", "(", "type", "directory"].flatMap(word)
        for name in names {
            archive += ["entry", "(", "name", name, "node", "(", "type", "regular", "contents", "", ")", ")"].flatMap(
                word)
        }
        archive += word(")")
        var reader = NAR.Reader(archive)
        #expect(throws: NAR.Failure.self) { try reader.validate() }
    }

    @Test func `directories nested without end are refused`() throws {
        var writer = NAR.Writer { _ in }
        #expect(throws: NAR.Failure.self) {
            for _ in 0..<1000 {
                try writer.write(.beginDirectory)
                try writer.write(.entry(name: [65]))
            }
        }
    }

    @Test func `an enormous length is refused before memory is asked for`() throws {
        var bytes = try Self.sample()
        for i in 0..<8 { bytes[i] = 0xff }
        var reader = NAR.Reader(bytes)
        #expect(throws: NAR.Failure.self) { try reader.validate() }
    }

    @Test func `a writer whose walk breaks off or whose file is too long throws`() throws {
        var writer = NAR.Writer { _ in }
        #expect(throws: NAR.Failure.self) { try writer.finish() }
        try writer.write(.regular(isExecutable: false, size: 2))
        #expect(throws: NAR.Failure.self) { try writer.write(.content([1, 2, 3])) }
    }
}
