import Building
import Diagnostics
import FileFormats
import Foundation
import LinuxCalls
import OpenSSL
import Proofs
import StoreModel
import SystemModel
import SystemPackage

/// Sources with their index, to be written as a folder or as one tar archive; the same value makes the same bytes.
struct SourceArchive: Sendable {
    let index: SourceIndex
    /// Where each file of the index lies, by its path in the archive.
    let places: [String: FilePath]
    /// Seconds since 1970, of every file in a tar archive.
    let time: Int

    /// Throws where something is there already.
    static func requireFree(_ target: FilePath) throws {
        var status = stat()
        guard lstat(target.string, &status) == 0 else { return }
        throw CommandError(
            kind: .usage, subject: "'\(target)'", message: "is there already", remedy: "remove it, or name another")
    }

    /// Writes beside, and gives the name once all is on the medium.
    func write(to target: FilePath, _ terminal: Terminal) async throws {
        let texts = try texts()
        let all = index.files.reduce(0) { $0 + $1.size }
        try await onBlockingThread {
            defer { terminal.status("") }
            var done = 0
            let progress = { (count: Int) in
                done += count
                terminal.status("writing: \(formatBytes(done)) of \(formatBytes(all))")
            }
            do {
                if target.extension == "tar" {
                    try replaceFile(at: target) { try writeTar(texts, to: $0, progress) }
                } else {
                    try writeFolder(texts, to: target, progress)
                }
            } catch let error as Errno {
                throw CommandError(
                    kind: .host, subject: "'\(target)'", message: "cannot be written", cause: "\(error)",
                    remedy: "free space there, or name another place; what was fetched is kept")
            }
        }
    }

    /// The index and the sums, by name.
    private func texts() throws -> [(name: String, bytes: [UInt8])] {
        let text = Array(try canonicalJSON(index, readable: true).utf8)
        let sums = index.sums(index: Digest.sha256(of: text).hex)
        return [(SourceIndex.fileName, text), (SourceIndex.sumsName, Array(sums.utf8))]
    }

    private func writeTar(
        _ texts: [(name: String, bytes: [UInt8])], to output: FileDescriptor, _ progress: (Int) -> Void
    ) throws {
        func header(_ name: String, _ size: Int) throws {
            try output.writeAll(
                Tar.header(
                    of: Tar.Node(
                        path: name, kind: .file(size: size), permissions: 0o644,
                        modified: UInt32(clamping: time))))
        }
        for (name, bytes) in texts {
            try header(name, bytes.count)
            try output.writeAll(bytes + [UInt8](repeating: 0, count: Tar.padding(after: bytes.count)))
        }
        for file in index.files {
            try header(file.path, file.size)
            try copy(file, to: output, progress)
            try output.writeAll([UInt8](repeating: 0, count: Tar.padding(after: file.size)))
        }
        try output.writeAll(Tar.end)
    }

    private func writeFolder(
        _ texts: [(name: String, bytes: [UInt8])], to target: FilePath, _ progress: (Int) -> Void
    ) throws {
        let beside = FilePath(target.string + ".unfinished")
        if FileManager.default.fileExists(atPath: beside.string) {
            try FileManager.default.removeItem(atPath: beside.string)
        }
        try FileManager.default.createDirectory(atPath: beside.string, withIntermediateDirectories: true)
        for (name, bytes) in texts { try replaceFile(at: beside.appending(name), with: bytes) }
        for file in index.files {
            let path = beside.pushing(FilePath(file.path))
            try FileManager.default.createDirectory(
                atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
            let output = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try output.closeAfter { try copy(file, to: output, progress) }
        }
        let folder = try FileDescriptor.open(beside, .readOnly, options: .directory)
        try folder.closeAfter { try FileCalls.syncFileSystem(of: folder) }
        guard rename(beside.string, target.string) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Copies a file, whose bytes must be those that the index names.
    private func copy(_ file: SourceIndex.File, to output: FileDescriptor, _ progress: (Int) -> Void) throws {
        guard let place = places[file.path] else {
            throw CommandError(subject: file.path, message: "has no place that it could be copied from")
        }
        let input = try FileDescriptor.open(place, .readOnly, options: .closeOnExec)
        let digest = SHA256()
        var count = 0
        try input.closeAfter {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
            defer { buffer.deallocate() }
            while case let read = try input.read(into: buffer), read > 0 {
                let piece = UnsafeRawBufferPointer(rebasing: buffer[..<read])
                digest.update(piece)
                count += read
                try output.writeAll(piece)
                progress(read)
            }
        }
        guard count == file.size, Digest(finishing: digest).hex == file.sha256 else {
            throw CommandError(
                kind: .corrupt, subject: "'\(place)'", message: "is not what the index says of '\(file.path)'",
                remedy: "bootferry verify")
        }
    }
}
