import Diagnostics

/// Nix Archive: a tree as one deterministic stream, without owners, times or modes but "executable".
///
///     archive   = str("nix-archive-1") node
///     node      = str("(") str("type") ( regular | symlink | directory ) str(")")
///     regular   = str("regular") [ str("executable") str("") ] str("contents") str(CONTENT)
///     symlink   = str("symlink") str("target") str(TARGET)
///     directory = str("directory") { str("entry") str("(") str("name") str(NAME) str("node") node str(")") }
///     str(s)    = length as u64 little-endian, the bytes, zeros up to a multiple of 8
///
/// Entries are sorted by the bytes of their names. An empty regular file has its `contents` too.
/// Reference: Nix manual, "Nix Archive (NAR) format".
public enum NAR {
    /// One step of the walk over a tree, in the archive's order; both reader and writer speak in these.
    public enum Event: Sendable, Equatable {
        /// A file begins; `.content` events of `size` bytes in all follow at once.
        case regular(isExecutable: Bool, size: Int)
        case content(ArraySlice<UInt8>)
        case symlink(target: [UInt8])
        case beginDirectory
        /// The next node is the directory's entry of this name.
        case entry(name: [UInt8])
        case endDirectory
    }

    /// The longest name Linux file systems hold.
    public static let maximumNameCount = 255
    /// The longest symbolic link Linux holds.
    public static let maximumTargetCount = 4095
    /// Deeper trees could not be unpacked or walked with ordinary paths.
    public static let maximumDepth = 256
    /// From a symbolic link's node to its target: four strings of 16 bytes and the target's length.
    public static let targetOffset = 72
    public static let magic = "nix-archive-1"

    /// A stream that is no NAR, or a walk that would not make one.
    public struct Failure: ExplainedError, Equatable {
        /// Bytes of the archive before the fault.
        public let offset: Int
        public let message: String

        public init(offset: Int, _ message: String) {
            self.offset = offset
            self.message = message
        }

        public var kind: FailureKind { .corrupt }
        public var subject: String { "NAR byte \(offset)" }
    }

    /// Why `name` cannot be an entry's, or nil.
    static func fault(inName name: [UInt8]) -> String? {
        if name.isEmpty { return "an entry's name is empty" }
        if name.count > maximumNameCount {
            return "an entry's name has at most \(maximumNameCount) bytes, found \(name.count)"
        }
        if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { return "an entry is named '.' or '..'" }
        if name.contains(UInt8(ascii: "/")) || name.contains(0) { return "an entry's name contains '/' or NUL" }
        return nil
    }

    static func fault(inTarget target: [UInt8]) -> String? {
        if target.isEmpty { return "a symbolic link's target is empty" }
        if target.count > maximumTargetCount {
            return "a symbolic link's target has at most \(maximumTargetCount) bytes, found \(target.count)"
        }
        return target.contains(0) ? "a symbolic link's target contains NUL" : nil
    }

    /// Where a walk stands: what may come next, and the names that bound the order.
    struct Walk {
        enum Expectation {
            case node
            case content(remaining: Int)
            case entryOrEnd
            case nothing
        }

        private(set) var expectation = Expectation.node
        /// The last entry's name in each open directory.
        private var lastNames: [[UInt8]?] = []

        var depth: Int { lastNames.count }

        /// Accepts an event, or says why it cannot come here.
        mutating func advance(_ event: Event) -> String? {
            switch (event, expectation) {
            case (.regular(_, let size), .node):
                guard size >= 0 else { return "a file has a negative size" }
                expectation = size > 0 ? .content(remaining: size) : afterNode
            case (.content(let bytes), .content(let remaining)):
                return advance(contentCount: bytes.count, of: remaining)
            case (.symlink(let target), .node):
                if let fault = fault(inTarget: target) { return fault }
                expectation = afterNode
            case (.beginDirectory, .node):
                guard depth < maximumDepth else { return "directories nest deeper than \(maximumDepth)" }
                lastNames.append(nil)
                expectation = .entryOrEnd
            case (.entry(let name), .entryOrEnd):
                if let fault = fault(inName: name) { return fault }
                if let last = lastNames[depth - 1], !last.lexicographicallyPrecedes(name) {
                    return "entry '\(String(decoding: name, as: UTF8.self))' comes after "
                        + "'\(String(decoding: last, as: UTF8.self))': entries are sorted and unique"
                }
                lastNames[depth - 1] = name
                expectation = .node
            case (.endDirectory, .entryOrEnd):
                lastNames.removeLast()
                expectation = afterNode
            default:
                return "unexpected \(event.word)"
            }
            return nil
        }

        mutating func advance(contentCount count: Int) -> String? {
            guard case .content(let remaining) = expectation else { return "unexpected content" }
            return advance(contentCount: count, of: remaining)
        }

        private mutating func advance(contentCount count: Int, of remaining: Int) -> String? {
            guard count <= remaining else { return "a file's content is longer than its size" }
            if count == remaining {
                expectation = afterNode
            } else {
                expectation = .content(remaining: remaining - count)
            }
            return nil
        }

        private var afterNode: Expectation { lastNames.isEmpty ? .nothing : .entryOrEnd }
    }
}

extension NAR.Event {
    fileprivate var word: String {
        switch self {
        case .regular: "file"
        case .content: "content"
        case .symlink: "symbolic link"
        case .beginDirectory: "directory"
        case .entry: "entry"
        case .endDirectory: "end of directory"
        }
    }
}
