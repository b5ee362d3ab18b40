import Building
import Diagnostics
import Foundation
import SystemModel
import SystemPackage

/// `builtin:services`: what `systemctl enable` and `disable` do to the configured system's unit links.
///
/// Environment: `enabled`, `disabled` (unit names separated by spaces; a missing unit is an error), `optional` (enabled
/// where the unit exists; may be absent), `units` (the unit files among the settings' files, as JSON; may be absent),
/// `configuration`, `toolbox`. The output has `links` (lines of path, tab, target) and `removals` (paths), relative to the
/// node's root.
public struct ServicesBuilder: Builder {
    public init() {}

    private static let directories = ["etc/systemd/system", "usr/lib/systemd/system"]

    public func build(_ request: BuildRequest) async throws {
        let configuration = request.physical(try request.require("configuration"))
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let tree = request.scratch.appending("tree")
        try FileManager.default.copyItem(
            atPath: configuration.appending("units").string, toPath: tree.string)
        try Self.makeWritable(tree)
        try Self.addConfigured(request, to: tree)
        let units = Self.unitNames(in: tree)
        let before = Self.links(in: tree)
        func names(_ key: String) -> [String] {
            (request.derivation.environment[key] ?? "").split(separator: " ").map {
                $0.contains(".") ? String($0) : "\($0).service"
            }
        }
        let enabled = names("enabled")
        let disabled = names("disabled")
        for unit in enabled + disabled { try Self.check(unit, among: units) }
        let wanted = names("optional").filter { Self.exists($0, among: units) && !disabled.contains($0) } + enabled
        let log = try FileDescriptor.open(
            request.scratch.appending("log"), .writeOnly, options: [.create, .append, .closeOnExec],
            permissions: [.ownerReadWrite])
        defer { try? log.close() }
        let sandbox = Sandbox(
            toolbox: toolbox, binds: [.init(request.scratch, at: "/build", writable: true)],
            environment: ["SYSTEMD_OFFLINE": "1"])
        for (verb, list) in [("enable", wanted), ("disable", disabled)] where !list.isEmpty {
            guard try await sandbox.run(["/usr/bin/systemctl", "--root=/build/tree", verb] + list, log: log) else {
                throw BuildError(
                    subject: list.joined(separator: " "), message: "could not be \(verb)d",
                    cause: try Tree.text(request.scratch.appending("log")))
            }
        }
        let after = Self.links(in: tree)
        try Tree.makeDirectory(request.output)
        let links = after.filter { before[$0.key] != $0.value }.map { "\($0.key)\t\($0.value)\n" }.sorted()
        let removals = before.keys.filter { after[$0] == nil }.map { "\($0)\n" }.sorted()
        try Tree.write(Array(links.joined().utf8), to: request.output.appending("links"))
        try Tree.write(Array(removals.joined().utf8), to: request.output.appending("removals"))
    }

    /// Puts the units that the settings bring over those of the packages; `settings` writes them into the image.
    private static func addConfigured(_ request: BuildRequest, to tree: FilePath) throws {
        guard let text = request.derivation.environment["units"] else { return }
        for file in try JSONDecoder().decode([NodeSettings.File].self, from: Data(text.utf8)) {
            guard let path = try CanonicalPath.of(String(file.path.drop { $0 == "/" }), in: "units") else { continue }
            let place = tree.appending(path)
            try FileManager.default.createDirectory(
                atPath: place.removingLastComponent().string, withIntermediateDirectories: true)
            try? FileManager.default.removeItem(atPath: place.string)
            if let target = file.linkTarget {
                try Tree.link(place, to: target)
            } else if let source = file.source {
                try Tree.write(try Tree.read(request.physical(source)), to: place)
            } else {
                try Tree.write(Array((file.text ?? "").utf8), to: place)
            }
        }
    }

    /// Directories of the store are read-only; copies take that over.
    private static func makeWritable(_ tree: FilePath) throws {
        try Tree.setMode(tree, 0o755)
        for case let name as String in FileManager.default.enumerator(atPath: tree.string) ?? .init() {
            var status = stat()
            let path = tree.appending(name)
            if lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { try Tree.setMode(path, 0o755) }
        }
    }

    private static func unitNames(in tree: FilePath) -> Set<String> {
        Set(
            directories.flatMap {
                (try? FileManager.default.contentsOfDirectory(atPath: tree.appending($0).string)) ?? []
            })
    }

    /// Path -> target of every link below the unit directories.
    private static func links(in tree: FilePath) -> [String: String] {
        var found: [String: String] = [:]
        for directory in directories {
            let root = tree.appending(directory)
            for case let name as String in FileManager.default.enumerator(atPath: root.string) ?? .init() {
                if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: root.appending(name).string)
                {
                    found["\(directory)/\(name)"] = target
                }
            }
        }
        return found
    }

    private static func exists(_ unit: String, among units: Set<String>) -> Bool {
        if units.contains(unit) { return true }
        guard let at = unit.firstIndex(of: "@"), let dot = unit.lastIndex(of: "."), at < dot else { return false }
        return units.contains("\(unit[...at])\(unit[dot...])")
    }

    private static func check(_ unit: String, among units: Set<String>) throws {
        if exists(unit, among: units) { return }
        let near = nearestSpelling(to: unit, among: units)
        throw BuildError(
            kind: .usage, subject: unit, message: "is no unit of the configured system",
            remedy: near.map { "did you mean '\($0)'?" } ?? "add the package that carries it")
    }
}
