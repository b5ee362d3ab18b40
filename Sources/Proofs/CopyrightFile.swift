import DebianArchive

/// A Debian package's `copyright` file: machine-readable (copyright-format 1.0), or plain text.
public enum CopyrightFile {
    /// What it says; a plain text stands whole behind one `LicenseRef-`.
    public static func licence(in text: String, of package: String) -> Licence {
        readable(text) ?? plain(text, package)
    }

    private static func plain(_ text: String, _ package: String) -> Licence {
        let reference = Licence.reference(to: "copyright-of-\(package)", text: text)
        return Licence(expression: reference, texts: [reference: text])
    }

    private static func readable(_ text: String) -> Licence? {
        // Many are not quite as the format says: what stands before the first stanza, or a stray line, makes it plain text.
        guard let stanzas = try? ControlStanza.parse(text, source: "copyright"), let header = stanzas.first,
            header["Format"]?.contains("copyright-format") == true
        else { return nil }
        var texts: [String: String] = [:]
        var names: [String] = []
        for stanza in stanzas {
            guard let field = stanza["License"] else { continue }
            let lines = field.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let name = lines[0].split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
            guard !name.isEmpty else { continue }
            if lines.count > 1 { texts[name.lowercased()] = body(lines[1]) }
            // A stanza of a licence's text alone says nothing of any file.
            if stanza["Files"] != nil || stanza == header, !names.contains(name) { names.append(name) }
        }
        guard !names.isEmpty else { return nil }
        var references: [String: String] = [:]
        let expressions = names.map { name in
            Licence.expression(of: name) { words in
                let text =
                    texts[words.lowercased()] ?? texts[name.lowercased()]
                    ?? "The package's copyright file calls it '\(words)', and has no text of it."
                let reference = Licence.reference(to: words, text: text)
                references[reference] = text
                return reference
            }
        }
        return Licence(expression: Set(expressions).sorted().joined(separator: " AND "), texts: references)
    }

    /// A text's lines, where a line of `.` stands for an empty one.
    private static func body(_ text: Substring) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 == "." ? "" : String($0) }
            .joined(separator: "\n")
    }
}
