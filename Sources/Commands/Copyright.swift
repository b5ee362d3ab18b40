import Compression
import Foundation
import Proofs
import SystemPackage

/// Where a package has its copyright: a text, or in another package's folder.
enum Copyright {
    case text(String)
    case package(String)

    /// No copyright file is longer; what is, is cut.
    private static let maximumSize = 4 << 20

    /// Walks a segment's archive up to `usr/share/doc/NAME/copyright`, holding no more of it than that file.
    static func find(of name: String, in segment: FilePath) throws -> Copyright? {
        let folder = "usr/share/doc/\(name)"
        return try SegmentStream.read(segment) { stream in
            while let entry = try stream.next() {
                if entry.path == folder, entry.isLink {
                    return link(String(decoding: try stream.take(entry.size), as: UTF8.self), dropping: 0)
                }
                if entry.path == folder + "/copyright" {
                    let text = String(decoding: try stream.take(min(entry.size, maximumSize)), as: UTF8.self)
                    return entry.isLink ? link(text, dropping: 1) : .text(text)
                }
                try stream.skip(entry.size)
            }
            return nil
        }
    }

    /// The same in a tree that packages were unpacked into; no link is followed on the host.
    static func read(of name: String, inTree root: FilePath) -> Copyright? {
        let folder = root.appending("usr/share/doc").appending(name)
        let file = folder.appending("copyright")
        if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder.string) {
            return link(target, dropping: 0)
        }
        if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: file.string) {
            return link(target, dropping: 1)
        }
        guard case .bytes(let bytes) = HostFiles.content(file.string, limit: maximumSize) else { return nil }
        return .text(String(decoding: bytes, as: UTF8.self))
    }

    /// The package whose folder a link leads to, which has `dropping` names after it.
    private static func link(_ target: String, dropping count: Int) -> Copyright {
        .package(target.split(separator: "/").dropLast(count).last.map(String.init) ?? target)
    }

    /// What a package's copyright file says, through links to other packages.
    static func licence(of package: String, _ copyright: (String) -> Copyright?) -> Licence {
        var name = package
        // Links may lead to a package whose own is a link; a circle ends.
        for _ in 0..<8 {
            switch copyright(name) {
            case .text(let text): return CopyrightFile.licence(in: text, of: name)
            case .package(let other): name = other
            case nil: return .unknown
            }
        }
        return .unknown
    }
}

/// A segment's archive, entry by entry, out of its compressed file: nothing of it is held but what is asked for.
private final class SegmentStream {
    struct Entry {
        var path: String
        var isLink: Bool
        /// Bytes that follow.
        var size: Int
    }

    private let decompressor: Decompressor
    private let name: String
    private var position = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var filled = 0..<0

    private init(_ decompressor: Decompressor, _ name: String) {
        self.decompressor = decompressor
        self.name = name
    }

    deinit { buffer.deallocate() }

    static func read<Value>(_ segment: FilePath, _ body: (SegmentStream) throws -> Value) throws -> Value {
        let file = try FileDescriptor.open(segment, .readOnly, options: .closeOnExec)
        return try file.closeAfter {
            try body(SegmentStream(Decompressor(.zstd) { try file.read(into: $0) }, segment.string))
        }
    }

    /// The next entry, whose contents must be taken or skipped; nil at the end. What follows the trailer is nothing.
    func next() throws -> Entry? {
        try skip(-position & 3)
        if filled.isEmpty, try !fill() { return nil }
        // newc: a magic number and 13 fields of 8 hexadecimal digits; mode is the second, sizes the 7th and the 12th.
        let header = try take(110)
        func field(_ index: Int) throws -> Int {
            let digits = String(decoding: header[6 + index * 8..<14 + index * 8], as: UTF8.self)
            guard let value = Int(digits, radix: 16) else { throw damaged("has an entry that is none") }
            return value
        }
        let path = String(decoding: try take(field(11)).dropLast(), as: UTF8.self)
        try skip(-position & 3)
        return Entry(path: path, isLink: try field(1) & 0o170000 == 0o120000, size: try field(6))
    }

    func take(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try consume(count) { bytes += $0 }
        return bytes
    }

    func skip(_ count: Int) throws { try consume(count) { _ in } }

    private func consume(_ count: Int, _ use: (UnsafeRawBufferPointer) -> Void) throws {
        var left = count
        while left > 0 {
            if filled.isEmpty, try !fill() { throw damaged("ends within its archive") }
            let piece = filled.lowerBound..<min(filled.upperBound, filled.lowerBound + left)
            use(UnsafeRawBufferPointer(rebasing: buffer[piece]))
            filled = piece.upperBound..<filled.upperBound
            left -= piece.count
        }
        position += count
    }

    /// Draws more; false at the end.
    private func fill() throws -> Bool {
        filled = 0..<(try decompressor.read(into: buffer))
        return !filled.isEmpty
    }

    private func damaged(_ message: String) -> CommandError {
        CommandError(kind: .corrupt, subject: name, message: message, remedy: "bootferry verify")
    }
}
