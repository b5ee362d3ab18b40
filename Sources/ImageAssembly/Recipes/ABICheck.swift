import Building
import FileFormats
import Foundation
import SystemPackage

/// Holds every ELF file of a tree, and every object in its libraries, against a platform's ABI.
///
/// A mixture links without a word and fails on the node, far from its cause; so it fails here, file by file.
public struct ABICheck {
    let abi: ELF.ABI
    /// Beginnings of paths that are passed over: what runs on the build machine or in firmware.
    let foreignFiles: [String]

    /// - Parameters:
    ///   - abi: what every ELF file must be.
    ///   - foreignFiles: beginnings of paths that are passed over.
    public init(abi: ELF.ABI, foreignFiles: [String] = []) {
        self.abi = abi
        self.foreignFiles = foreignFiles
    }

    /// A line for each fault, `path: what`, sorted by path; empty where the tree may run on the platform.
    public func faults(in root: FilePath) throws -> [String] {
        var faults: [String] = []
        var status = stat()
        guard lstat(root.string, &status) == 0 else { throw Tree.failure(root, "could not be examined") }
        if status.st_mode & S_IFMT == S_IFREG { return try self.faults(of: root, as: root.lastComponent?.string ?? "") }
        guard let walker = FileManager.default.enumerator(atPath: root.string) else {
            throw BuildError(subject: root.string, message: "could not be read")
        }
        for case let path as String in walker {
            let file = root.appending(path)
            guard lstat(file.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                !foreignFiles.contains(where: path.hasPrefix)
            else { continue }
            faults += try self.faults(of: file, as: path)
        }
        return faults.sorted()
    }

    private func faults(of file: FilePath, as name: String) throws -> [String] {
        let descriptor = try FileDescriptor.open(file, .readOnly, options: [.noFollow, .closeOnExec])
        return try descriptor.closeAfter {
            let size = try Tree.size(of: file)
            /// Bytes of the file, counted from `start`.
            func source(from start: Int) -> ELF.ByteSource {
                { offset, count in
                    var bytes = [UInt8](repeating: 0, count: max(0, min(count, size - start - offset)))
                    var filled = 0
                    while filled < bytes.count {
                        let count = try bytes.withUnsafeMutableBytes {
                            try descriptor.read(
                                fromAbsoluteOffset: Int64(start + offset + filled),
                                into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
                        }
                        if count == 0 { break }
                        filled += count
                    }
                    return Array(bytes[..<filled])
                }
            }
            let whole = source(from: 0)
            let head = try whole(0, Ar.magic.count)
            if head.starts(with: ELF.magic) { return try faults(ofELF: size, whole, as: name) }
            guard head == Ar.magic || head == Ar.thinMagic else { return [] }
            let members: [Ar.Member]
            do {
                members = try Ar.members(size: size, from: whole)
            } catch let error as Ar.Malformed {
                return ["\(name): is \(error)"]
            }
            return try members.flatMap { member in
                let part = source(from: member.offset)
                guard try part(0, ELF.magic.count) == ELF.magic else { return [String]() }
                return try faults(ofELF: member.size, part, as: "\(name)(\(member.name))")
            }
        }
    }

    private func faults(ofELF size: Int, _ source: @escaping ELF.ByteSource, as name: String) throws -> [String] {
        do {
            return abi.faults(of: try ELF.read(size: size, from: source)).map { "\(name): \($0)" }
        } catch let error as ELF.Malformed {
            return ["\(name): is \(error)"]
        }
    }
}
