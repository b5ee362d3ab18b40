import FileFormats
import Glibc
import OpenSSL
import StoreModel
import SystemPackage

/// Where the files of a medium are: in a folder, or one after another in a tar archive.
enum MediumSource: Sendable {
    case folder(FilePath)
    case archive(TarIndex)

    /// What messages call it.
    var path: FilePath {
        switch self {
        case .folder(let path): path
        case .archive(let index): index.path
        }
    }

    /// Whether a file is there; the name must lead nowhere else.
    func has(_ name: String) -> Bool {
        switch self {
        case .folder: (try? filePath(of: name)).map(MediumFiles.exists) ?? false
        case .archive(let index): index.places[name] != nil
        }
    }

    /// Names in a folder of the medium, sorted by bytes; the empty name is the medium itself.
    func names(in folder: String) throws -> [String] {
        switch self {
        case .folder(let path): return try MediumFiles.names(in: folder.isEmpty ? path : path.appending(folder))
        case .archive(let index):
            let prefix = folder.isEmpty ? "" : "\(folder)/"
            return index.places.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) }
                .filter { !$0.contains("/") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    /// Opens a file of the medium for reading; a link, device or pipe throws `CarryingError` of kind `corrupt`.
    func open(_ name: String) throws -> MediumFile {
        switch self {
        case .folder:
            let path = try filePath(of: name)
            let (file, size) = try MediumFiles.open(path)
            return MediumFile(path: path, file: file, start: 0, size: size)
        case .archive(let index):
            guard let place = index.places[name] else { throw MediumFault(name, "is missing") }
            let (file, size) = try MediumFiles.open(index.path)
            guard place.upperBound <= size else {
                try? file.close()
                throw MediumFault(name, "is cut off: '\(index.path)' became shorter while it was read")
            }
            return MediumFile(path: index.path, file: file, start: place.lowerBound, size: place.count)
        }
    }

    /// Where a file of a folder lies; a name that leads elsewhere, or over a link, is a fault.
    private func filePath(of name: String) throws -> FilePath {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 8, name.utf8.count <= 500, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            !name.utf8.contains(0)
        else { throw MediumFault(String(name.prefix(300)), "is no name within the medium") }
        var path = self.path
        for (number, part) in parts.enumerated() {
            path.append(String(part))
            guard number < parts.count - 1 else { break }
            var status = stat()
            if lstat(path.string, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
                throw MediumFault(name, "leads over '\(part)', which is no folder")
            }
        }
        return path
    }
}

/// One file of a medium, open for reading; closed with the value.
final class MediumFile {
    let path: FilePath
    /// Bytes.
    let size: Int
    private let file: FileDescriptor
    private let start: Int
    private var position = 0

    fileprivate init(path: FilePath, file: FileDescriptor, start: Int, size: Int) {
        self.path = path
        self.file = file
        self.start = start
        self.size = size
    }

    deinit { try? file.close() }

    /// The next bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(size - position))
        guard !room.isEmpty else { return 0 }
        do {
            let count = try file.read(fromAbsoluteOffset: Int64(start + position), into: room)
            position += count
            return count
        } catch {
            throw CarryingError("cannot read", path, error)
        }
    }

    /// All of a small file; a larger one throws.
    func content(limit: Int) throws -> [UInt8] {
        guard size <= limit else {
            throw CarryingError("'\(path)'", "has \(size) bytes, expected at most \(limit)", kind: .corrupt)
        }
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let read = try read(
                    into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...])))
                if read == 0 { break }
                count += read
            }
        }
    }

    /// Reads to the end: the size and SHA-256.
    func digest() throws -> (size: Int, digest: Digest) {
        let digest = SHA256()
        var size = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while case let count = try read(into: buffer), count > 0 {
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            size += count
        }
        return (size, Digest(finishing: digest))
    }
}
