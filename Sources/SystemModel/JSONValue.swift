/// A JSON value whose keys keep their order, for text that must not change from run to run (RFC 8259).
public indirect enum JSONValue: Sendable, Equatable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([JSONValue])
    case record([(String, JSONValue)])

    public static func == (a: JSONValue, b: JSONValue) -> Bool { a.line == b.line }

    /// On one line, with a space after each colon and comma.
    public var line: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .number(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .list(let elements): "[\(elements.map(\.line).joined(separator: ", "))]"
        case .record(let fields):
            "{\(fields.map { "\(Self.quoted($0.0)): \($0.1.line)" }.joined(separator: ", "))}"
        }
    }

    /// On several lines, indented by two spaces; what fits on one line stays on it.
    public func indented(_ depth: Int = 0) -> String {
        let line = line
        if line.utf8.count + depth * 2 <= 100 { return line }
        let inner = String(repeating: "  ", count: depth + 1)
        let outer = String(repeating: "  ", count: depth)
        switch self {
        case .list(let elements) where !elements.isEmpty:
            let body = elements.map { inner + $0.indented(depth + 1) }.joined(separator: ",\n")
            return "[\n\(body)\n\(outer)]"
        case .record(let fields) where !fields.isEmpty:
            let body = fields.map { inner + Self.quoted($0.0) + ": " + $0.1.indented(depth + 1) }
            return "{\n\(body.joined(separator: ",\n"))\n\(outer)}"
        default: return line
        }
    }

    /// With the quotes; characters past ASCII stand as themselves.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Writes YAML that any reader takes for the same text.
enum YAMLText {
    /// Plain where that is unmistakable, else in double quotes.
    static func scalar(_ text: String) -> String {
        let plain =
            !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte)
                    || [0x2d, 0x2e, 0x2f, 0x5f, 0x2b, 0x3d, 0x40].contains(byte)
            }
        let words: Set<String> = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        guard plain, let first = text.utf8.first,
            (0x61...0x7a).contains(first) || (0x41...0x5a).contains(first) || first == 0x2f,
            !words.contains(text.lowercased())
        else { return JSONValue.quoted(text) }
        return text
    }

    /// A value as block YAML, ending in a newline.
    static func block(_ value: JSONValue, indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        switch value {
        case .record(let fields) where !fields.isEmpty:
            return fields.map { key, value in "\(margin)\(scalar(key)):\(after(value, indent: indent + 2))" }.joined()
        case .list(let elements) where !elements.isEmpty:
            return elements.map { "\(margin)-\(after($0, indent: indent + 2))" }.joined()
        default: return margin + inline(value) + "\n"
        }
    }

    private static func after(_ value: JSONValue, indent: Int) -> String {
        switch value {
        case .record(let fields) where !fields.isEmpty: "\n" + block(value, indent: indent)
        case .list(let elements) where !elements.isEmpty: "\n" + block(value, indent: indent)
        default: " " + inline(value) + "\n"
        }
    }

    private static func inline(_ value: JSONValue) -> String {
        if case .text(let text) = value { return scalar(text) }
        return value.line
    }
}
