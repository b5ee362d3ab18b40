import Diagnostics
import Glibc
import MediumModel
import StoreModel
import SystemPackage

/// A folder that is a Nix binary cache, and that says by its medium manifest what is in it; another program's has none.
///
///     medium-manifest           what is here, signed; of one volume of several, medium-manifest-NUMBER
///     nix-cache-info            that it is a cache, for nix
///     HASH.narinfo              one object
///     nar/FILEHASH.nar.zst      its archive; where that is too large for the medium, FILEHASH.nar.zst.part1 and so on
///     build-trace-v2/DERIVATION/out.doi
///                               that this made an image, or another object asked for, signed (`BuildTraceEntry`)
///     log/ realisations/        empty: nix wants them on a medium that it cannot write
///     bootferry, bootferry.tar  the program itself (`CarriedProgram`)
///
/// The same files may be members of one tar archive. Everything on it is hostile: names lead nowhere else, links are not
/// followed, sizes are bounded.
public struct Medium: Sendable {
    let source: MediumSource
    /// Nil where there is none.
    public let manifest: MediumManifest?
    /// What the manifest's signatures are worth.
    public let verdict: KeyRing.Verdict
    /// Whose signatures of objects count.
    public let ring: KeyRing

    static let cacheInformation = "nix-cache-info"
    static let archives = "nar"
    static let folders = [archives, "log", "realisations", "build-trace-v2"]
    /// The largest archive that an object may claim to have.
    static let maximumArchiveSize = MediumManifest.maximumFileSize

    /// Where the manifest is, or would be.
    let manifestName: String
    /// What manifests of other volumes in the same folder have.
    var others: Set<String> = []

    /// Reads the manifest, if there is one; a folder or file that is neither medium nor cache, or has several volumes, throws.
    public init(_ path: FilePath, ring: KeyRing) throws {
        let all = try Medium.all(at: path, ring: ring)
        guard all.count == 1 else {
            throw CarryingError("'\(path)'", "has \(all.count) volumes, expected one medium", kind: .usage)
        }
        self = all[0]
    }

    /// The medium in a folder or file; or the volumes, where several were put into one.
    static func all(at path: FilePath, ring: KeyRing) throws -> [Medium] {
        let source = try source(path)
        let volumes =
            source.has(MediumManifest.fileName)
            ? [] : try source.names(in: "").filter { MediumManifest.volumeNumber(ofFile: $0) != nil }
        guard !volumes.isEmpty else { return [try Medium(source, manifestName: MediumManifest.fileName, ring: ring)] }
        var all = try volumes.map { try Medium(source, manifestName: $0, ring: ring) }
        for index in all.indices {
            for other in all.indices where other != index {
                all[index].others.formUnion(all[other].manifest?.files.keys.map { $0 } ?? [])
            }
        }
        return all
    }

    private init(_ source: MediumSource, manifestName: String, ring: KeyRing) throws {
        self.source = source
        self.ring = ring
        self.manifestName = manifestName
        guard let signed = try Medium.signedManifest(named: manifestName, on: source) else {
            guard source.has(Self.cacheInformation) else {
                throw CarryingError(
                    "'\(source.path)'",
                    "is no medium: it has neither '\(MediumManifest.fileName)' nor '\(Self.cacheInformation)'",
                    kind: .usage,
                    remedy:
                        "name the folder or file that 'bootferry export' wrote; an export that was interrupted is finished "
                        + "by giving the same command again")
            }
            manifest = nil
            verdict = .unsigned
            return
        }
        verdict = ring.judge(signed.signatures, of: signed.text)
        let manifest = try MediumManifest(parsing: signed.text)
        guard MediumManifest.fileName(ofVolume: manifest.volume?.number) == manifestName else {
            throw CarryingError(
                "'\(source.path)/\(manifestName)'",
                "belongs into '\(MediumManifest.fileName(ofVolume: manifest.volume?.number))'", kind: .corrupt,
                remedy: "give the file its own name again")
        }
        self.manifest = manifest
    }

    /// Files without heed of their manifest: what an interrupted export left is told by each object's narinfo.
    init(unsigned source: MediumSource, ring: KeyRing) {
        self.source = source
        self.ring = ring
        manifestName = MediumManifest.fileName
        manifest = nil
        verdict = .unsigned
    }

    private static func source(_ path: FilePath) throws -> MediumSource {
        var status = stat()
        guard stat(path.string, &status) == 0 else {
            throw CarryingError("cannot open", path, Errno(rawValue: errno))
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .folder(path)
        case S_IFREG:
            let index = try TarIndex(path)
            guard let cut = index.cut else { return .archive(index) }
            throw CarryingError(
                "'\(path)'", "is not whole: it \(cut)", kind: .corrupt,
                remedy: "copy it again, or finish the export that was interrupted")
        default:
            throw CarryingError(
                "'\(path)'", "is neither a folder nor a file, so it is no medium", kind: .usage,
                remedy: "a pipe is read by 'bootferry import -'")
        }
    }

