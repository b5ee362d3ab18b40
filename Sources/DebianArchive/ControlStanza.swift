import Diagnostics

/// One paragraph of a control file: fields in the order written (deb822(5)).
///
///     Field: first line
///      continued, after a space or a tab
///     # a comment
///
/// A continuation line that is only `.` stands for an empty one and is kept as written.
public struct ControlStanza: Sendable, Equatable {
    public struct Field: Sendable, Equatable {
        public var name: String
        /// Lines joined by newlines; each continuation without its first space.
        public var value: String
    }

    public var fields: [Field]

    public init(fields: [Field]) { self.fields = fields }

    /// The value of a field, whose name counts without regard to case.
    public subscript(name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The stanza as text, ending in a newline but without an empty line after it.
    public var text: String {
        fields.map { field in
            let lines = field.value.split(separator: "\n", omittingEmptySubsequences: false)
            let head = "\(field.name):\(lines[0].isEmpty ? "" : " \(lines[0])")\n"
            return head + lines.dropFirst().map { " \($0)\n" }.joined()
        }.joined()
    }

    /// Every stanza of `text`.
    ///
    /// - Parameter source: names the text in errors.
    /// - Throws: `DebianArchiveError` for a line that is no field, a field given twice, or a text over 256 MiB.
    public static func parse(_ text: String, source: String) throws(DebianArchiveError) -> [ControlStanza] {
        guard text.utf8.count <= 256 << 20 else {
            throw DebianArchiveError(source, "over 256 MiB of control text")
        }
        var stanzas: [ControlStanza] = []
        var current: [Field] = []
        var names: Set<String> = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == " " || $0 == "\t" || $0 == "\r" }) {
                if !current.isEmpty { stanzas.append(ControlStanza(fields: current)) }
                current = []
                names = []
            } else if line.hasPrefix("#") {
                continue
            } else if line.hasPrefix(" ") || line.hasPrefix("\t") {
                guard !current.isEmpty else {
                    throw DebianArchiveError("\(source):\(number)", "a continuation line with no field before it")
                }
                current[current.count - 1].value += "\n" + line.dropFirst()
            } else {
                guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                    line[..<colon].utf8.allSatisfy({ (0x21...0x7e).contains($0) })
                else {
                    throw DebianArchiveError(
                        "\(source):\(number)", "expected `Field: value`, found `\(line.prefix(60))`")
                }
                let name = String(line[..<colon])
                guard names.insert(name.lowercased()).inserted else {
                    throw DebianArchiveError("\(source):\(number)", "the field `\(name)` is given twice")
                }
                let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
                current.append(Field(name: name, value: String(value)))
            }
        }
        if !current.isEmpty { stanzas.append(ControlStanza(fields: current)) }
        return stanzas
    }
}

/// What is wrong with something the Debian archive, or apt about it, said.
public typealias DebianArchiveError = DomainError<DebianArchiveDomain>

/// The domain of `DebianArchiveError`.
public enum DebianArchiveDomain: ErrorDomain {
    public static let usualKind = FailureKind.corrupt
}
