import Diagnostics

/// Checks a tree against a shape, and gathers everything that is wrong.
struct ShapeChecker {
    /// The way from the top of a file to a value; spelt out only where there is something to say about it.
    indirect enum Place {
        case top
        case key(Place, String)
        case element(Place, Int)

        var text: String {
            switch self {
            case .top: ""
            case .key(.top, let key): key
            case .key(let outer, let key): "\(outer.text).\(key)"
            case .element(let outer, let index): "\(outer.text)[\(index)]"
            }
        }
    }

    private(set) var problems: [ConfigurationProblem] = []

    /// Reports under `path` what in `node` does not fit.
    mutating func check(_ node: YAMLNode, against shape: Shape, path: Place = .top) {
        switch (shape, node.content) {
        case (.text(let kind), .text(let text, let quoted)), (.textOrRecord(let kind, _), .text(let text, let quoted)):
            check(text, quoted: quoted, kind: kind, path: path, at: node)
        case (.list(let element), .list(let nodes)):
            for (index, node) in nodes.enumerated() {
                check(node, against: element, path: .element(path, index))
            }
        case (.record(let fields), .record(let entries)), (.textOrRecord(_, let fields), .record(let entries)):
            check(entries, fields: fields, path: path, at: node)
        case (.map(let keys, let values), .record(let entries)):
            for entry in entries {
                let inner = Place.key(path, entry.key)
                if !keys.accepts(entry.key) {
                    problems.append(.init(entry.position, inner.text, keys.expected(found: "`\(entry.key.shortened)`")))
                }
                check(entry.value, against: values, path: inner)
            }
        default:
            problems.append(.init(node.position, path.text, "expected \(shape.noun), found \(node.noun)"))
        }
    }

    private mutating func check(_ text: String, quoted: Bool, kind: TextKind, path: Place, at node: YAMLNode) {
        if case .integer = kind.rule, quoted {
            problems.append(.init(node.position, path.text, "expected \(kind.noun), found text in quotes"))
        } else if !kind.accepts(text) || (text.isEmpty && !quoted) {
            var message = kind.expected(found: kind.isSecret && !text.isEmpty ? "other text" : node.noun)
            if case .choice(let words) = kind.rule, let nearest = nearestSpelling(to: text, among: words) {
                message += "; did you mean `\(nearest)`?"
            }
            problems.append(.init(node.position, path.text, message))
        }
    }

    private mutating func check(
        _ entries: [YAMLNode.Entry], fields: [Field], path: Place, at node: YAMLNode
    ) {
        for entry in entries {
            let inner = Place.key(path, entry.key)
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
            problems.append(.init(entry.position, inner.text, message))
        }
        for field in fields where field.fallback == nil && !entries.contains(where: { $0.key == field.key }) {
            let inner = Place.key(path, field.key)
            problems.append(.init(node.position, inner.text, "the key is missing, expected \(field.shape.noun)"))
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
