import Diagnostics
import MediumModel
import StoreModel
import SystemModel

/// What an import has to do.
public struct ImportPlan: Sendable {
    /// What is missing here, in waves: each needs only what is here or in waves before it.
    public internal(set) var waves: [[NARInfo]] = []
    /// What the media are there to bring.
    public internal(set) var roots: Set<StorePath> = []
    /// Which of the volumes has an object.
    var places: [StorePath: Int] = [:]
    public internal(set) var generations: [Generation] = []
    /// What is missing on the medium or cannot be taken, and all that was found before a byte was copied.
    public internal(set) var faults: Set<MediumFault> = []
    /// Objects that cannot come, since something that they need cannot.
    public internal(set) var hindered: Set<StorePath> = []
    /// Objects that are here already.
    public internal(set) var there = 0
    public internal(set) var freeBytes = 0

    public var count: Int { waves.reduce(0) { $0 + $1.count } }

    /// Bytes of archives that are unpacked.
    public var archiveBytes: Int { waves.joined().reduce(0) { $0 + $1.registration.narSize } }
}

extension MediumSet {
    /// What must come for `roots` to be complete, given what is here; every object that is missing or that nobody vouches for
    /// is a fault. Of an export of which only some volumes are at hand, all comes that these complete.
    ///
    /// - Parameters:
    ///   - paths: objects asked for by hash, which may come unsigned where their content proves them; nil for all that the
    ///     media say they carry, which needs their signatures.
    ///   - isThere: whether an object is here.
    func importPlan(_ paths: Set<StorePath>?, isThere: (StorePath) throws -> Bool) throws -> ImportPlan {
        var plan = ImportPlan()
        var starts = paths ?? []
        if let paths { plan.roots = paths } else { starts = try begin(&plan) }
        var infos: [StorePath: NARInfo] = [:]
        var seen: Set<StorePath> = []
        var waiting: [Int: [(path: StorePath, need: String)]] = [:]
        var pending = starts.sorted(by: >).map { (path: $0, need: "") }
        while let (path, need) = pending.popLast() {
            guard seen.insert(path).inserted else { continue }
            if try isThere(path) {
                plan.there += 1
                continue
            }
            do {
                guard let (info, place) = try information(of: path) else {
                    if let number = volumes.first?.manifest?.volume?.elsewhere[path], missing.contains(number) {
                        waiting[number, default: []].append((path, need))
                        plan.hindered.insert(path)
                        continue
                    }
                    throw absent(path, need)
                }
                try requireVouching(for: info, on: volumes[place], isAskedFor: paths != nil)
                infos[path] = info
                plan.places[path] = place
                for reference in info.registration.references.sorted(by: >) {
                    pending.append((reference, ", which \(path) needs"))
                }
            } catch let fault as MediumFault {
                plan.faults.insert(fault)
                plan.hindered.insert(path)
            }
        }
        for (number, objects) in waiting {
            let name = MediumManifest.fileName(ofVolume: number)
            let example = objects.min { $0.path < $1.path }.map { "\($0.path)\($0.need)" } ?? ""
            var fault = MediumFault(
                name, "is missing, with \(objects.count) objects that are needed, such as \(example)")
            fault.volume = number
            plan.faults.insert(fault)
        }
        try plan.layOut(infos)
        return plan
    }

    /// What is looked at first: what the media are there to bring; or all that they have, where not all of them are at hand.
    private func begin(_ plan: inout ImportPlan) throws -> Set<StorePath> {
        var all: Set<StorePath> = []
        for volume in volumes {
            guard let manifest = volume.manifest else {
                all.formUnion(try paths(on: volume, of: volume.informationNames(), &plan))
                plan.roots = all
                continue
            }
            try volume.requireSignature(for: "nothing was imported")
            plan.roots = try manifest.allRoots()
            plan.generations = manifest.generations
            if !missing.isEmpty {
                all.formUnion(
                    try paths(on: volume, of: manifest.files.keys.filter { $0.hasSuffix(".narinfo") }, &plan))
            }
        }
        return missing.isEmpty ? plan.roots : all
    }

    private func paths(on volume: Medium, of names: [String], _ plan: inout ImportPlan) throws -> Set<StorePath> {
        var paths: Set<StorePath> = []
        for name in names {
            do {
                paths.insert(try volume.information(in: name).registration.path)
            } catch let fault as MediumFault {
                plan.faults.insert(fault.on(volume))
            }
        }
        return paths
    }

    private func absent(_ path: StorePath, _ need: String) -> MediumFault {
        let why =
            volumes.contains { $0.manifest?.base.contains(path) ?? false }
            ? ": the inventory that this was exported for had it, and this store has not; export with a new inventory"
            : ""
        return MediumFault("\(path.hashPart).narinfo", "is missing: \(path)\(need)\(why)")
    }

    /// The signed manifest vouches for every file it lists; without it, each object's own signature must, or its content.
    private func requireVouching(for info: NARInfo, on volume: Medium, isAskedFor: Bool) throws {
        if volume.manifest != nil, volume.verdict.isValid { return }
        let registration = info.registration
        let verdict = volume.ring.judge(registration.signatures, of: registration.fingerprint)
        if verdict.isValid || isAskedFor && registration.contentAddress != nil { return }
        let name = "\(registration.path.hashPart).narinfo"
        let remedy =
            registration.contentAddress != nil
            ? "; its content proves it: ask for it by --path \(registration.path)"
            : verdict.remedy.map { "; \($0)" } ?? ""
        throw MediumFault(name, "\(registration.path) \(verdict.fault ?? "")\(remedy)").on(volume)
    }
}

extension ImportPlan {
    /// Orders objects into waves, leaving out what needs something that cannot come.
    mutating func layOut(_ infos: [StorePath: NARInfo]) throws {
        let closure = try Closure(of: Set(infos.keys)) { path in
            guard var registration = infos[path]?.registration else { return nil }
            registration.references = registration.references.filter { infos[$0] != nil }
            return registration
        }
        var wave: [StorePath: Int] = [:]
        for path in closure.order {
            let needs = (infos[path]?.registration.references ?? []).subtracting([path])
            if !hindered.isDisjoint(with: needs) {
                hindered.insert(path)
            } else if needs.contains(where: { infos[$0] != nil && wave[$0] == nil }) {
                // It has no beginning; no honest store makes one.
                faults.insert(MediumFault("\(path.hashPart).narinfo", "is part of a circle of references"))
                hindered.insert(path)
            } else {
                wave[path] = needs.reduce(0) { max($0, (wave[$1] ?? -1) + 1) }
            }
        }
        waves = Array(repeating: [], count: (wave.values.max() ?? -1) + 1)
        for (path, number) in wave { if let info = infos[path] { waves[number].append(info) } }
        for number in waves.indices {
            waves[number].sort {
                ($1.registration.narSize, $0.registration.path) < ($0.registration.narSize, $1.registration.path)
            }
        }
    }
}
