import LocalStore
import MediumModel
import StoreModel
import SystemModel

/// How a medium is written.
public struct ExportSettings: Sendable {
    /// Of zstd, 1 to 19.
    public var level = 3
    /// Bytes that no file of the medium exceeds: what is larger is carried in parts.
    public var largestFile = Self.fat32Limit
    /// Objects written at once.
    public var width = 1
    /// What is said, signed, of derivations that made some of the objects, by object: by this a build takes those from the
    /// medium (`build --substituter`).
    public private(set) var claims: [StorePath: [BuildTraceEntry]] = [:]

    /// The largest file of FAT32.
    public static let fat32Limit = (1 << 32) - 1
    /// The least that a part may have.
    public static let smallestPart = 1 << 16

    public init() {}

    /// Says what made `objects`, as far as the store knows; a derivation of a name that no medium can have is left out.
    public mutating func claim(_ objects: Set<StorePath>, in store: LocalStore, by key: SigningKey) throws {
        for realisation in try store.realisations(making: objects) {
            guard (try? MediumManifest.checkName(BuildTraceEntry.fileName(of: realisation.derivation))) != nil else {
                continue
            }
            claims[realisation.output, default: []].append(try BuildTraceEntry(realisation, by: key))
        }
    }
}

/// What an export in one pass brings: of a manifest all but its files, and the objects, each after what it refers to.
struct Consignment {
    var manifest: MediumManifest
    let objects: [PathRegistration]

    /// - Parameters:
    ///   - roots: objects besides the generations' images.
    ///   - base: what the site has.
    init(
        _ generations: [Generation], roots: Set<StorePath>, base: Set<StorePath>, from store: LocalStore, now: Int
    ) throws {
        let images = try Set(generations.map { try StorePath(parsing: $0.image) })
        let closure = try store.closure(of: images.union(roots))
        var manifest = MediumManifest(created: now)
        manifest.generations = generations
        manifest.roots = roots
        manifest.base = base.intersection(closure.order)
        objects = closure.order.filter { !manifest.base.contains($0) }.compactMap { closure.registrations[$0] }
        self.manifest = manifest
    }
}

/// What an export has to do, and what it takes.
public struct ExportPlan: Sendable {
    public let generations: [Generation]
    /// Objects that are carried besides, each with what it needs.
    public let roots: Set<StorePath>
    public let closure: Closure
    /// What the medium has already, and is kept.
    public internal(set) var kept: Set<StorePath> = []
    /// What the site has by its inventory.
    public internal(set) var base: Set<StorePath> = []
    /// Files of what is kept, by name.
    var keptFiles: ObjectWriter.Files = [:]
    /// What was on the medium before, and stays.
    var previous: MediumManifest?
    /// Bytes that may still be written to the medium.
    public internal(set) var freeBytes = 0
    /// What was on the medium and is written anew, and why.
    public internal(set) var spoiled: [MediumFault] = []
    /// Bytes of Bootferry itself that are to be written; 0 where the medium has it.
    public internal(set) var programBytes = 0

    init(generations: [Generation], roots: Set<StorePath>, closure: Closure) {
        self.generations = generations
        self.roots = roots
        self.closure = closure
    }

    /// What is written, the largest first, so that no thread is left alone with it at the end.
    public var missing: [PathRegistration] {
        closure.order.filter { !kept.contains($0) && !base.contains($0) }.compactMap { closure.registrations[$0] }
            .sorted { ($1.narSize, $0.path) < ($0.narSize, $1.path) }
    }

    /// Bytes of archives to be written, before they are compressed.
    public var archiveBytes: Int { missing.reduce(0) { $0 + $1.narSize } }

    /// Bytes that the medium must have room for, if nothing can be made smaller: archives, zstd's frames around them, and
    /// two files of whole blocks each.
    public var mostBytes: Int { missing.reduce(programBytes) { $0 + $1.narSize + $1.narSize >> 8 + 1 << 17 } }
}
