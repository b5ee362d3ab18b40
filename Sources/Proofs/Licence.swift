import StoreModel

/// Under what licences something is, in SPDX's words.
public struct Licence: Sendable, Equatable {
    /// A licence expression (SPDX 2.3, annex D); nil where nothing is known.
    public var expression: String?
    /// The text behind each `LicenseRef-` of the expression.
    public var texts: [String: String]

    public init(expression: String?, texts: [String: String] = [:]) {
        self.expression = expression
        self.texts = texts
    }

    public static let unknown = Licence(expression: nil)

    /// The name that a text is known by: what it is called, and the beginning of its digest, since two packages may call
    /// different texts the same.
    static func reference(to name: String, text: String) -> String {
        "LicenseRef-\(inIdentifiers(name).prefix(60))-\(Digest.sha256(of: text).hex.prefix(8))"
    }

    /// SPDX's words for a short name of Debian's such as `GPL-2+ or Expat, and public-domain`.
    ///
    /// - Parameter unknown: gives the `LicenseRef-` for what SPDX does not know.
    static func expression(of name: String, unknown: (_ words: String) -> String) -> String {
        // A comma binds less than "and" and "or" (copyright-format 1.0, "Syntax").
        let groups = name.split(separator: ",").map { group in
            let alternatives = words(String(group), between: "or").map { alternative in
                let all = words(alternative, between: "and").map { single($0, unknown: unknown) }
                return all.count > 1 ? "(\(all.joined(separator: " AND ")))" : all[0]
            }
            return alternatives.count > 1 ? "(\(alternatives.joined(separator: " OR ")))" : alternatives[0]
        }
        return groups.joined(separator: " AND ")
    }

    /// Parts between the word; a leading one, as after a comma, is dropped.
    private static func words(_ text: String, between word: String) -> [String] {
        var parts: [[Substring]] = [[]]
        for part in text.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
            if part.lowercased() == word { parts.append([]) } else { parts[parts.count - 1].append(part) }
        }
        let found = parts.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }
        return found.isEmpty ? ["unnamed"] : found
    }

    private static func single(_ name: String, unknown: (String) -> String) -> String {
        var name = name
        if name.lowercased().hasPrefix("and ") || name.lowercased().hasPrefix("or ") {
            name = String(name.drop { $0 != " " }.dropFirst())
        }
        if let known = names[name.lowercased()] { return known }
        let parts = name.split(separator: " ")
        if parts.count >= 3, parts[1].lowercased() == "with", let licence = names[parts[0].lowercased()] {
            var words = parts.dropFirst(2).map { $0.lowercased() }
            if words.last == "exception" { words.removeLast() }
            let word = words.joined(separator: " ")
            let short = word.hasSuffix("-exception") ? String(word.dropLast(10)) : word
            if let exception = exceptions[short] { return "\(licence) WITH \(exception)" }
        }
        return unknown(name)
    }
}
