/// Writes the JSON Schema (draft 2020-12) and the reference page of a field table.
struct FieldTable {
    /// `system` or `platform`.
    let name: String
    /// What one file of this kind is, as a sentence.
    let purpose: String
    let fields: [Field]

    func schema() -> String {
        var top: [(String, JSONValue)] = [
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("Bootferry \(name)")),
            ("description", .text(purpose)),
        ]
        if case .record(let body) = schema(.record(fields)) { top += body }
        return JSONValue.record(top).indented() + "\n"
    }

    private func schema(_ shape: Shape) -> JSONValue {
        switch shape {
        case .text(let kind): return schema(kind)
        case .list(let element): return .record([("type", .text("array")), ("items", schema(element))])
        case .textOrRecord(let kind, let fields):
            return .record([("anyOf", .list([schema(kind), schema(.record(fields))]))])
        case .map(let keys, let values):
            return .record([
                ("type", .text("object")), ("propertyNames", schema(keys)), ("additionalProperties", schema(values)),
            ])
        case .record(let fields):
            let properties = fields.map { field -> (String, JSONValue) in
                guard case .record(let body) = schema(field.shape) else { return (field.key, .record([])) }
                let description = field.fallback.map { "\(field.purpose) Default: \($0)." } ?? field.purpose
                return (field.key, .record([("description", .text(description))] + body))
            }
            return .record([
                ("type", .text("object")), ("additionalProperties", .flag(false)),
                ("required", .list(fields.filter { $0.fallback == nil }.map { .text($0.key) })),
                ("properties", .record(properties)),
            ])
        }
    }

    private func schema(_ kind: TextKind) -> JSONValue {
        switch kind.rule {
        case .choice(let words): return .record([("enum", .list(words.map(JSONValue.text)))])
        case .integer(let range) where range.count == 1: return .record([("const", .number(range.lowerBound))])
        case .integer(let range):
            return .record([
                ("type", .text("integer")), ("minimum", .number(range.lowerBound)),
                ("maximum", .number(range.upperBound)),
            ])
        case .characters, .checked:
            var body: [(String, JSONValue)] = [("type", .text("string"))]
            if let pattern = kind.pattern { body.append(("pattern", .text(pattern))) }
            return .record(body)
        }
    }

    /// A Markdown section: a table with a row for each key, inner keys after the record that holds them.
    func reference() -> String {
        var text = "## \(name.prefix(1).uppercased() + name.dropFirst()) files\n\n\(purpose)\n\n"
        text += "| Key | Value | Default | Purpose |\n|---|---|---|---|\n"
        func rows(_ fields: [Field], _ prefix: String) {
            for field in fields {
                let key = prefix + field.key
                text += "| `\(key)` | \(field.shape.cell) | \(field.fallback ?? "must be given") | \(field.purpose) |\n"
                switch field.shape {
                case .record(let inner): rows(inner, key + ".")
                case .map(_, .record(let inner)): rows(inner, key + ".NAME.")
                case .list(.textOrRecord(_, let inner)): rows(inner, key + "[].")
                default: break
                }
            }
        }
        rows(fields, "")
        return text
    }
}

extension Shape {
    fileprivate var cell: String {
        switch self {
        case .text(let kind): kind.cell
        case .list(.text(let kind)): "list: \(kind.cell)"
        case .list(.textOrRecord(let kind, _)): "list: \(kind.cell); or a record"
        case .list: "list"
        case .textOrRecord(let kind, _): "\(kind.cell); or a record"
        case .record: "record"
        case .map(let keys, _): "record keyed by \(keys.noun)"
        }
    }
}

extension TextKind {
    fileprivate var cell: String {
        switch rule {
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .integer(let range) where range.count == 1: "`\(range.lowerBound)`"
        case .integer(let range): "\(noun), \(range.lowerBound) to \(range.upperBound)"
        default: detail.isEmpty ? noun : "\(noun): \(detail.replacing("|", with: "\\|"))"
        }
    }
}
