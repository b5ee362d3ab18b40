import BootPolicy
import SystemPackage

/// A boot file's bytes as pointers, for one transfer: literals kept here, stored extents where the store's files are mapped.
/// Used on one thread.
final class BootContent {
    private enum Source {
        case literal(UnsafeMutableRawPointer)
        case stored(path: String, offset: Int)
    }

    private struct Piece {
        var start: Int
        var length: Int
        var source: Source
        var file: StoreFile?
    }

    private let state: ServerState
    private var pieces: [Piece] = []
    /// Where the last range was found: a transfer reads forward.
    private var cursor = 0
    /// Pieces whose file is held. An image's are held to its end; an archive's, which may be many thousands, pass once.
    private var held: [Int] = []
    private var mostHeld: Int { pieces.count > 1024 ? 1 : 1024 }

    init(_ extents: [BootFile.Extent], state: ServerState) {
        self.state = state
        pieces.reserveCapacity(extents.count)
        var start = 0
        for extent in extents where extent.length > 0 {
            let source: Source
            switch extent {
            case .literal(let bytes):
                let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
                memory.copyMemory(from: bytes, byteCount: bytes.count)
                source = .literal(memory)
            case .stored(let path, let offset, _): source = .stored(path: path, offset: offset)
            }
            pieces.append(Piece(start: start, length: extent.length, source: source))
            start += extent.length
        }
    }

    deinit {
        for case .literal(let memory) in pieces.map(\.source) { memory.deallocate() }
    }

    /// How many extents a range touches; at least 1.
    func extentCount(in range: Range<Int>) -> Int {
        guard !range.isEmpty else { return 1 }
        var index = piece(at: range.lowerBound)
        var count = 1
        while index + 1 < pieces.count, pieces[index].start + pieces[index].length < range.upperBound {
            index += 1
            count += 1
        }
        return count
    }

    /// Points at the bytes of a range that lies within the file.
    /// - Throws: `NetbootServerError` or `Errno` where a store's object is missing or shorter than it was.
    func append(_ range: Range<Int>, to buffer: DatagramBuffer) throws {
        var position = range.lowerBound
        guard !range.isEmpty else { return }
        cursor = piece(at: position)
        var index = cursor
        while position < range.upperBound {
            let here = pieces[index]
            let within = position - here.start
            let count = min(here.length - within, range.upperBound - position)
            switch here.source {
            case .literal(let memory): buffer.append(UnsafeRawPointer(memory + within), count)
            case .stored(let path, let offset):
                let file = try file(index, path, offset + here.length)
                guard let pointer = file.pointer(to: offset + within) else {
                    throw NetbootServerError(kind: .corrupt, subject: path, message: "cannot be mapped")
                }
                buffer.append(pointer, count)
            }
            position += count
            index += 1
        }
    }

    enum Next {
        case memory(UnsafeRawPointer, Int)
        case file(StoreFile, offset: Int, count: Int)
    }

    /// A stored extent up to this size is sent from the mapping, in one call with what stands before it.
    private static let smallest = 16 << 10

    /// The bytes at a position, as far as they lie together; the position is before the end.
    func next(at position: Int) throws -> Next {
        cursor = piece(at: position)
        let here = pieces[cursor]
        let within = position - here.start
        switch here.source {
        case .literal(let memory): return .memory(UnsafeRawPointer(memory + within), here.length - within)
        case .stored(let path, let offset):
            let file = try file(cursor, path, offset + here.length)
            if here.length <= Self.smallest, let pointer = file.pointer(to: offset + within) {
                return .memory(pointer, here.length - within)
            }
            return .file(file, offset: offset + within, count: here.length - within)
        }
    }

    /// Copies bytes from a position, as far as they lie together and there is room; 0 where a file has become shorter. The
    /// store's are read and never taken from the mapping, which a file that is cut short would take away (SIGBUS).
    func read(at position: Int, into room: UnsafeMutableRawBufferPointer) throws -> Int {
        cursor = piece(at: position)
        let here = pieces[cursor]
        let within = position - here.start
        let part = UnsafeMutableRawBufferPointer(rebasing: room.prefix(here.length - within))
        switch here.source {
        case .literal(let memory):
            part.copyMemory(from: UnsafeRawBufferPointer(start: memory + within, count: part.count))
            return part.count
        case .stored(let path, let offset):
            let file = try file(cursor, path, offset + here.length)
            return try FileDescriptor(rawValue: file.descriptor).read(
                fromAbsoluteOffset: Int64(offset + within), into: part)
        }
    }

    private func file(_ index: Int, _ path: String, _ end: Int) throws -> StoreFile {
        if let file = pieces[index].file { return file }
        let file = try state.files.open(path, at: state.physicalPath(path), end: end)
        if held.count >= mostHeld {
            for index in held { pieces[index].file = nil }
            held = []
        }
        held.append(index)
        pieces[index].file = file
        return file
    }

    /// The piece that holds a byte of the file.
    private func piece(at position: Int) -> Int {
        var low = pieces[cursor].start <= position ? cursor : 0
        if position < pieces[low].start + pieces[low].length { return low }
        var high = pieces.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if pieces[middle].start <= position { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
