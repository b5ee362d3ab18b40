import Diagnostics

/// What is different between two bills, by the names of what runs.
public struct BillDifference: Sendable, Equatable, Encodable {
    /// A component that came, went, or has other bytes.
    public struct Change: Sendable, Equatable, Encodable {
        public var name: String
        /// Nil where there was none, or is none any more; empty for what has no version.
        public var oldVersion: String?
        public var newVersion: String?
        /// Only where they differ.
        public var oldLicence: String?
        public var newLicence: String?
        /// Bytes on a node, more or less than before.
        public var unpackedBytes: Int
        /// Paths that it carries and did not carry before, and the other way; nil where nobody asked.
        public var newFiles: [String]?
        public var goneFiles: [String]?
    }

    /// By name.
    public var changes: [Change] = []
    /// Of everything, on a node.
    public var oldUnpackedBytes: Int
    public var newUnpackedBytes: Int

    /// The paths that components carry, by name.
    public typealias Files = [String: Set<String>]

    /// - Parameter files: of both; nil to compare none.
    public init(from old: Bill, to new: Bill, files: (old: Files, new: Files)? = nil) {
        oldUnpackedBytes = old.unpackedBytes
        newUnpackedBytes = new.unpackedBytes
        let (before, after) = (Self.byName(old), Self.byName(new))
        for name in Set(before.keys).union(after.keys).sorted() {
            let (was, now) = (before[name], after[name])
            guard was?.object?.narDigest != now?.object?.narDigest else { continue }
            var change = Change(
                name: name, oldVersion: was?.version, newVersion: now?.version,
                unpackedBytes: (now?.unpackedBytes ?? 0) - (was?.unpackedBytes ?? 0))
            if was?.licence.expression != now?.licence.expression {
                change.oldLicence = was?.licence.expression
                change.newLicence = now?.licence.expression
            }
            if let files {
                let (carried, carries) = (files.old[name] ?? [], files.new[name] ?? [])
                change.newFiles = carries.subtracting(carried).sorted()
                change.goneFiles = carried.subtracting(carries).sorted()
            }
            changes.append(change)
        }
    }

    private static func byName(_ bill: Bill) -> [String: Component] {
        Dictionary(bill.runtime.map { ($0.name, $0) }) { first, _ in first }
    }

    /// One for each change, its files below it, and the sum.
    public var lines: [String] {
        changes.flatMap { change in
            [change.line] + (change.newFiles ?? []).map { "  + /\($0)" } + (change.goneFiles ?? []).map { "  - /\($0)" }
        } + ["\(changes.count) differ; \(formatBytes(oldUnpackedBytes)) -> \(formatBytes(newUnpackedBytes)) unpacked"]
    }
}

extension BillDifference.Change {
    fileprivate var line: String {
        func versioned(_ version: String) -> String { version.isEmpty ? name : "\(name) \(version)" }
        var line: String
        switch (oldVersion, newVersion) {
        case (nil, let new?): line = "new      \(versioned(new))"
        case (let old?, nil): line = "gone     \(versioned(old))"
        case (let old?, let new?) where old != new: line = "changed  \(versioned(old)) -> \(new)"
        default: line = "remade   \(versioned(newVersion ?? ""))"
        }
        if unpackedBytes != 0 {
            line += ", \(unpackedBytes < 0 ? "-" : "+")\(formatBytes(abs(unpackedBytes)))"
        }
        if oldVersion != nil, newVersion != nil, oldLicence != newLicence {
            line += "; licence \(oldLicence ?? "unknown") -> \(newLicence ?? "unknown")"
        }
        return line
    }
}
