/// What a binary cache says of one object: the `HASH.narinfo` file.
///
/// `Key: value` lines; written in the order nix writes them. Unknown keys are ignored when read, as nix does, so that only
/// files of the known keys come back byte for byte.
/// Reference: Nix manual, "Binary cache: .narinfo".
public struct NARInfo: Sendable, Hashable {
    /// What the store that wrote it knew of the object.
    public var registration: PathRegistration
    /// Relative to the cache.
    public var url: String
    /// `none`, `zstd`, `xz`, …
    public var compression: String
    /// Digest and size of the compressed file.
    public var fileHash: Digest?
    /// Bytes of the compressed NAR, where stated.
    public var fileSize: Int?
    /// The platform of the build, where stated.
    public var system: String?

    /// Bytes beyond which a file is no narinfo.
    public static let maximumCount = 1 << 20

    public init(
        registration: PathRegistration, url: String, compression: String, fileHash: Digest? = nil, fileSize: Int? = nil,
        system: String? = nil
    ) {
        self.registration = registration
        self.url = url
        self.compression = compression
        self.fileHash = fileHash
        self.fileSize = fileSize
        self.system = system
    }

    /// The file's text.
    public var text: String {
        var text = "StorePath: \(registration.path)\nURL: \(url)\nCompression: \(compression)\n"
        if let fileHash { text += "FileHash: \(fileHash.prefixedNix32)\n" }
        if let fileSize { text += "FileSize: \(fileSize)\n" }
        text += "NarHash: \(registration.narHash.prefixedNix32)\nNarSize: \(registration.narSize)\n"
        text += "References: \(registration.references.sorted().map(\.baseName).joined(separator: " "))\n"
        if let deriver = registration.deriver { text += "Deriver: \(deriver.baseName)\n" }
        if let system { text += "System: \(system)\n" }
        for signature in registration.signatures { text += "Sig: \(signature)\n" }
        if let contentAddress = registration.contentAddress { text += "CA: \(contentAddress)\n" }
        return text
    }

    /// Reads the file's text; a content address must give the stated path.
    public init(parsing text: String) throws(StoreModelError) {
        guard text.utf8.count <= NARInfo.maximumCount else {
            throw StoreModelError("narinfo", "has more than \(NARInfo.maximumCount) bytes")
        }
        var fields: [String: String] = [:]
        var signatures: [Signature] = []
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":"), line[colon...].hasPrefix(": ") else {
                throw StoreModelError("narinfo", "expected 'Key: value', found '\(line.prefix(100))'")
            }
            let (key, value) = (String(line[..<colon]), line[colon...].dropFirst(2))
            if key == "Sig" {
                signatures.append(try Signature(parsing: value))
            } else if fields.updateValue(String(value), forKey: key) != nil {
                throw StoreModelError("narinfo", "has '\(key.prefix(100))' twice")
            }
        }
        func require(_ key: String) throws(StoreModelError) -> String {
            guard let value = fields[key], !value.isEmpty else { throw StoreModelError("narinfo", "has no '\(key)'") }
            return value
        }
        func size(_ key: String, _ value: String) throws(StoreModelError) -> Int {
            guard let size = Int(value), size >= 0, value.utf8.first != UInt8(ascii: "+") else {
                throw StoreModelError("narinfo", "'\(key)' is no size: '\(value.prefix(100))'")
            }
            return size
        }
        let path = try StorePath(parsing: try require("StorePath"))
        var references: Set<StorePath> = []
        for reference in (fields["References"] ?? "").split(separator: " ") {
            references.insert(try StorePath(baseName: String(reference)))
        }
        registration = PathRegistration(
            path: path, narHash: try Digest(parsing: try require("NarHash")),
            narSize: try size("NarSize", try require("NarSize")), references: references, signatures: signatures)
        if let deriver = fields["Deriver"], deriver != "unknown-deriver" {
            registration.deriver = try StorePath(baseName: deriver)
        }
        if let contentAddress = fields["CA"], !contentAddress.isEmpty {
            registration.contentAddress = try ContentAddress(parsing: contentAddress)
        }
        url = try require("URL")
        compression = fields["Compression"] ?? "bzip2"
        if let text = fields["FileHash"] { fileHash = try Digest(parsing: text) }
        if let text = fields["FileSize"] { fileSize = try size("FileSize", text) }
        system = fields["System"]
        guard registration.narHash.algorithm == .sha256 else {
            throw StoreModelError("'\(path)'", "'NarHash' is sha256, found \(registration.narHash.algorithm.rawValue)")
        }
        try registration.checkContentAddress()
    }
}
