import MediumModel
import StoreModel
import SystemModel
import SystemPackage

/// A medium, or the volumes of one export that are at hand, in their order.
public struct MediumSet: Sendable {
    /// By number where they are volumes; one where they are not.
    public let volumes: [Medium]

    public init(_ medium: Medium) { volumes = [medium] }

    /// Reads the manifests of media given in any order. Volumes of two exports, or one twice, throw.
    public init(_ paths: [FilePath], ring: KeyRing) throws {
        let media = try paths.flatMap { path in try Medium.all(at: path, ring: ring) }
        volumes = media.sorted { $0.number < $1.number }
        guard media.count != 1 || media[0].manifest?.volume != nil else { return }
        guard let first = media.first, let set = first.manifest?.volume?.set else {
            throw CarryingError(
                "'\(media.first?.source.path ?? "")'", "is no volume, so nothing can be added to it", kind: .usage,
                remedy: "give it alone")
        }
        for medium in media where medium.manifest?.volume?.set != set {
            throw CarryingError(
                "'\(medium.source.path)'", "\(medium.nature), and '\(first.source.path)' \(first.nature)",
                kind: .corrupt,
                remedy: "give volumes of one export")
        }
        for (one, other) in zip(volumes, volumes.dropFirst()) where one.number == other.number {
            throw CarryingError(
                "'\(other.source.path)'", "is volume \(other.number) once more: '\(one.source.path)' has it",
                kind: .usage,
                remedy: "give each volume once")
        }
        let manifests = volumes.compactMap(\.manifest)
        guard missing.isEmpty, MediumManifest.digest(ofVolumes: manifests) != set else { return }
        throw CarryingError(
            "'\(first.source.path)'", "says that the volumes have the digest \(set.hex), and they have another",
            kind: .corrupt, remedy: "export them again")
    }

    /// How many volumes there are, at hand or not.
    public var count: Int { volumes.first?.manifest?.volume?.count ?? volumes.count }

    /// Numbers of volumes that are not at hand.
    public var missing: [Int] {
        guard let all = volumes.first?.manifest?.volume?.count else { return [] }
        return (1...all).filter { number in !volumes.contains { $0.number == number } }
    }

    /// What the media are there to bring, as all of their manifests say.
    public var generations: [Generation] { volumes.first?.manifest?.generations ?? [] }

    /// What the cache says of an object, and which of `volumes` has it; nil where none of them has.
    func information(of path: StorePath) throws -> (info: NARInfo, place: Int)? {
        for (place, volume) in volumes.enumerated() {
            do {
                if let info = try volume.information(of: path) { return (info, place) }
            } catch let fault as MediumFault {
                throw fault.on(volume)
            }
        }
        return nil
    }

    /// Reads everything again and names every fault; volumes that are not at hand are none.
    public func faults(width: Int, progress: @escaping Export.Progress) throws -> [MediumFault] {
        let faults = try volumes.flatMap { try $0.faults(width: width, progress: progress) }
        let promised = volumes.flatMap { volume in
            (volume.manifest?.volume?.elsewhere ?? [:]).compactMap { path, number -> MediumFault? in
                let name = "\(path.hashPart).narinfo"
                guard let other = volumes.first(where: { $0.number == number }), other.manifest?.files[name] == nil
                else { return nil }
                return MediumFault(name, "is missing: volume \(volume.number) says that \(path) is there").on(other)
            }
        }
        return Set(faults + promised).sorted()
    }

    /// Why nobody should trust one of them; nil where all are signed by keys that are trusted here.
    public var remedy: String? { volumes.lazy.compactMap { $0.manifest == nil ? nil : $0.verdict.remedy }.first }
}

extension Medium {
    /// Of a volume; 0 for a medium that is whole by itself.
    var number: Int { manifest?.volume?.number ?? 0 }

    /// What kind of medium it is, for messages.
    fileprivate var nature: String {
        guard let volume = manifest?.volume else { return "is a medium by itself" }
        return "is volume \(volume.number) of \(volume.count) of the export \(volume.set.hex.prefix(8))"
    }
}
