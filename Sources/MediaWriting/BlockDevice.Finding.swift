import Glibc
import SystemPackage

extension BlockDevice {
    /// Asks the kernel (`/sys`, `/proc`) about a block device.
    ///
    /// - Parameters:
    ///   - path: a device's file, or a link to it.
    ///   - store: the state directory.
    /// - Returns: nil where the path is no block device, or nothing at all.
    /// - Throws: `MediaWritingError` where the kernel does not know it.
    public init?(at path: FilePath, store: FilePath) throws {
        var facts = stat()
        guard stat(path.string, &facts) == 0, facts.st_mode & S_IFMT == S_IFBLK else { return nil }
        let number = Self.number(facts.st_rdev)
        guard let folder = realpath("/sys/dev/block/\(number)") else {
            throw MediaWritingError(
                kind: .host, subject: "'\(path)'", message: "is block device \(number), which the kernel does not know",
                remedy: "put the medium in again")
        }
        let isPartition = text("\(folder)/partition") != nil
        let whole = isPartition ? FilePath(folder).removingLastComponent().string : folder
        name = FilePath(folder).lastComponent?.string ?? number
        disk = isPartition ? FilePath(whole).lastComponent?.string : nil
        self.path = path.string
        size = (text("\(folder)/size").flatMap { Int($0) } ?? 0) * 512
        sectorSize = text("\(whole)/queue/logical_block_size").flatMap { Int($0) } ?? 512
        isReadOnly = text("\(folder)/ro") == "1"
        isRemovable = text("\(whole)/removable") == "1" || whole.contains("/usb")
        let parts = [folder] + names(in: folder).map { "\(folder)/\($0)" }.filter { text("\($0)/partition") != nil }
        uses = parts.flatMap(Self.uses)
        var storeFacts = stat()
        holdsStore =
            stat(store.string, &storeFacts) == 0
            && Self.disks(under: "/sys/dev/block/\(Self.number(storeFacts.st_dev))").contains(whole)
    }

    /// `major:minor`, by glibc's packing (makedev(3), which is a macro).
    private static func number(_ device: dev_t) -> String {
        let major = (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF)
        let minor = (device & 0xFF) | (device >> 12 & 0xFFFF_FF00)
        return "\(major):\(minor)"
    }

    /// What has hold of one device: mounts, swap, devices made of it.
    private static func uses(of folder: String) -> [Use] {
        let name = FilePath(folder).lastComponent?.string ?? folder
        let number = text("\(folder)/dev") ?? ""
        let mounts = (text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap { line -> Use? in
            // 36 35 98:0 /root /mount/point …; spaces and the like are in octal.
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[2] == number else { return nil }
            return Use(device: name, by: String(fields[4]), kind: .mount)
        }
        let swaps = (text("/proc/swaps") ?? "").split(separator: "\n").compactMap { line -> Use? in
            guard let file = line.split(separator: " ").first, file == "/dev/\(name)" else { return nil }
            return Use(device: name, by: "swap", kind: .swap)
        }
        return mounts + swaps + names(in: "\(folder)/holders").map { Use(device: name, by: $0, kind: .device) }
    }

    /// The whole disks that a device of a file system lies on.
    private static func disks(under path: String) -> Set<String> {
        guard let folder = realpath(path) else { return [] }
        let parts = names(in: "\(folder)/slaves")
        guard parts.isEmpty else {
            return parts.reduce(into: []) { $0.formUnion(disks(under: "\(folder)/slaves/\($1)")) }
        }
        let isPartition = text("\(folder)/partition") != nil
        return [isPartition ? FilePath(folder).removingLastComponent().string : folder]
    }
}

/// A small file of the kernel's, without the line's end; nil where there is none.
private func text(_ path: String) -> String? {
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return nil }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    while true {
        let piece = try? [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        guard let piece else { return nil }
        if piece.isEmpty { break }
        bytes += piece
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
}

private func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { found.append(name) }
    }
    return found.sorted()
}

private func realpath(_ path: String) -> String? {
    guard let pointer = Glibc.realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
}
