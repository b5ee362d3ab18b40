import StoreModel
import SystemModel

/// The documents of an OCI image (Open Container Initiative, image specification 1.0): configuration, manifest and index.
///
/// The same values make the same bytes.
struct ContainerImage {
    /// A layer as it lies in the layout.
    struct Layer {
        /// Of the compressed archive, and of what it unpacks to.
        var blob: Blob
        var archiveDigest: Digest
        /// For people: what is in it.
        var contents: String
    }

    /// A file of the layout, by its digest.
    struct Blob {
        var digest: Digest
        var size: Int

        init(digest: Digest, size: Int) {
            self.digest = digest
            self.size = size
        }

        init(_ document: String) {
            self.init(digest: .sha256(of: document), size: document.utf8.count)
        }

        var name: String { "sha256:\(digest.hex)" }

        func descriptor(_ type: String, _ more: [(String, JSONValue)] = []) -> JSONValue {
            .record([("mediaType", .text(type)), ("digest", .text(name)), ("size", .number(size))] + more)
        }
    }

    var description: ContainerDescription
    var layers: [Layer]

    /// The image's configuration.
    var configuration: String {
        let history = layers.map { layer in
            JSONValue.record([
                ("created", .text(description.created)), ("created_by", .text("bootferry: \(layer.contents)")),
            ])
        }
        var fields: [(String, JSONValue)] = [
            ("created", .text(description.created)), ("architecture", .text(description.architecture)),
        ]
        if let variant = description.variant { fields.append(("variant", .text(variant))) }
        fields += [
            ("os", .text("linux")),
            (
                "config",
                .record([
                    (
                        "Env",
                        .list([.text("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")])
                    ), ("Cmd", .list([.text("/bin/sh")])), ("Labels", labels),
                ])
            ),
            (
                "rootfs",
                .record([
                    ("type", .text("layers")),
                    ("diff_ids", .list(layers.map { .text("sha256:\($0.archiveDigest.hex)") })),
                ])
            ), ("history", .list(history)),
        ]
        return JSONValue.record(fields).line
    }

    var manifest: String {
        JSONValue.record([
            ("schemaVersion", .number(2)), ("mediaType", .text(Self.manifestType)),
            ("config", Blob(configuration).descriptor("application/vnd.oci.image.config.v1+json")),
            (
                "layers",
                .list(layers.map { $0.blob.descriptor("application/vnd.oci.image.layer.v1.tar+zstd") })
            ), ("annotations", labels),
        ]).line
    }

    var index: String {
        JSONValue.record([
            ("schemaVersion", .number(2)), ("mediaType", .text("application/vnd.oci.image.index.v1+json")),
            (
                "manifests",
                .list([
                    Blob(manifest).descriptor(
                        Self.manifestType,
                        [
                            (
                                "annotations",
                                .record([("org.opencontainers.image.ref.name", .text(description.tag))])
                            )
                        ])
                ])
            ),
        ]).line
    }

    static let layout = JSONValue.record([("imageLayoutVersion", .text("1.0.0"))]).line

    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"

    private var labels: JSONValue {
        .record([
            ("org.opencontainers.image.created", .text(description.created)),
            ("org.opencontainers.image.title", .text(description.system)),
            ("org.opencontainers.image.version", .text(String(description.generation))),
            ("org.bootferry.image", .text(description.image)),
        ])
    }
}

/// What a container's image says of itself.
public struct ContainerDescription: Sendable {
    public var system: String
    public var generation: Int
    /// The image's store path.
    public var image: String
    /// RFC 3339.
    public var created: String
    /// As Go calls processors, which OCI does too.
    public var architecture: String
    public var variant: String?

    /// - Parameter processor: Debian's word for it, or the first of a GNU triple; nil comes of one that OCI has no word for.
    public init?(system: String, generation: Int, image: String, created: String, processor: String) {
        guard let (architecture, variant) = Self.words[processor] else { return nil }
        self.system = system
        self.generation = generation
        self.image = image
        self.created = created
        self.architecture = architecture
        self.variant = variant
    }

    /// Which image of several in one layout.
    var tag: String { "\(system)-\(generation)" }

    private static let words: [String: (String, String?)] = [
        "amd64": ("amd64", nil), "x86_64": ("amd64", nil), "i386": ("386", nil), "arm64": ("arm64", nil),
        "aarch64": ("arm64", nil), "armhf": ("arm", "v7"), "armel": ("arm", "v5"), "ppc64el": ("ppc64le", nil),
        "powerpc64le": ("ppc64le", nil), "powerpc64": ("ppc64", nil), "riscv64": ("riscv64", nil),
        "s390x": ("s390x", nil),
    ]
}
