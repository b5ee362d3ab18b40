import ByteCoding
import FileFormats

/// What `nix-store --export` writes: objects one after another, each after all that it refers to.
///
///     stream    = { u64(1) NAR u64("NIXE") str(PATH) u64(COUNT) { str(REFERENCE) } str(DERIVER) signature } u64(0)
///     signature = u64(0) | u64(1) str(TEXT)
///
/// Numbers are little-endian and strings are padded as in a NAR; DERIVER is empty where it is not known. A signature is of a nix
/// before 2.0; it is read and never written. No digest of an archive is in the stream, so nothing in it is proved.
/// Reference: nix, `src/libstore/export-import.cc`.
public enum NixExport {
    /// What is said of an archive, behind it.
    public struct Claim: Sendable, Hashable {
        public var path: StorePath
        /// May contain `path` itself.
        public var references: Set<StorePath>
        public var deriver: StorePath?

        public init(path: StorePath, references: Set<StorePath> = [], deriver: StorePath? = nil) {
            self.path = path
            self.references = references
            self.deriver = deriver
        }

        /// As the stream has it.
        public var bytes: [UInt8] {
            var writer = ByteWriter()
            writer.append(littleEndian: magic)
            writer.append(padded: path.description)
            writer.append(littleEndian: UInt64(references.count))
            for reference in references.sorted() { writer.append(padded: reference.description) }
            writer.append(padded: deriver?.description ?? "")
            writer.append(littleEndian: UInt64(0))
            return writer.bytes
        }
    }

    /// Stands before each archive.
    public static let objectMark = mark(1)
    /// Stands behind the last object.
    public static let end = mark(0)
    /// An object refers to no more than this.
    public static let mostReferences = 1 << 16

    /// `NIXE`.
    private static let magic: UInt64 = 0x4558_494e
    private static let longestSignature = 1 << 12
    private static var longestPath: Int {
        StorePath.directory.utf8.count + 1 + StorePath.hashPartCount + 1 + StorePath.maximumNameCount
    }

    private static func mark(_ number: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(littleEndian: number)
        return writer.bytes
    }

    /// So many bytes tell such a stream from anything else.
    public static let beginningCount = 32

    /// Whether a file or pipe that begins with these bytes is such a stream.
    public static func isBegun(by bytes: [UInt8]) -> Bool {
        var first = ByteWriter()
        first.append(objectMark)
        first.append(padded: NAR.magic)
        return bytes == end || bytes.starts(with: first.bytes)
    }
}

extension NixExport {
    /// Reads a stream from a source of bytes, an object at a time: `beginObject`, `readArchive`, `endObject`.
    ///
    /// Memory: one chunk, and what is said of one object. Throws `StoreModelError` for anything that no nix writes, and wherever the
    /// source ends early; and what the source throws.
    public struct Reader {
        private let source: NAR.Reader.Source
        private var buffer: ArraySlice<UInt8> = []
        /// Bytes of the stream read so far.
        public private(set) var offset = 0

        public init(source: @escaping NAR.Reader.Source) { self.source = source }

        /// Whether a further object comes.
        public mutating func beginObject() throws -> Bool {
            switch try number() {
            case 0: return false
            case 1: return true
            case let other: throw failure("expected a further object (1) or the end (0), found \(other)")
            }
        }

        /// Gives `take` the steps of the object's archive.
        public mutating func readArchive(_ take: (NAR.Event) throws -> Void) throws {
            let start = offset
            var ahead = buffer
            let source = source
            var archive = NAR.Reader { limit in
                guard ahead.isEmpty else {
                    defer { ahead = ahead.dropFirst(limit) }
                    return ahead.prefix(limit)
                }
                return try source(limit)
            }
            do {
                while let event = try archive.next() { try take(event) }
            } catch let fault as NAR.Failure {
                offset = start + fault.offset
                throw failure(fault.message)
            }
            offset = start + archive.offset
            buffer = ahead.isEmpty ? archive.unread : archive.unread + ahead
        }

        /// What is said of the archive that was read.
        public mutating func endObject() throws -> Claim {
            guard try number() == NixExport.magic else { throw failure("expected 'NIXE' behind an archive") }
            var claim = Claim(path: try path())
            let count = try number()
            guard count <= UInt64(NixExport.mostReferences) else {
                throw failure("'\(claim.path)' has at most \(NixExport.mostReferences) references, found \(count)")
            }
            for _ in 0..<count {
                guard claim.references.insert(try path()).inserted else {
                    throw failure("'\(claim.path)' has a reference twice")
                }
            }
            let deriver = try string(limit: NixExport.longestPath)
            if !deriver.isEmpty { claim.deriver = try path(deriver) }
            switch try number() {
            case 0: break
            case 1: _ = try string(limit: NixExport.longestSignature)
            case let other: throw failure("expected a signature (1) or none (0), found \(other)")
            }
            return claim
        }

        /// Throws where anything stands behind the stream's end.
        public mutating func finish() throws {
            if buffer.isEmpty { buffer = try source(1) }
            guard buffer.isEmpty else { throw failure("there are more bytes behind the stream's end") }
        }

        private mutating func path() throws -> StorePath { try path(try string(limit: NixExport.longestPath)) }

        private func path(_ text: String) throws(StoreModelError) -> StorePath {
            do {
                return try StorePath(parsing: text)
            } catch {
                throw failure("\(error.subject) \(error.message)")
            }
        }

        private mutating func string(limit: Int) throws -> String {
            let count = try number()
            guard count <= UInt64(limit) else { throw failure("a text has at most \(limit) bytes, found \(count)") }
            let bytes = try take(Int(count))
            guard try take(NAR.padding(of: Int(count))).allSatisfy({ $0 == 0 }) else {
                throw failure("padding is not zero")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("a text is not UTF-8") }
            return text
        }

        private mutating func number() throws -> UInt64 {
            var reader = ByteReader(try take(8))
            return try reader.readLittleEndian()
        }

        private mutating func take(_ count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            while bytes.count < count {
                if buffer.isEmpty { buffer = try source(1 << 16) }
                guard !buffer.isEmpty else { throw failure("the stream ends early") }
                let piece = buffer.prefix(count - bytes.count)
                bytes += piece
                buffer = buffer.dropFirst(piece.count)
                offset += piece.count
            }
            return bytes
        }

        private func failure(_ message: String) -> StoreModelError {
            StoreModelError("export stream, byte \(offset)", message)
        }
    }
}

extension ByteWriter {
    /// A NAR's string: its length, its bytes, and zeros up to a multiple of 8.
    fileprivate mutating func append(padded text: String) {
        append(littleEndian: UInt64(text.utf8.count))
        append(utf8: text)
        append(repeating: 0, count: NAR.padding(of: text.utf8.count))
    }
}
