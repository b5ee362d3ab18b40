import Diagnostics

/// Lays configuration files over one another: lists append, records merge, text given twice is a conflict.
struct ConfigurationMerger {
    private(set) var problems: [ConfigurationProblem] = []

    /// `upper` over `lower`, both already fitting one shape.
    ///
    /// `isImporter`: `upper` is the file that imports `lower`, so of two values marked `!override` its own wins;
    /// between two imports of one file that is a conflict.
    mutating func merge(_ upper: YAMLNode, over lower: YAMLNode, isImporter: Bool, path: String = "") -> YAMLNode {
        if upper.mark == .override, lower.mark != .override || isImporter { return upper }
        if lower.mark == .override, upper.mark != .override { return lower }
        switch (upper.content, lower.content) {
        case (.record(let above), .record(let below)) where upper.mark == nil:
            var entries = below
            var index = Dictionary(uniqueKeysWithValues: below.enumerated().map { ($1.key, $0) })
            for entry in above {
                let inner = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                if let place = index[entry.key] {
                    entries[place].value = merge(
                        entry.value, over: entries[place].value, isImporter: isImporter, path: inner)
                } else {
                    index[entry.key] = entries.count
                    entries.append(entry)
                }
            }
            return YAMLNode(content: .record(entries), position: lower.position, mark: lower.mark)
        case (.list(let above), .list(let below)) where upper.mark == nil:
            let removed = above.filter { $0.mark == .remove }
            let kept = below.filter { element in !removed.contains { $0.saysTheSame(as: element) } }
            for element in removed where !below.contains(where: element.saysTheSame) {
                problems.append(.init(element.position, path, "`!remove` of \(element.noun), which no import lists"))
            }
            return YAMLNode(
                content: .list(kept + above.filter { $0.mark != .remove }), position: lower.position, mark: lower.mark)
        default:
            let (first, second) = (min(upper.position, lower.position), max(upper.position, lower.position))
            problems.append(
                .init(
                    isImporter ? upper.position : second, path,
                    "given twice, also at \(isImporter ? lower.position : first); "
                        + "write `!override` before the value that is to hold"))
            return upper
        }
    }

    /// Reports `!remove` where there is nothing to take away from, and drops the marks that have done their work.
    mutating func settle(_ node: YAMLNode, path: String = "", inList: Bool = false) -> YAMLNode {
        var node = node
        if node.mark == .remove, !inList {
            problems.append(.init(node.position, path, "`!remove` belongs on an element of a list"))
        }
        switch node.content {
        case .text: break
        case .list(let elements):
            var kept: [YAMLNode] = []
            for element in elements {
                if element.mark == .remove {
                    problems.append(
                        .init(element.position, path, "`!remove` of \(element.noun), which no import lists"))
                } else {
                    kept.append(settle(element, path: path, inList: true))
                }
            }
            node.content = .list(kept)
        case .record(let entries):
            node.content = .record(
                entries.map { entry in
                    var entry = entry
                    entry.value = settle(entry.value, path: path.isEmpty ? entry.key : "\(path).\(entry.key)")
                    return entry
                })
        }
        node.mark = nil
        return node
    }
}
