import Building
import Foundation
import SystemModel
import SystemPackage

/// Small writes and reads of the files of a build, each with a mode that no umask changes.
enum Tree {
    static func makeDirectory(_ path: FilePath) throws {
        guard mkdir(path.string, 0o755) == 0 else { throw failure(path, "could not be made") }
        try setMode(path, 0o755)
    }

    static func setMode(_ path: FilePath, _ mode: UInt32) throws {
        guard chmod(path.string, mode_t(mode)) == 0 else { throw failure(path, "could not be given its mode") }
    }

    static func write(_ bytes: [UInt8], to path: FilePath, mode: UInt32 = 0o644) throws {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: FilePermissions(rawValue: mode_t(mode)))
            _ = try file.closeAfter { try file.writeAll(bytes) }
        } catch {
            throw BuildError(subject: path.string, message: "could not be written", cause: "\(error)")
        }
        try setMode(path, mode)
    }

    /// Writes a value as canonical JSON.
    static func write(json value: some Encodable, to path: FilePath) throws {
        try write(Array(canonicalJSON(value, readable: true).utf8), to: path)
    }

    static func link(_ path: FilePath, to target: String) throws {
        guard symlink(target, path.string) == 0 else { throw failure(path, "could not be made") }
    }

    /// Removes a tree that this process's own user made.
    static func remove(_ path: FilePath) throws {
        do {
            try FileManager.default.removeItem(atPath: path.string)
        } catch {
            throw BuildError(subject: path.string, message: "could not be removed", cause: "\(error)")
        }
    }

    static func exists(_ path: FilePath) -> Bool {
        var status = stat()
        return lstat(path.string, &status) == 0
    }

    static func size(of path: FilePath) throws -> Int {
        var status = stat()
        guard lstat(path.string, &status) == 0 else { throw failure(path, "could not be examined") }
        return Int(status.st_size)
    }

    static func read(_ path: FilePath) throws -> [UInt8] {
        do {
            // Not by Foundation: a build with one line changed reads 800 small files.
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                var status = stat()
                guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
                var (bytes, filled) = ([UInt8](repeating: 0, count: Int(status.st_size)), 0)
                while filled < bytes.count {
                    let count = try bytes.withUnsafeMutableBytes {
                        try file.read(
                            fromAbsoluteOffset: Int64(filled),
                            into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
                    }
                    if count == 0 { break }
                    filled += count
                }
                if filled < bytes.count { bytes.removeLast(bytes.count - filled) }
                return bytes
            }
        } catch {
            throw BuildError(subject: path.string, message: "could not be read", cause: "\(error)")
        }
    }

    static func text(_ path: FilePath) throws -> String { String(decoding: try read(path), as: UTF8.self) }

    static func failure(_ path: FilePath, _ message: String) -> BuildError {
        BuildError(subject: path.string, message: message, cause: "\(Errno(rawValue: errno))")
    }
}

extension SegmentSummary {
    /// What the segment directory `path` says of itself.
    init(segment path: FilePath) throws {
        self = try JSONDecoder().decode(
            SegmentSummary.self, from: Data(try Tree.read(path.appending("segment.json"))))
    }
}