    private static func signedManifest(named name: String, on source: MediumSource) throws -> SignedText? {
        guard source.has(name) else { return nil }
        return try SignedText(
            parsing: try source.open(name).content(limit: MediumManifest.maximumCount), of: "\(source.path)/\(name)")
    }

    /// Throws unless the manifest is signed by a trusted key; `what` is refused otherwise.
    public func requireSignature(for what: String) throws {
        guard manifest != nil else { return }
        guard let fault = verdict.fault else { return }
        throw CarryingError(
            "'\(source.path)/\(manifestName)'", "\(fault); \(what)", kind: .corrupt,
            remedy: verdict.remedy)
    }

    /// All of a small file; missing or another than the manifest says, it is a fault.
    func content(of name: String, limit: Int) throws -> [UInt8] {
        guard source.has(name) else { throw try missing(name) }
        let bytes: [UInt8]
        do {
            bytes = try source.open(name).content(limit: limit)
        } catch let error as CarryingError where error.kind == .corrupt {
            throw MediumFault(name, error.message)
        }
        if let manifest {
            guard let expected = manifest.files[name] else { throw MediumFault(name, "is not in the medium manifest") }
            if let fault = Medium.difference(name, expected, size: bytes.count, digest: .sha256(of: bytes)) {
                throw fault
            }
        }
        return bytes
    }

    /// What a file is not, of what the manifest says; nil where it is.
    static func difference(
        _ name: String, _ expected: MediumManifest.File, size: Int, digest: Digest
    ) -> MediumFault? {
        if size != expected.size { return MediumFault(name, "has \(size) bytes, expected \(expected.size)") }
        if digest != expected.digest {
            return MediumFault(name, "is damaged: sha256 \(digest.hex), expected \(expected.digest.hex)")
        }
        return nil
    }

    /// A file is not there, or its name leads elsewhere; where the whole medium has gone, that is thrown instead.
    func missing(_ name: String) throws -> MediumFault {
        let sign = manifest == nil ? Self.cacheInformation : manifestName
        guard source.has(sign) else {
            throw CarryingError(
                "'\(source.path)'", "the medium has gone while it was read", kind: .host,
                remedy: "put it in again and run the same command; what is whole is kept")
        }
        return MediumFault(name, "is missing")
    }

    /// What the cache says of an object; nil where it does not have it, unless the manifest says that it has.
    func information(of path: StorePath) throws -> NARInfo? {
        let name = "\(path.hashPart).narinfo"
        if let manifest, manifest.files[name] == nil { return nil }
        if manifest == nil, !source.has(name) {
            _ = try missing(name)
            return nil
        }
        let info = try information(in: name)
        guard info.registration.path == path else {
            throw MediumFault(name, "is of \(info.registration.path), expected \(path)")
        }
        return info
    }

    /// Reads one `HASH.narinfo`.
    func information(in name: String) throws -> NARInfo {
        let bytes = try content(of: name, limit: NARInfo.maximumCount)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw MediumFault(name, "is not UTF-8 text") }
        let info: NARInfo
        do {
            info = try NARInfo(parsing: text)
        } catch {
            throw MediumFault(name, "\(error)")
        }
        guard name == "\(info.registration.path.hashPart).narinfo" else {
            throw MediumFault(name, "is of \(info.registration.path), which belongs in another file")
        }
        guard info.registration.narSize <= Self.maximumArchiveSize, info.fileSize ?? 0 <= Self.maximumArchiveSize else {
            throw MediumFault(name, "states a size beyond \(formatBytes(Self.maximumArchiveSize))")
        }
        return info
    }

    /// Names of all `HASH.narinfo` files that are there.
    func informationNames() throws -> [String] {
        try source.names(in: "").filter { $0.hasSuffix(".narinfo") && $0.utf8.count == 32 + 8 }
    }

    /// The files that an object's archive is in, in order.
    func parts(of info: NARInfo) -> [String] {
        func isThere(_ name: String) -> Bool {
            if let manifest { return manifest.files[name] != nil }
            return source.has(name)
        }
        guard !isThere(info.url), isThere(Self.part(1, of: info.url)) else { return [info.url] }
        var parts: [String] = []
        while parts.count < Self.mostParts, isThere(Self.part(parts.count + 1, of: info.url)) {
            parts.append(Self.part(parts.count + 1, of: info.url))
        }
        return parts
    }

    private static let mostParts = 1 << 16

    /// The name of a part, counted from 1.
    static func part(_ number: Int, of url: String) -> String { "\(url).part\(number)" }

    /// Ends the name of what is being written.
    static let unfinished = ".unfinished"

    /// Whether a file was being written beside another, to replace it, when its writer ended.
    static func isReplacement(_ name: String) -> Bool {
        name.hasSuffix(".new")
            && (name.contains(".narinfo.") || name.hasPrefix(MediumManifest.fileName)
                || name.hasPrefix(cacheInformation + ".") || name.hasPrefix(CarriedProgram.starterName + "."))
    }
}
