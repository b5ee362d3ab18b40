/// What `builtin:image` is told besides the catalogue of all segments but the last: an image's parts by store path.
public struct ImageRequest: Codable, Sendable, Equatable {
    /// The system's name.
    public var system: String
    /// The platform's name.
    public var platform: String
    /// The kernel's command line, word by word.
    public var kernelParameters: [String]
    /// Output of `builtin:kernel`.
    public var kernel: String
    /// The last segment's directory; those before it are in the catalogue.
    public var settings: String
    /// File name as served -> a file in the store.
    public var loaders: [String: String]
    /// Where it is for a board that boots by U-Boot.
    public var uBoot: UBootImageRequest?
    /// RAM of the smallest node, in MiB.
    public var memory: Int
    /// MiB that its machines load at most, kernel and initramfs together; nil where no limit is known.
    public var largestLoad: Int?

    public init(
        system: String, platform: String, kernelParameters: [String], kernel: String, settings: String,
        loaders: [String: String], uBoot: UBootImageRequest? = nil, memory: Int, largestLoad: Int? = nil
    ) {
        self.system = system
        self.platform = platform
        self.kernelParameters = kernelParameters
        self.kernel = kernel
        self.settings = settings
        self.loaders = loaders
        self.uBoot = uBoot
        self.memory = memory
        self.largestLoad = largestLoad
    }
}
