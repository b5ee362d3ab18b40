import Diagnostics

/// What the kernel says of a block device, as far as it matters to somebody who is about to overwrite it.
public struct BlockDevice: Sendable, Equatable {
    /// Something that has hold of the device or of a part of it.
    public struct Use: Sendable, Equatable {
        /// The device itself or one of its partitions, such as `sdb1`.
        public var device: String
        /// A folder where it is mounted, `swap`, or the device that is made of it, such as `dm-0`.
        public var by: String
        public var kind: Kind

        public enum Kind: Sendable, Equatable { case mount, swap, device }

        public init(device: String, by: String, kind: Kind) {
            self.device = device
            self.by = by
            self.kind = kind
        }
    }

    /// As the user named it.
    public var path: String
    /// The kernel's name, such as `sdb`.
    public var name: String
    /// Bytes.
    public var size: Int
    /// Bytes of a logical sector.
    public var sectorSize: Int
    /// The whole disk, where this is a partition.
    public var disk: String?
    public var isReadOnly: Bool
    /// Its medium can be taken out, or it hangs on USB.
    public var isRemovable: Bool
    public var uses: [Use]
    /// The state directory lies on it.
    public var holdsStore: Bool

    public init(
        path: String, name: String, size: Int, sectorSize: Int, disk: String?, isReadOnly: Bool, isRemovable: Bool,
        uses: [Use], holdsStore: Bool
    ) {
        self.path = path
        self.name = name
        self.size = size
        self.sectorSize = sectorSize
        self.disk = disk
        self.isReadOnly = isReadOnly
        self.isRemovable = isRemovable
        self.uses = uses
        self.holdsStore = holdsStore
    }

    /// Why nothing may be written to it; nil where it is a disk of nobody's that has room.
    ///
    /// - Parameters:
    ///   - bytes: as many as are to be written.
    ///   - takesFixed: whether a disk that stays in the machine may be overwritten.
    public func refusal(of bytes: Int, takesFixed: Bool) -> MediaWritingError? {
        func refused(_ message: String, remedy: String?) -> MediaWritingError {
            MediaWritingError(subject: "'\(path)'", message: message, remedy: remedy)
        }
        if let disk {
            return refused(
                "is a partition, and a medium that boots takes a whole disk", remedy: "name the disk: /dev/\(disk)")
        }
        if holdsStore {
            return refused("has the state directory of this very Bootferry on it", remedy: "name another disk")
        }
        if let use = uses.first {
            let device = "/dev/\(use.device)"
            let whose = use.device == name ? "" : ": its part \(device)"
            switch use.kind {
            case .mount: return refused("is in use\(whose) is mounted at '\(use.by)'", remedy: "umount \(device)")
            case .swap: return refused("is in use\(whose) is swap space", remedy: "swapoff \(device)")
            case .device:
                return refused(
                    "is in use\(whose) is a part of '\(use.by)' (a RAID, a volume group or an encrypted disk)",
                    remedy: "name another disk, or stop '\(use.by)' first")
            }
        }
        if isReadOnly { return refused("is read-only", remedy: "look for a switch on the medium") }
        if !takesFixed, !isRemovable {
            return refused(
                "is no removable medium, nor on USB (\(formatBytes(size)))",
                remedy: "if it is this disk that is to be overwritten, give --format disk")
        }
        if sectorSize != 512 {
            return refused(
                "has sectors of \(sectorSize) bytes, and media are made for 512", remedy: "take another medium")
        }
        if size < bytes {
            return refused(
                "is too small: it has \(size) bytes (\(formatBytes(size))), and \(bytes) (\(formatBytes(bytes))) are needed",
                remedy: "take a larger medium")
        }
        return nil
    }
}
