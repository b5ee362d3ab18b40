/// What of an image U-Boot gets, with the sums that its formats carry: made with the image, so that nobody reads it again to
/// serve it.
public struct UBootImage: Codable, Sendable, Equatable {
    /// Bytes in the store and their sums.
    public struct SummedPart: Codable, Sendable, Equatable {
        public var part: ImageManifest.Part
        /// 64 hexadecimal digits.
        public var sha256: String
        public var crc32: UInt32

        public init(part: ImageManifest.Part, sha256: String, crc32: UInt32) {
            self.part = part
            self.sha256 = sha256
            self.crc32 = crc32
        }
    }

    /// The initramfs's sums, each segment padded to 4 bytes.
    public struct Initramfs: Codable, Sendable, Equatable {
        /// Of all of it; 64 hexadecimal digits.
        public var sha256: String
        /// CRC-32 of all segments but the last: a node's own segment stands between the two.
        public var crc32BeforeLast: UInt32
        /// CRC-32 of the last.
        public var crc32OfLast: UInt32

        public init(sha256: String, crc32BeforeLast: UInt32, crc32OfLast: UInt32) {
            self.sha256 = sha256
            self.crc32BeforeLast = crc32BeforeLast
            self.crc32OfLast = crc32OfLast
        }
    }

    /// The board's name.
    public var board: String
    /// `fit` or `uimage`.
    public var format: Board.Format
    public var uBoot: Board.UBoot
    /// Compressed by gzip.
    public var kernel: SummedPart
    /// Bytes of the kernel once unpacked.
    public var unpackedKernel: Int
    /// Nil where the loader has its own.
    public var deviceTree: SummedPart?
    public var initramfs: Initramfs

    public init(
        board: String, format: Board.Format, uBoot: Board.UBoot, kernel: SummedPart, unpackedKernel: Int,
        deviceTree: SummedPart?, initramfs: Initramfs
    ) {
        self.board = board
        self.format = format
        self.uBoot = uBoot
        self.kernel = kernel
        self.unpackedKernel = unpackedKernel
        self.deviceTree = deviceTree
        self.initramfs = initramfs
    }

    /// What is loaded, with an initramfs of so many bytes.
    public func sizes(initramfs: Int) -> Board.UBoot.Sizes {
        .init(
            kernel: kernel.part.size, unpackedKernel: unpackedKernel, initramfs: initramfs,
            deviceTree: deviceTree?.part.size ?? 0)
    }
}

/// What `builtin:image` is told of a board that boots by U-Boot.
public struct UBootImageRequest: Codable, Sendable, Equatable {
    public var board: String
    public var format: Board.Format
    public var uBoot: Board.UBoot
    /// MiB of its RAM.
    public var memory: Int
    /// The kernel, compressed by gzip; a file in the store, as the next two.
    public var kernel: String
    /// Has the bytes of the unpacked kernel, in decimal.
    public var unpackedKernel: String
    public var deviceTree: String?

    public init(
        board: String, format: Board.Format, uBoot: Board.UBoot, memory: Int, kernel: String, unpackedKernel: String,
        deviceTree: String?
    ) {
        self.board = board
        self.format = format
        self.uBoot = uBoot
        self.memory = memory
        self.kernel = kernel
        self.unpackedKernel = unpackedKernel
        self.deviceTree = deviceTree
    }
}
