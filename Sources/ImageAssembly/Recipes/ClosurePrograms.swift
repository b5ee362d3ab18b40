import Building
import FileFormats
import Foundation
import StoreModel
import SystemPackage

/// The programs of a closure: what lies in `bin` and `sbin` of its objects.
struct ClosurePrograms {
    /// Where an object has its programs.
    static let folders = ["bin", "sbin"]

    /// Where a logical path lies.
    let physical: (String) -> FilePath

    /// Throws where a program of `paths` is for other machines than `format` says, or where `root` has a program of the same
    /// name as one of `others`.
    func check(
        _ root: StorePath, _ paths: [StorePath], beside others: [StorePath], are format: BinaryFormat
    ) throws {
        for folder in Self.folders {
            let own = Set(try names(of: root, folder))
            for other in others {
                guard let name = try names(of: other, folder).first(where: own.contains) else { continue }
                throw BuildError(
                    kind: .usage, subject: root.description,
                    message: "and '\(other)' both have '\(folder)/\(name)', which is one program of a system",
                    remedy: "leave one of the two packages out of the system")
            }
            for path in paths {
                for name in try names(of: path, folder) {
                    let file = "\(path)/\(folder)/\(name)"
                    guard let fault = try Self.fault(of: physical(file), format) else { continue }
                    throw BuildError(
                        kind: .usage, subject: file, message: fault,
                        remedy: "name a closure that was built for the system's platform")
                }
            }
        }
    }

    private func names(of path: StorePath, _ folder: String) throws -> [String] {
        let place = physical("\(path)/\(folder)")
        var status = stat()
        // A link leads to another object, whose own programs are looked at.
        guard lstat(place.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [] }
        return try Self.names(in: place)
    }

    /// Names in a folder, sorted by bytes.
    static func names(in folder: FilePath) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.string)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// In what way a file is a program of another machine; nil for one that is not, and for what is no program at all.
    private static func fault(of file: FilePath, _ format: BinaryFormat) throws -> String? {
        var status = stat()
        guard lstat(file.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let descriptor = try FileDescriptor.open(file, .readOnly, options: [.noFollow, .closeOnExec])
        return try descriptor.closeAfter {
            func bytes(_ offset: Int, _ count: Int) throws -> [UInt8] {
                try [UInt8](unsafeUninitializedCapacity: max(0, min(count, Int(status.st_size) - offset))) {
                    buffer, filled in
                    filled = try descriptor.read(
                        fromAbsoluteOffset: Int64(offset), into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            guard try bytes(0, ELF.magic.count) == ELF.magic else { return nil }
            do {
                return format.fault(of: try ELF.read(size: Int(status.st_size), from: bytes))
            } catch let error as ELF.Malformed {
                return "is \(error)"
            }
        }
    }
}
