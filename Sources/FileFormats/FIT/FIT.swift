/// U-Boot's flattened image tree: kernel, device tree and initramfs in one file, each with digests, as a device tree whose
/// property `data` has the bytes (U-Boot's `doc/usage/fit/source_file_format.rst`).
///
/// Written are images with their data inside, which every U-Boot reads that knows the format, and configurations that say which
/// images boot together. The data are named by number and put in as the file is given out.
public enum FIT {
    /// A digest of an image's data, made beforehand.
    public struct Digest: Equatable, Sendable {
        /// As U-Boot calls it: `sha256`, `crc32`.
        public var algorithm: String
        public var value: [UInt8]

        public init(_ algorithm: String, _ value: [UInt8]) {
            self.algorithm = algorithm
            self.value = value
        }
    }

    public enum Kind: String, Sendable {
        case kernel
        case deviceTree = "flat_dt"
        case ramdisk
        case script
    }

    /// One image.
    public struct Image: Equatable, Sendable {
        /// Its node's name, such as `kernel-1`.
        public var name: String
        public var kind: Kind
        public var description: String
        /// As U-Boot calls it: `ppc`, `arm64`.
        public var architecture: String
        /// `none` or `gzip`, `zstd`.
        public var compression: String
        /// Where the data are to be, once unpacked; nil leaves it to U-Boot.
        public var load: UInt32?
        public var entry: UInt32?
        public var data: DeviceTree.Property.Value
        public var digests: [Digest]

        public init(
            _ name: String, _ kind: Kind, description: String, architecture: String, compression: String = "none",
            load: UInt32? = nil, entry: UInt32? = nil, data: DeviceTree.Property.Value, digests: [Digest]
        ) {
            self.name = name
            self.kind = kind
            self.description = description
            self.architecture = architecture
            self.compression = compression
            self.load = load
            self.entry = entry
            self.data = data
            self.digests = digests
        }
    }

    /// Images that boot together, by their nodes' names.
    public struct Configuration: Equatable, Sendable {
        public var name: String
        public var description: String
        public var kernel: String
        public var ramdisk: String?
        public var deviceTree: String?

        public init(
            _ name: String, description: String, kernel: String, ramdisk: String? = nil, deviceTree: String? = nil
        ) {
            self.name = name
            self.description = description
            self.kernel = kernel
            self.ramdisk = ramdisk
            self.deviceTree = deviceTree
        }
    }

    /// A file.
    public struct Tree: Equatable, Sendable {
        public var description: String
        public var images: [Image]
        /// The first is the default.
        public var configurations: [Configuration]

        public init(description: String, images: [Image], configurations: [Configuration]) {
            self.description = description
            self.images = images
            self.configurations = configurations
        }
    }

    /// The file as pieces, in order.
    ///
    /// - Throws: `DeviceTree.Malformed` where it would have 2 GiB or more.
    public static func layout(_ tree: Tree) throws(DeviceTree.Malformed) -> [DeviceTree.Piece] {
        try DeviceTree.layout(node(tree))
    }

    private static func node(_ tree: Tree) -> DeviceTree.Node {
        typealias Property = DeviceTree.Property
        let images = tree.images.map { image in
            var properties = [
                Property("description", image.description), Property("type", image.kind.rawValue),
                Property("arch", image.architecture), Property("compression", image.compression),
            ]
            if image.kind == .kernel || image.kind == .ramdisk { properties.append(Property("os", "linux")) }
            if let load = image.load { properties.append(Property("load", cells: load)) }
            if let entry = image.entry { properties.append(Property("entry", cells: entry)) }
            properties.append(Property("data", image.data))
            let digests = image.digests.enumerated().map { index, digest in
                DeviceTree.Node(
                    "hash-\(index + 1)", [Property("algo", digest.algorithm), Property("value", .bytes(digest.value))])
            }
            return DeviceTree.Node(image.name, properties, children: digests)
        }
        let configurations = tree.configurations.map { configuration in
            var properties = [
                Property("description", configuration.description), Property("kernel", configuration.kernel),
            ]
            if let ramdisk = configuration.ramdisk { properties.append(Property("ramdisk", ramdisk)) }
            if let deviceTree = configuration.deviceTree { properties.append(Property("fdt", deviceTree)) }
            return DeviceTree.Node(configuration.name, properties)
        }
        var chosen = DeviceTree.Node("configurations", children: configurations)
        if let first = tree.configurations.first { chosen.properties = [Property("default", first.name)] }
        return DeviceTree.Node(
            "",
            [
                // U-Boot may ask for a time, and takes 0 for none.
                Property("description", tree.description), Property("timestamp", cells: 1),
                Property("#address-cells", cells: 1),
            ], children: [DeviceTree.Node("images", children: images), chosen])
    }

    /// Reads a file whose data are inside it.
    ///
    /// - Throws: `DeviceTree.Malformed` where it is no such tree, or a configuration names an image that is not there.
    public static func read(_ bytes: [UInt8]) throws(DeviceTree.Malformed) -> Tree {
        let root = try DeviceTree.read(bytes)
        guard let images = root.child("images"), let configurations = root.child("configurations") else {
            throw DeviceTree.Malformed(description: "a device tree without 'images' and 'configurations'")
        }
        var read: [Image] = []
        for node in images.children { read.append(try image(node)) }
        var found: [Configuration] = []
        for node in configurations.children {
            let configuration = Configuration(
                node.name, description: text(node["description"]) ?? "", kernel: text(node["kernel"]) ?? "",
                ramdisk: text(node["ramdisk"]), deviceTree: text(node["fdt"]))
            for name in [configuration.kernel, configuration.ramdisk, configuration.deviceTree].compactMap({ $0 })
            where !read.contains(where: { $0.name == name }) {
                throw DeviceTree.Malformed(
                    description: "a configuration '\(node.name)' with the image '\(name)', which is not there")
            }
            found.append(configuration)
        }
        let first = text(configurations["default"])
        return Tree(
            description: text(root["description"]) ?? "", images: read,
            configurations: found.filter { $0.name == first } + found.filter { $0.name != first })
    }

    private static func image(_ node: DeviceTree.Node) throws(DeviceTree.Malformed) -> Image {
        guard let kind = text(node["type"]).flatMap(Kind.init(rawValue:)), let data = node["data"] else {
            throw DeviceTree.Malformed(description: "an image '\(node.name)' without data, or of a type not read here")
        }
        return Image(
            node.name, kind, description: text(node["description"]) ?? "", architecture: text(node["arch"]) ?? "",
            compression: text(node["compression"]) ?? "none", load: cell(node["load"]), entry: cell(node["entry"]),
            data: .bytes(data),
            digests: node.children.filter { $0.name.hasPrefix("hash") }.compactMap { hash in
                text(hash["algo"]).flatMap { name in hash["value"].map { Digest(name, $0) } }
            })
    }

    private static func text(_ value: [UInt8]?) -> String? {
        value.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func cell(_ value: [UInt8]?) -> UInt32? {
        value.flatMap { $0.count == 4 ? $0.reduce(0) { $0 << 8 | UInt32($1) } : nil }
    }
}
