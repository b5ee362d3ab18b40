/// A unified kernel image: systemd's EFI stub with the kernel, initramfs and command line as sections of its own
/// (UAPI group specification "UKI"), laid out without touching the large parts.
///
/// What is written: the stub's headers with our sections appended, the stub's own sections as they were (moved in
/// the file where the longer headers need the room, never in memory), then each payload at the file alignment.
/// Dropped: the checksum, the COFF symbol table and any signature, none of which hold any more.
public enum UKI {
    /// A section to add; names are `.osrel`, `.uname`, `.cmdline`, `.linux`, `.initrd`, `.dtb`.
    public struct Section: Equatable, Sendable {
        public var name: String
        /// Bytes of its content, which the caller puts where the layout says `.payload`.
        public var size: Int

        public init(name: String, size: Int) {
            self.name = name
            self.size = size
        }
    }

    /// The file from its first byte to its last.
    public enum Piece: Equatable, Sendable {
        case literal([UInt8])
        /// A range of the stub's file.
        case stub(Range<Int>)
        /// The whole content of the section with this index.
        case payload(section: Int)
        case zeros(Int)
    }

    public struct Layout: Equatable, Sendable {
        public var pieces: [Piece]
        /// Bytes in all.
        public var size: Int
        /// Of the file laid out.
        public var headers: PE.Headers
    }
}
