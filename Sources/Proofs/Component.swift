import StoreModel

/// One thing that a system is made of, or by.
public struct Component: Sendable, Equatable {
    public enum Use: String, Sendable, Codable {
        /// It is in the image, or starts it.
        case runtime
        /// It took part in making the image.
        case build
    }

    public enum Kind: Sendable, Equatable {
        /// A binary package, with its source package's name, and that one's version where the package says it.
        case debianPackage(architecture: String, source: String, sourceVersion: String?)
        /// A file of a source package.
        case debianSource
        /// What a recipe made.
        case recipe
        /// A Nix closure that was made elsewhere.
        case nixClosure
        /// What Bootferry made of the configuration, such as `settings`.
        case part
    }

    public var kind: Kind
    public var name: String
    /// Empty where it has none.
    public var version: String
    public var use: Use
    public var licence: Licence
    public var homepage: String?
    /// As Debian has it: `NAME <ADDRESS>`.
    public var maintainer: String?
    /// What of it is in the store, and SHA-256 of that object's archive (NAR) in hexadecimal.
    public var object: (path: String, narDigest: String)?
    /// The file that it came as, below the archive's root, and its SHA-256 in hexadecimal.
    public var file: (path: String, sha256: String)?
    /// Bytes on a node; 0 for what is not in the image.
    public var unpackedBytes: Int
    public var patches: [BuildRecord.Patch]
    /// Identifiers of what it needs when it runs.
    public var needs: Set<String> = []
    /// Identifiers of what it was made from and by.
    public var madeFrom: Set<String> = []

    public init(
        _ kind: Kind, name: String, version: String, use: Use, licence: Licence = .unknown, homepage: String? = nil,
        maintainer: String? = nil, object: (path: String, narDigest: String)? = nil,
        file: (path: String, sha256: String)? = nil, unpackedBytes: Int = 0, patches: [BuildRecord.Patch] = []
    ) {
        self.kind = kind
        self.name = name
        self.version = version
        self.use = use
        self.licence = licence
        self.homepage = homepage
        self.maintainer = maintainer
        self.object = object
        self.file = file
        self.unpackedBytes = unpackedBytes
        self.patches = patches
    }

    public static func == (a: Component, b: Component) -> Bool {
        a.identifier == b.identifier && a.use == b.use && a.licence == b.licence
            && a.object?.narDigest == b.object?.narDigest && a.needs == b.needs && a.madeFrom == b.madeFrom
    }

    /// Unique in a bill, of letters, digits, `.` and `-`: the name, and the beginning of a digest.
    public var identifier: String {
        let digest = file?.sha256 ?? object?.narDigest ?? Digest.sha256(of: version).hex
        return "\(inIdentifiers(name))-\(digest.prefix(10))"
    }

    /// Its package URL (purl-spec, types deb and generic); nil for a part.
    public var packageURL: String? {
        let name = Self.escaped(name)
        let version = Self.escaped(version)
        switch kind {
        case .debianPackage(let architecture, let source, let sourceVersion):
            let other = sourceVersion.map { "@\($0)" } ?? ""
            let upstream =
                source == self.name && (sourceVersion ?? self.version) == self.version
                ? "" : "&upstream=\(Self.escaped(source + other))"
            return "pkg:deb/debian/\(name)@\(version)?arch=\(architecture)\(upstream)"
        case .debianSource: return "pkg:deb/debian/\(name)@\(version)?arch=source"
        case .recipe: return "pkg:generic/\(name)\(version.isEmpty ? "" : "@\(version)")"
        case .nixClosure, .part: return nil
        }
    }

    /// RFC 3986's unreserved characters and `:` stay as they are (purl-spec, "Character encoding").
    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x3A: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    /// What it came from, as a sentence; nil where nothing more is known.
    var origin: String? {
        switch kind {
        case .debianPackage(_, let source, let version):
            "built by Debian from its source package \(source)\(version.map { " \($0)" } ?? "")"
        case .debianSource: "a file of Debian's source package \(name) \(version)"
        case .recipe: "built from source by Bootferry's recipe \(name)"
        case .nixClosure: "a Nix closure, taken as it was built elsewhere"
        case .part: "made by Bootferry of the system's configuration"
        }
    }

    /// Where it is, and its archive's digest.
    var place: String? { object.map { "\($0.path), NAR sha256 \($0.narDigest)" } }

    public var isDebianPackage: Bool { if case .debianPackage = kind { true } else { false } }
    var isSource: Bool { kind == .debianSource }
}

/// The text with `-` for all but letters, digits, `.` and `-`: what SPDX's identifiers are made of.
func inIdentifiers(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") ? $0 : "-" })
}
