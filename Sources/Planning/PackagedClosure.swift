import FileFormats
import StoreModel
import SystemModel

/// A Nix closure that is a package of a system, as it lies in the store.
public struct PackagedClosure: Sendable, Equatable {
    /// The store path that the system names.
    public var root: StorePath
    /// Of all its paths with their archives' digests: what an input-addressed path's name does not say.
    public var digest: Digest

    /// The closure of one root.
    public init(_ root: StorePath, _ closure: Closure) {
        let lines = closure.registrations.values.map { "\($0.path) \($0.narHash.nix32)\n" }.sorted()
        self.init(root: root, digest: Digest.sha256(of: lines.joined()))
    }

    init(root: StorePath, digest: Digest) {
        self.root = root
        self.digest = digest
    }
}

extension PlanDraft {
    /// A segment for each closure, without what those before it have; their derivations in that order.
    mutating func segments(
        of closures: [PackagedClosure], programs: BinaryFormat, toolbox: StorePath
    ) throws -> [StorePath] {
        var before: [String] = []
        return try closures.map { closure in
            defer { before.append(closure.root.description) }
            return try add(
                "\(closure.root.name)-segment", builder: "builtin:closure-segment",
                [
                    "name": .text(closure.root.name), "root": .text(closure.root.description),
                    "before": .text(before.joined(separator: " ")), "closure": .text(closure.digest.hex),
                    "prefix": .text("usr/local"), "programs": .text(try canonicalJSON(programs)),
                ], toolbox: toolbox, sources: [closure.root])
        }
    }
}
