import ByteCoding

extension NAR {
    /// Writes an archive from the steps of a walk, in chunks to a closure.
    ///
    /// Memory: one chunk. Steps that would not make a valid archive (unsorted names, a size not kept) throw. The subset
    /// written is all of the format. Call `finish()` at the end.
    public struct Writer {
        private let emit: (UnsafeRawBufferPointer) throws -> Void
        private var walk = Walk()
        private var pending = ByteWriter(reservingCapacity: chunkCount)
        private var emitted = 0
        private var padding = 0

        private static let chunkCount = 1 << 16

        /// `emit` gets each chunk once, in order; the buffer is only good during the call.
        public init(emit: @escaping (UnsafeRawBufferPointer) throws -> Void) {
            self.emit = emit
            string(NAR.magic)
        }

        /// Bytes of the archive so far: the offset of whatever is written next.
        public var offset: Int { emitted + pending.count }

        public mutating func write(_ event: Event) throws {
            if case .content(let bytes) = event {
                return try bytes.withUnsafeBytes { try content($0) }
            }
            try accept(walk.advance(event))
            switch event {
            case .content: break
            case .regular(let isExecutable, let size):
                openNode("regular")
                if isExecutable {
                    string("executable")
                    string("")
                }
                string("contents")
                pending.append(littleEndian: UInt64(size))
                padding = NAR.padding(of: size)
                if size == 0 { closeNode() }
            case .symlink(let target):
                openNode("symlink")
                string("target")
                bytes(target)
                closeNode()
            case .beginDirectory: openNode("directory")
            case .entry(let name):
                string("entry")
                string("(")
                string("name")
                bytes(name)
                string("node")
            case .endDirectory: closeNode()
            }
            if pending.count >= Writer.chunkCount { try flush() }
        }

        /// The next bytes of the current file's content, without copying large ones.
        public mutating func content(_ bytes: UnsafeRawBufferPointer) throws {
            try accept(walk.advance(contentCount: bytes.count))
            if bytes.count + pending.count < Writer.chunkCount {
                pending.append(bytes)
            } else {
                try flush()
                emitted += bytes.count
                try emit(bytes)
            }
            if case .content = walk.expectation { return }
            pending.append(repeating: 0, count: padding)
            closeNode()
        }

        /// Passes over all of the current file's content, `count` bytes that stand elsewhere.
        ///
        /// `place` is called when everything before them has been emitted.
        public mutating func passContent(_ count: Int, place: () throws -> Void) throws {
            try accept(walk.advance(contentCount: count))
            try flush()
            try place()
            emitted += count
            if case .content = walk.expectation {
                throw Failure(offset: offset, "a file's content stands elsewhere in part")
            }
            pending.append(repeating: 0, count: padding)
            closeNode()
        }

        /// Ends the archive; throws if the walk is not whole.
        public mutating func finish() throws {
            guard case .nothing = walk.expectation else { throw Failure(offset: offset, "the walk ended early") }
            try flush()
        }

        private func accept(_ fault: String?) throws {
            if let fault { throw Failure(offset: offset, fault) }
        }

        private mutating func flush() throws {
            emitted += pending.count
            try pending.bytes.withUnsafeBytes(emit)
            pending.removeAll()
        }

        private mutating func openNode(_ type: String) {
            string("(")
            string("type")
            string(type)
        }

        /// Closes a node, and the entry around it unless it is the root.
        private mutating func closeNode() {
            string(")")
            if case .nothing = walk.expectation { return }
            string(")")
        }

        private mutating func string(_ text: String) {
            pending.append(littleEndian: UInt64(text.utf8.count))
            pending.append(utf8: text)
            pending.append(repeating: 0, count: NAR.padding(of: text.utf8.count))
        }

        private mutating func bytes(_ bytes: [UInt8]) {
            pending.append(littleEndian: UInt64(bytes.count))
            pending.append(bytes)
            pending.append(repeating: 0, count: NAR.padding(of: bytes.count))
        }
    }

    /// Zeros after a string of `count` bytes.
    public static func padding(of count: Int) -> Int { (8 - count % 8) % 8 }
}
