import FileFormats
import Glibc
import LinuxCalls
import MediumModel
import OpenSSL
import StoreModel
import SystemPackage

/// Bootferry itself, as a medium carries it: one tar archive, and a shell script that unpacks it where programs may run.
///
///     bootferry         the starter: 'sh /media/stick/bootferry VERB …'
///     bootferry.tar     bin/bootferry                       the same, from the folder that this was unpacked into
///                       lib/                                the dynamic loader, and every library, by the name it is asked for by
///                       libexec/bootferry                   the program, without what only debuggers read
///                       share/bootferry/{netboot,targets}/  the data
///
/// One archive, since the data has names that media cannot have; not compressed, since nothing may be asked of the site but a
/// shell and what every Linux has. The same program and data make the same bytes.
public struct CarriedProgram: Sendable {
    /// The archive's digest and bytes.
    public let archive: MediumManifest.File
    /// The starter's text.
    public let starter: [UInt8]
    private let members: [Member]

    public static let starterName = "bootferry"
    public static let archiveName = "bootferry.tar"

    private struct Member: Sendable {
        enum Content: Sendable {
            case bytes([UInt8])
            /// The first bytes of a file.
            case file(FilePath)
            /// An ELF file without its sections.
            case program(FilePath)
        }
        var name: String
        var size: Int
        var content: Content
        var isExecutable = false
    }

    /// Reads all that is to be carried, once.
    ///
    /// - Parameters:
    ///   - running: the program and its libraries.
    ///   - data: the folder that holds `netboot` and `targets`; regular files of them, but none whose name begins with '.'.
    public init(_ running: RunningProgram, data: FilePath) throws {
        var members = [try Self.program(running.program)]
        for (name, path) in running.libraries {
            members.append(
                Member(
                    name: "lib/\(name)", size: try Self.size(path), content: .file(path),
                    isExecutable: name == running.loader))
        }
        let text = Array(ProgramStarter.inside(loader: running.loader).utf8)
        members.append(Member(name: "bin/bootferry", size: text.count, content: .bytes(text), isExecutable: true))
        for folder in ["netboot", "targets"] {
            try Self.collect(data.appending(folder), as: "share/bootferry/\(folder)", &members)
        }
        members.sort { $0.name < $1.name }
        self.members = members
        let (digest, counter) = (SHA256(), ByteCount())
        try Self.write(members) { bytes in
            digest.update(bytes)
            counter.bytes += bytes.count
        }
        archive = MediumManifest.File(digest: Digest(finishing: digest), size: counter.bytes)
        starter = Array(
            ProgramStarter.text(machine: running.machine, loader: running.loader, digest: archive.digest.hex).utf8)
    }

    private final class ByteCount { var bytes = 0 }

    /// Both files, as a medium manifest has them.
    public var files: [String: MediumManifest.File] {
        [
            Self.archiveName: archive,
            Self.starterName: MediumManifest.File(digest: .sha256(of: starter), size: starter.count),
        ]
    }

    /// Bytes of both files.
    public var size: Int { archive.size + starter.count }

    /// Gives the archive's bytes, piece by piece; files that are no longer as they were when this was made throw.
    func writeArchive(_ write: ([UInt8]) throws -> Void) throws {
        let digest = SHA256()
        try Self.write(members) { bytes in
            digest.update(bytes)
            try write(bytes)
        }
        guard Digest(finishing: digest) == archive.digest else {
            throw CarryingError(
                "Bootferry itself", "was changed while it was copied", kind: .host, remedy: "run the same command again"
            )
        }
    }

    private static func write(_ members: [Member], _ write: ([UInt8]) throws -> Void) throws {
        for member in members {
            let entry = Tar.Member(name: member.name, size: member.size, isExecutable: member.isExecutable)
            do {
                try write(Tar.header(of: entry))
            } catch let error as Tar.Malformed {
                throw CarryingError("'\(member.name)'", error.description, remedy: "export --without-bootferry")
            }
            switch member.content {
            case .bytes(let bytes): try write(bytes)
            case .file(let path): try pass(path, member.size, write) { $0 }
            case .program(let path): try pass(path, member.size, write, first: ELF.headerWithoutSections)
            }
            try write([UInt8](repeating: 0, count: entry.paddedSize - entry.size))
        }
        try write(Tar.end)
    }

