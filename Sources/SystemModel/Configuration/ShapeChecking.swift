import Diagnostics

/// Checks a tree against a shape, and gathers everything that is wrong.
struct ShapeChecker {
    private(set) var problems: [ConfigurationProblem] = []

    /// Reports under `path` what in `node` does not fit.
    mutating func check(_ node: YAMLNode, against shape: Shape, path: String = "") {
        switch (shape, node.content) {
        case (.text(let kind), .text(let text, let quoted)):
            check(text, quoted: quoted, kind: kind, path: path, at: node)
        case (.list(let element), .list(let nodes)):
            for (index, node) in nodes.enumerated() {
                check(node, against: element, path: "\(path)[\(index)]")
            }
        case (.record(let fields), .record(let entries)):
            check(entries, fields: fields, path: path, at: node)
        case (.map(let keys, let values), .record(let entries)):
            for entry in entries {
                let inner = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                if !keys.accepts(entry.key) {
                    problems.append(.init(entry.position, inner, keys.expected(found: "`\(entry.key.shortened)`")))
                }
                check(entry.value, against: values, path: inner)
            }
        default:
            problems.append(.init(node.position, path, "expected \(shape.noun), found \(node.noun)"))
        }
    }

    private mutating func check(_ text: String, quoted: Bool, kind: TextKind, path: String, at node: YAMLNode) {
        if case .integer = kind.rule, quoted {
            problems.append(.init(node.position, path, "expected \(kind.noun), found text in quotes"))
        } else if !kind.accepts(text) || (text.isEmpty && !quoted) {
            var message = kind.expected(found: kind.isSecret && !text.isEmpty ? "other text" : node.noun)
            if case .choice(let words) = kind.rule, let nearest = nearestSpelling(to: text, among: words) {
                message += "; did you mean `\(nearest)`?"
            }
            problems.append(.init(node.position, path, message))
        }
    }

    private mutating func check(
        _ entries: [YAMLNode.Entry], fields: [Field], path: String, at node: YAMLNode
    ) {
        for entry in entries {
            let inner = path.isEmpty ? entry.key : "\(path).\(entry.key)"
            if let field = fields.first(where: { $0.key == entry.key }) {
                check(entry.value, against: field.shape, path: inner)
                continue
            }
            var message = "unknown key"
            if let nearest = nearestSpelling(to: entry.key, among: fields.map(\.key)) {
                message += "; did you mean `\(nearest)`?"
            } else {
                message += ", expected one of \(fields.map { "`\($0.key)`" }.joined(separator: ", "))"
            }
            problems.append(.init(entry.position, inner, message))
        }
        for field in fields where field.fallback == nil && !entries.contains(where: { $0.key == field.key }) {
            let inner = path.isEmpty ? field.key : "\(path).\(field.key)"
            problems.append(.init(node.position, inner, "the key is missing, expected \(field.shape.noun)"))
        }
    }
}

extension TextKind {
    fileprivate func expected(found: String) -> String {
        switch rule {
        case .choice(let words):
            "expected \(noun) (\(words.map { "`\($0)`" }.joined(separator: ", "))), found \(found)"
        case .integer(let range) where range.count == 1:
            "expected \(noun), which is \(range.lowerBound), found \(found)"
        case .integer(let range): "expected \(noun) from \(range.lowerBound) to \(range.upperBound), found \(found)"
        default: "expected \(noun)\(detail.isEmpty ? "" : " (\(detail))"), found \(found)"
        }
    }
}
