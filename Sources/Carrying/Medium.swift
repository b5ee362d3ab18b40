import Diagnostics
import Glibc
import MediumModel
import StoreModel
import SystemPackage

/// A folder that is a Nix binary cache, and that says by its medium manifest what is in it; another program's has none.
///
///     medium-manifest           what is here, signed
///     nix-cache-info            that it is a cache, for nix
///     HASH.narinfo              one object
///     nar/FILEHASH.nar.zst      its archive; where that is too large for the medium, FILEHASH.nar.zst.part1 and so on
///     log/ realisations/ build-trace-v2/   empty: nix wants them on a medium that it cannot write
///
/// Everything on it is hostile: names lead nowhere else, links are not followed, sizes are bounded.
public struct Medium: Sendable {
    public let folder: FilePath
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

    /// Reads the manifest, if there is one; a folder that is neither medium nor cache throws.
    public init(_ folder: FilePath, ring: KeyRing) throws {
        self.folder = folder
        self.ring = ring
        var status = stat()
        guard stat(folder.string, &status) == 0 else {
            throw CarryingError("cannot open", folder, Errno(rawValue: errno))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CarryingError("'\(folder)'", "is no folder, so it is no medium", kind: .usage)
        }
        guard let signed = try Medium.signedManifest(in: folder) else {
            guard access(folder.appending(Self.cacheInformation).string, F_OK) == 0 else {
                throw CarryingError(
                    "'\(folder)'",
                    "is no medium: it has neither '\(MediumManifest.fileName)' nor '\(Self.cacheInformation)'",
                    kind: .usage,
                    remedy:
                        "name the folder that 'bootferry export' wrote; an export that was interrupted is finished by "
                        + "giving the same command again")
            }
            manifest = nil
            verdict = .unsigned
            return
        }
        verdict = ring.judge(signed.signatures, of: signed.text)
        manifest = try MediumManifest(parsing: signed.text)
    }

    /// A folder without heed of its manifest: what an interrupted export left is told by each object's narinfo.
    init(unsigned folder: FilePath, ring: KeyRing) {
        self.folder = folder
        self.ring = ring
        manifest = nil
        verdict = .unsigned
    }

    static func signedManifest(in folder: FilePath) throws -> SignedText? {
        let file = folder.appending(MediumManifest.fileName)
        guard access(file.string, F_OK) == 0 else { return nil }
        return try SignedText(
            parsing: try MediumFiles.content(of: file, limit: MediumManifest.maximumCount), of: file.string)
    }

    /// Throws unless the manifest is signed by a trusted key; `what` is refused otherwise.
    public func requireSignature(for what: String) throws {
        guard manifest != nil else { return }
        guard let fault = verdict.fault else { return }
        throw CarryingError(
            "'\(folder.appending(MediumManifest.fileName))'", "\(fault); \(what)", kind: .corrupt,
            remedy: verdict.remedy)
    }

    /// Where a file of the medium lies; a name that leads elsewhere, or over a link, is a fault.
    func path(of name: String) throws -> FilePath {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 8, name.utf8.count <= 500, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            !name.utf8.contains(0)
        else { throw MediumFault(String(name.prefix(300)), "is no name within the medium") }
        var path = folder
        for (number, part) in parts.enumerated() {
            path.append(String(part))
            guard number < parts.count - 1 else { break }
            var status = stat()
            if lstat(path.string, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
                throw MediumFault(name, "leads over '\(part)', which is no folder")
            }
        }
        return path
    }

    /// All of a small file; missing or another than the manifest says, it is a fault.
    func content(of name: String, limit: Int) throws -> [UInt8] {
        let path = try path(of: name)
        guard access(path.string, F_OK) == 0 else { throw try missing(name) }
        let bytes: [UInt8]
        do {
            bytes = try MediumFiles.content(of: path, limit: limit)
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

    /// A file is not there; where the whole medium has gone, that is thrown instead.
    func missing(_ name: String) throws -> MediumFault {
        let sign = manifest == nil ? Self.cacheInformation : MediumManifest.fileName
        guard access(folder.appending(sign).string, F_OK) == 0 else {
            throw CarryingError(
                "'\(folder)'", "the medium has gone while it was read", kind: .host,
                remedy: "put it in again and run the same command; what is whole is kept")
        }
        return MediumFault(name, "is missing")
    }

    /// What the cache says of an object; nil where it does not have it, unless the manifest says that it has.
    func information(of path: StorePath) throws -> NARInfo? {
        let name = "\(path.hashPart).narinfo"
        if let manifest, manifest.files[name] == nil { return nil }
        if manifest == nil, access(folder.appending(name).string, F_OK) != 0 {
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
        try MediumFiles.names(in: folder).filter { $0.hasSuffix(".narinfo") && $0.utf8.count == 32 + 8 }
    }

    /// The files that an object's archive is in, in order.
    func parts(of info: NARInfo) -> [String] {
        func isThere(_ name: String) -> Bool {
            if let manifest { return manifest.files[name] != nil }
            return (try? path(of: name)).map { access($0.string, F_OK) == 0 } ?? false
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
            && (name.contains(".narinfo.") || name.hasPrefix(MediumManifest.fileName + ".")
                || name.hasPrefix(cacheInformation + "."))
    }
}
