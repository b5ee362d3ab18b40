import Building
import Diagnostics
import Foundation
import LocalStore
import PackageLocking
import StoreModel
import SystemModel

/// Mends what `verify` found: modes in place, objects by making them again from the plans of systems.
struct StoreRepair {
    let workspace: Workspace
    let mirror: MirrorOptions

    struct Report: Encodable {
        var faults: [String] = []
        /// What is whole again, and how.
        var mended: [String] = []
        /// What is not, why, and what to do.
        var unmended: [String] = []
    }

    /// - Parameter names: systems whose plans may be used; those of the generations that ship here, if empty.
    func run(_ faults: [StoreFault], systems names: [String]) async throws -> Report {
        var report = Report(faults: faults.map(\.description))
        var damaged: Set<StorePath> = []
        for fault in faults where fault.object == nil { report.unmended.append(advice(on: fault)) }
        for (path, faults) in Dictionary(grouping: faults.filter { $0.object != nil }, by: { $0.object }) {
            guard let path else { continue }
            let isMetadataAlone = faults.allSatisfy { if case .metadata = $0 { true } else { false } }
            if isMetadataAlone, try await onBlockingThread({ [store] in try store.mendMetadata(of: path) }) {
                report.mended.append("'\(path)': modes and times set again")
            } else {
                damaged.insert(path)
            }
        }
        let outcome = try await remake(damaged, systems: names)
        report.mended += outcome.mended
        report.unmended += outcome.unmended
        report.mended.sort()
        report.unmended.sort()
        return report
    }

    private var store: LocalStore { workspace.store }

    private func advice(on fault: StoreFault) -> String {
        switch fault {
        case .unregistered: "\(fault); 'bootferry gc' removes it"
        case .danglingRoot: "\(fault); build that system again"
        case .records: "\(fault); move the state directory away and build again"
        default: fault.description
        }
    }

    private func remake(_ damaged: Set<StorePath>, systems names: [String]) async throws -> Report {
        var report = Report()
        guard !damaged.isEmpty else { return report }
        try await onBlockingThread { [store] in try store.setAside(damaged) }
        var lost = damaged
        var reasons: [StorePath: String] = [:]
        for pipeline in try pipelines(names) {
            if lost.isEmpty { break }
            reasons.merge(try await remake(lost, by: pipeline)) { $1 }
            let back = lost.filter { isThere($0) }
            report.mended += back.map { "'\($0)': made again" }
            lost.subtract(back)
        }
        report.unmended = try giveUp(lost, reasons)
        return report
    }

    /// What can plan: systems that are there, with a lock file that is of their configuration; another lock would
    /// make other objects.
    private func pipelines(_ names: [String]) throws -> [SystemPipeline] {
        let known = Set(try store.generations().map(\.system)).sorted()
        let sources =
            try names.isEmpty
            ? known.compactMap { try? SystemSource($0, data: workspace.data) }
            : names.map { try SystemSource($0, data: workspace.data) }
        return try sources.filter { source in
            guard source.system.recipes.isEmpty else { return true }
            let request = LockRequest(source.system, platform: source.configuration.platform)
            return try source.readLock()?.request == request.digest
        }.map { SystemPipeline(source: $0, workspace: workspace, mirror: mirror) }
    }

    /// Makes what one system's plan makes; returns why the rest of it could not be made.
    private func remake(_ lost: Set<StorePath>, by pipeline: SystemPipeline) async throws -> [StorePath: String] {
        workspace.terminal.status("making objects of '\(pipeline.source.system.name)' again")
        // The plan takes in the system's own files anew.
        let plan = try await pipeline.plan()
        let outcome = try await pipeline.realiser(events: { _ in }).remake(lost, in: plan)
        workspace.terminal.status("")
        return outcome.failures.mapValues { ($0 as? any ExplainedError)?.message ?? "\($0)" }
    }

    /// Unregisters what could not be made; returns it in words, with the generations that it takes along.
    private func giveUp(_ lost: Set<StorePath>, _ reasons: [StorePath: String]) throws -> [String] {
        guard !lost.isEmpty else { return [] }
        let forgotten = try store.unregister(lost)
        let objects = lost.map {
            "'\($0)': \(reasons[$0] ?? "no system's plan makes it"); unregistered, so that the next build makes it again"
        }
        let generations = try store.generations().filter { generation in
            (try? StorePath(parsing: generation.image)).map(forgotten.contains) ?? false
        }
        return objects
            + generations.map {
                "\($0.system) generation \($0.number): its image needs what was lost; build the system again"
            }
    }

    private func isThere(_ path: StorePath) -> Bool {
        FileManager.default.fileExists(atPath: store.physicalPath(of: path).string)
    }
}
