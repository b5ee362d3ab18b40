import MediumModel
import StoreModel
import Synchronization
import SystemPackage

extension Medium {
    /// Reads everything again and names every fault, by file; `progress` gets bytes of archives, from any thread.
    public func faults(
        width: Int, progress: @escaping Export.Progress
    ) throws -> [MediumFault] {
        var faults: Set<MediumFault> = []
        if let fault = verdict.fault, manifest != nil { faults.insert(MediumFault(manifestName, fault)) }
        if manifest == nil {
            faults.insert(
                MediumFault(
                    MediumManifest.fileName,
                    "is missing: another program wrote this cache, or the export "
                        + "was interrupted"))
        }
        let (infos, unreadable) = try collectInformation(&faults)
        let counter = SharedProgress(of: infos.values.reduce(0) { $0 + $1.registration.narSize }, progress)
        let state = Mutex((faults: Set<MediumFault>(), read: Set<String>()))
        try inParallel(infos.values.sorted { $1.registration.narSize < $0.registration.narSize }, width: width) {
            info in
            let parts = parts(of: info)
            do {
                try readArchive(info, onBytes: counter.add) { _ in }
            } catch let fault as MediumFault {
                state.withLock { _ = $0.faults.insert(fault) }
                // Of several parts, more than one may be bad: each is looked at by itself then.
                if parts.count > 1 { return }
            }
            state.withLock { $0.read.formUnion(parts) }
        }
        let read = state.withLock { $0.read }
        faults.formUnion(state.withLock { $0.faults })
        try checkRest(read.union(infos.keys.map { "\($0.hashPart).narinfo" }).union(unreadable), &faults)
        try checkClosure(infos, &faults)
        return faults.map { $0.on(self) }.sorted()
    }

    /// Every narinfo that can be read, and the names of those that cannot.
    private func collectInformation(
        _ faults: inout Set<MediumFault>
    ) throws -> (infos: [StorePath: NARInfo], unreadable: Set<String>) {
        var infos: [StorePath: NARInfo] = [:]
        var unreadable: Set<String> = []
        let names = try manifest?.files.keys.filter { $0.hasSuffix(".narinfo") } ?? informationNames()
        for name in names {
            do {
                let info = try information(in: name)
                infos[info.registration.path] = info
                let registration = info.registration
                let verdict = ring.judge(registration.signatures, of: registration.fingerprint)
                if let fault = verdict.fault, registration.contentAddress == nil || verdict.isForged {
                    faults.insert(MediumFault(name, fault))
                }
            } catch let fault as MediumFault {
                faults.insert(fault)
                unreadable.insert(name)
            }
        }
        return (infos, unreadable)
    }

    /// Files that no object accounts for: those the manifest lists, and those it does not.
    private func checkRest(_ seen: Set<String>, _ faults: inout Set<MediumFault>) throws {
        guard let manifest else { return }
        for (name, expected) in manifest.files where !seen.contains(name) {
            do {
                try readWhole(name, expected)
            } catch let fault as MediumFault {
                faults.insert(fault)
            }
        }
        let there =
            try informationNames()
            + source.names(in: Self.archives).map { "\(Self.archives)/\($0)" }
            + [CarriedProgram.starterName, CarriedProgram.archiveName].filter(source.has)
        for name in there where manifest.files[name] == nil && !others.contains(name) {
            faults.insert(
                MediumFault(name, "is not in the medium manifest: an interrupted export left it, or somebody added it"))
        }
    }

    /// Hashes a file that belongs to no object.
    private func readWhole(_ name: String, _ expected: MediumManifest.File) throws {
        guard source.has(name) else { throw try missing(name) }
        let found: (size: Int, digest: Digest)
        do {
            found = try source.open(name).digest()
        } catch let error as CarryingError where error.kind == .corrupt {
            throw MediumFault(name, error.message)
        }
        if let fault = Medium.difference(name, expected, size: found.size, digest: found.digest) { throw fault }
    }

    /// Names every object that one needs and nobody has.
    private func checkClosure(_ infos: [StorePath: NARInfo], _ faults: inout Set<MediumFault>) throws {
        let base = manifest?.base ?? []
        func check(_ path: StorePath, neededBy need: String) {
            let name = "\(path.hashPart).narinfo"
            guard infos[path] == nil, !base.contains(path), manifest?.files[name] == nil,
                manifest?.volume?.elsewhere[path] == nil
            else { return }
            faults.insert(MediumFault(name, "is missing: \(path), which \(need) needs"))
        }
        for generation in manifest?.generations ?? [] {
            check(
                try StorePath(parsing: generation.image),
                neededBy: "\(generation.system) generation \(generation.number)")
        }
        for root in manifest?.roots ?? [] { check(root, neededBy: "the medium") }
        for (path, info) in infos {
            for reference in info.registration.references { check(reference, neededBy: "\(path)") }
        }
    }
}
