import ByteCoding

extension NAR {
    /// Reads an archive from a source of bytes and gives its steps, checking all the format demands.
    ///
    /// Memory: one chunk. Throws `NAR.Failure` for anything the writer would not write, wherever the source ends early, and
    /// what the source throws. A file's content comes in pieces of at most 64 KiB, never empty.
    public struct Reader {
        /// Gives between 1 and `limit` further bytes, or none at the end.
        public typealias Source = (_ limit: Int) throws -> ArraySlice<UInt8>

        private let source: Source
        private var buffer: ArraySlice<UInt8> = []
        private var walk = Walk()
        private var isStarted = false
        /// Zeros after the current file's content.
        private var contentPadding = 0

        /// Bytes of the archive read so far.
        public private(set) var offset = 0

        /// What was taken from the source in a chunk and not read: after the archive's end, what stands behind it.
        public var unread: ArraySlice<UInt8> { buffer }

        private static let chunkCount = 1 << 16

        public init(source: @escaping Source) { self.source = source }

        /// Reads an archive in memory.
        public init(_ bytes: [UInt8]) {
            var rest = bytes[...]
            self.init { limit in
                defer { rest = rest.dropFirst(limit) }
                return rest.prefix(limit)
            }
        }

        /// The next step, or nil after the archive's end; bytes after that are left in the source, except those already taken
        /// in a chunk.
        public mutating func next() throws -> Event? {
            if !isStarted {
                isStarted = true
                try expect(NAR.magic)
            }
            let event: Event
            switch walk.expectation {
            case .nothing: return nil
            case .content(let remaining): event = .content(try take(upTo: remaining))
            case .entryOrEnd:
                if try tag(limit: 8) == "entry" {
                    try expect("(")
                    try expect("name")
                    event = .entry(name: try string(limit: NAR.maximumNameCount))
                    try expect("node")
                } else {
                    event = .endDirectory
                }
            case .node: event = try node()
            }
            if let fault = walk.advance(event) { throw failure(fault) }
            try closeNode(after: event)
            return event
        }

        /// Reads to the end, checking only.
        public mutating func validate() throws {
            while try next() != nil {}
        }

        private mutating func node() throws -> Event {
            try expect("(")
            try expect("type")
            switch try tag(limit: 16) {
            case "regular":
                var word = try tag(limit: 16)
                let isExecutable = word == "executable"
                if isExecutable {
                    try expect("")
                    word = try tag(limit: 16)
                }
                guard word == "contents" else { throw failure("expected 'contents', found '\(word)'") }
                let size = try length(limit: Int.max - 8)
                contentPadding = NAR.padding(of: size)
                return .regular(isExecutable: isExecutable, size: size)
            case "symlink":
                try expect("target")
                return .symlink(target: try string(limit: NAR.maximumTargetCount))
            case "directory": return .beginDirectory
            case let other: throw failure("expected 'regular', 'symlink' or 'directory', found '\(other)'")
            }
        }

        /// Reads the `)` of a node that is whole, and that of the entry around it.
        private mutating func closeNode(after event: Event) throws {
            switch event {
            case .beginDirectory, .entry: return
            case .regular, .content:
                if case .content = walk.expectation { return }
                try zeros(contentPadding)
                contentPadding = 0
                try expect(")")
            case .symlink: try expect(")")
            // The directory's own `)` was the tag that ended its entries.
            case .endDirectory: break
            }
            if case .nothing = walk.expectation { return }
            try expect(")")
        }

        /// A word of the grammar inside a directory: `entry`, or the `)` that ends it.
        private mutating func tag(limit: Int) throws -> String {
            let word = String(decoding: try string(limit: limit), as: UTF8.self)
            if case .entryOrEnd = walk.expectation, word != "entry", word != ")" {
                throw failure("expected 'entry' or ')', found '\(word)'")
            }
            return word
        }

        private mutating func expect(_ word: String) throws {
            let found = try string(limit: 16)
            guard found.elementsEqual(word.utf8) else {
                throw failure("expected '\(word)', found '\(String(decoding: found, as: UTF8.self))'")
            }
        }

        private mutating func string(limit: Int) throws -> [UInt8] {
            let count = try length(limit: limit)
            var bytes: [UInt8] = []
            while bytes.count < count { bytes += try take(upTo: count - bytes.count) }
            try zeros(NAR.padding(of: count))
            return bytes
        }

        private mutating func length(limit: Int) throws -> Int {
            var bytes: [UInt8] = []
            while bytes.count < 8 { bytes += try take(upTo: 8 - bytes.count) }
            var reader = ByteReader(bytes)
            let count = try reader.readLittleEndian(UInt64.self)
            guard count <= UInt64(limit) else { throw failure("a length is at most \(limit), found \(count)") }
            return Int(count)
        }

        private mutating func zeros(_ count: Int) throws {
            var left = count
            while left > 0 {
                let bytes = try take(upTo: left)
                guard bytes.allSatisfy({ $0 == 0 }) else { throw failure("padding is not zero") }
                left -= bytes.count
            }
        }

        /// At least one byte.
        private mutating func take(upTo limit: Int) throws -> ArraySlice<UInt8> {
            if buffer.isEmpty { buffer = try source(Reader.chunkCount) }
            guard !buffer.isEmpty else { throw failure("the archive ends early") }
            let taken = buffer.prefix(min(limit, Reader.chunkCount))
            buffer = buffer.dropFirst(taken.count)
            offset += taken.count
            return taken
        }

        private func failure(_ message: String) -> Failure { Failure(offset: offset, message) }
    }
}
