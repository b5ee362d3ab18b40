/// The "new ASCII" cpio archive that Linux unpacks into its first root (newc; Linux
/// `Documentation/driver-api/early-userspace/buffer-format.rst` and `init/initramfs.c`).
///
/// Each entry: a header of 110 bytes (`070701` and thirteen 8-digit hexadecimal fields), the name with a NUL,
/// padding to 4 bytes, the contents, padding to 4 bytes. The entry `TRAILER!!!` ends the archive.
///
/// What is written here: device numbers of the archive are 0; inode numbers are the caller's; contents of a hard-linked
/// file come with its first name, and its other names carry none, which is what the kernel's `maybe_link` expects.
/// A file holds less than 4 GiB, and there is no place for extended attributes.
public enum CPIO {
    /// File types as they stand in `mode` (`st_mode` of stat(2)).
    public enum FileType: UInt32, Sendable {
        case fifo = 0o010000
        case characterDevice = 0o020000
        case directory = 0o040000
        case blockDevice = 0o060000
        case file = 0o100000
        case symbolicLink = 0o120000
    }

    /// One name in the archive.
    public struct Entry: Sendable, Equatable {
        /// Relative, without a leading slash.
        public var path: String
        public var type: FileType
        /// The lower 12 bits of `st_mode`.
        public var permissions: UInt32
        public var owner: UInt32
        public var group: UInt32
        /// Names with one inode number are one file.
        public var inode: UInt32
        /// How many names the file has; 2 or more makes the kernel look for the others.
        public var links: UInt32
        /// Seconds since 1970.
        public var modified: UInt32
        /// Bytes of contents: a file's, or the length of a symbolic link's target.
        public var size: Int
        public var deviceMajor: UInt32
        public var deviceMinor: UInt32

        public init(
            path: String, type: FileType, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0, inode: UInt32,
            links: UInt32 = 1, modified: UInt32 = 0, size: Int = 0, deviceMajor: UInt32 = 0, deviceMinor: UInt32 = 0
        ) {
            self.path = path
            self.type = type
            self.permissions = permissions
            self.owner = owner
            self.group = group
            self.inode = inode
            self.links = links
            self.modified = modified
            self.size = size
            self.deviceMajor = deviceMajor
            self.deviceMinor = deviceMinor
        }
    }

    /// Why an archive could not be written or read.
    public enum Fault: Error, Sendable, Equatable {
        /// newc has 32 bits for a size.
        case tooLarge(path: String, size: Int)
        case unsuitableName(String)
        case damaged(String)
    }

    static let trailer = "TRAILER!!!"

    /// Header, name and padding that come before an entry's contents.
    public static func header(_ entry: Entry) throws(Fault) -> [UInt8] {
        guard let size = UInt32(exactly: entry.size) else { throw .tooLarge(path: entry.path, size: entry.size) }
        // The kernel ignores an entry whose name does not fit PATH_MAX with its NUL.
        guard !entry.path.isEmpty, entry.path.utf8.count < 4096, !entry.path.utf8.contains(0) else {
            throw .unsuitableName(entry.path)
        }
        return header(
            path: entry.path,
            fields: [
                entry.inode, entry.type.rawValue | (entry.permissions & 0o7777), entry.owner, entry.group, entry.links,
                entry.modified, size, 0, 0, entry.deviceMajor, entry.deviceMinor,
            ])
    }

    /// The zero bytes that follow contents of `size` bytes.
    public static func padding(after size: Int) -> [UInt8] { [UInt8](repeating: 0, count: (4 - size % 4) % 4) }

    /// The entry that ends an archive, itself padded to 4 bytes.
    public static var end: [UInt8] { header(path: trailer, fields: [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) }

    private static func header(path: String, fields: [UInt32]) -> [UInt8] {
        let name = Array(path.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(114 + name.count)
        bytes += "070701".utf8
        for field in fields + [UInt32(name.count + 1), 0] { append(hexadecimal: field, to: &bytes) }
        bytes += name
        bytes.append(0)
        while bytes.count % 4 != 0 { bytes.append(0) }
        return bytes
    }

    private static func append(hexadecimal value: UInt32, to bytes: inout [UInt8]) {
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(value >> UInt32(shift) & 0xF)
            bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}
