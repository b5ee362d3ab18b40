import BootPolicy
import Foundation
import LinuxCalls
import Logging
import SystemModel
import SystemPackage

/// The machines that asked, on disk: one JSON file that is replaced whole.
public struct SightingsFile: Sendable {
    public let path: FilePath

    public init(path: FilePath) { self.path = path }

    /// What an earlier run left. A broken file is only a loss of memory: it is said, and begun anew.
    public func load(_ logger: Logger? = nil) -> Sightings {
        guard let bytes = FileManager.default.contents(atPath: path.string) else { return Sightings() }
        do {
            return try JSONDecoder().decode(Sightings.self, from: bytes)
        } catch {
            logger?.warning(
                "who was seen before is forgotten: the file cannot be read",
                metadata: ["file": "\(path)", "error": "\(error)"])
            return Sightings()
        }
    }

    public func save(_ sightings: Sightings) throws {
        try replaceFile(at: path, with: Array(canonicalJSON(sightings).utf8))
    }
}