    /// - Parameter first: changes the file's first 64 bytes.
    private static func pass(
        _ path: FilePath, _ size: Int, _ write: ([UInt8]) throws -> Void, first: ([UInt8]) -> [UInt8]
    ) throws {
        let file = try MediumFiles.open(path).file
        defer { try? file.close() }
        var done = 0
        while done < size {
            let count = min(size - done, done == 0 ? 64 : 1 << 18)
            let piece: [UInt8]
            do {
                piece = try MediumFiles.bytes(of: file, at: done, count: count)
            } catch {
                throw CarryingError("cannot read", path, error)
            }
            guard piece.count == count else { throw CarryingError("'\(path)'", "became shorter while it was read") }
            try write(done == 0 && count == 64 ? first(piece) : piece)
            done += count
        }
    }

    private static func size(_ path: FilePath) throws -> Int {
        let (file, size) = try MediumFiles.open(path)
        try? file.close()
        return size
    }

    private static func program(_ path: FilePath) throws -> Member {
        let (file, size) = try MediumFiles.open(path)
        defer { try? file.close() }
        do {
            let elf = try ELF.read(size: size) { offset, count in
                try MediumFiles.bytes(of: file, at: offset, count: count)
            }
            return Member(
                name: "libexec/bootferry", size: min(elf.loadedSize, size), content: .program(path), isExecutable: true)
        } catch {
            throw CarryingError("cannot read", path, error)
        }
    }

    private static func collect(_ folder: FilePath, as prefix: String, _ members: inout [Member]) throws {
        for name in try MediumFiles.names(in: folder) where !name.hasPrefix(".") {
            let path = folder.appending(name)
            var status = stat()
            guard lstat(path.string, &status) == 0 else {
                throw CarryingError("cannot examine", path, Errno(rawValue: errno))
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try collect(path, as: "\(prefix)/\(name)", &members)
            case S_IFREG:
                members.append(
                    Member(
                        name: "\(prefix)/\(name)", size: Int(status.st_size), content: .file(path),
                        isExecutable: status.st_mode & S_IXUSR != 0))
            default: break
            }
        }
    }
}

extension CarriedProgram {
    /// Throws where the medium takes no file as large as the archive.
    func requireFiles(upTo limit: Int) throws {
        guard archive.size > limit else { return }
        throw CarryingError(
            "'\(Self.archiveName)'", "has \(archive.size) bytes, and --largest-file allows \(limit)", kind: .usage,
            remedy: "export --without-bootferry, or give a larger --largest-file")
    }

    /// Whether a folder has both files, read to their ends.
    func isWhole(on folder: FilePath) throws -> Bool {
        let source = MediumSource.folder(folder)
        for (name, expected) in files {
            guard source.has(name) else { return false }
            do {
                let found = try source.open(name).digest()
                guard Medium.difference(name, expected, size: found.size, digest: found.digest) == nil else {
                    return false
                }
            } catch let error as CarryingError where error.kind == .corrupt {
                return false
            }
        }
        return true
    }

    /// Writes both files, each beside and then named; the starter, which has the archive's digest, comes last.
    func write(to folder: FilePath, onBytes: (Int) -> Void) throws {
        let path = folder.appending(Self.archiveName)
        do {
            try replaceFile(at: path) { file in
                try writeArchive { bytes in
                    try file.writeAll(bytes)
                    onBytes(bytes.count)
                }
            }
        } catch let error as Errno {
            throw CarryingError("cannot write", path, error)
        }
        try MediumFiles.replace(folder.appending(Self.starterName), with: starter)
    }

    /// Appends both files to a medium that is one archive.
    func append(to writer: TarWriter) throws {
        let member = Tar.Member(name: Self.archiveName, size: archive.size)
        try writer.append(member)
        try writeArchive(writer.write)
        try writer.write([UInt8](repeating: 0, count: member.paddedSize - member.size))
        try writer.append(starter, named: Self.starterName)
    }
}
