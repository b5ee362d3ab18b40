import Archives
import Building

/// A package's control files: the stanza, and the scripts and lists that dpkg keeps in `var/lib/dpkg/info`.
struct PackageControl: Sendable {
    /// Field name in lower case -> value, continuation lines included.
    var fields: [String: String]
    /// The text of `control`, ending in one line break.
    var stanza: String
    /// The other control files in the archive's order; bytes and permissions.
    var files: [(name: String, contents: [UInt8], permissions: UInt32)]

    var name: String { fields["package"] ?? "" }

    /// The start of the file names in `var/lib/dpkg/info`: `NAME`, or `NAME:ARCH` where several may be installed.
    var infoName: String {
        fields["multi-arch"] == "same" ? "\(name):\(fields["architecture"] ?? "")" : name
    }

    /// Names that the package's `Replaces` field lists, without versions.
    var replaces: Set<String> { Self.names(fields["replaces"] ?? "") }

    /// Reads `control.tar`; at most 1,000 files of 16 MiB in all.
    init(_ package: DebianPackageFile) throws {
        let title = package.file.lastComponent?.string ?? package.file.string
        var reader = try package.control()
        var stanza: String?
        var files: [(name: String, contents: [UInt8], permissions: UInt32)] = []
        var total = 0
        while let entry = try reader.next() {
            guard entry.kind == .file else { continue }
            let name = entry.path.hasPrefix("./") ? String(entry.path.dropFirst(2)) : entry.path
            guard !name.contains("/"), !name.utf8.contains(0x0A), files.count < 1000, total + entry.size <= 16 << 20
            else {
                throw BuildError(
                    kind: .corrupt, subject: title, message: "has the control file '\(name)', too many or too large")
            }
            total += entry.size
            let contents = try reader.contents(limit: 16 << 20)
            if name == "control" {
                stanza = String(decoding: contents, as: UTF8.self)
            } else {
                files.append((name, contents, entry.permissions))
            }
        }
        guard let stanza else {
            throw BuildError(kind: .corrupt, subject: title, message: "has no control file, as every package has")
        }
        try self.init(stanza: stanza, files: files, title: title)
    }

    /// From the text of one stanza.
    init(
        stanza: String, files: [(name: String, contents: [UInt8], permissions: UInt32)] = [], title: String
    ) throws {
        var lines = stanza.split(separator: "\n", omittingEmptySubsequences: false)
        while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
        self.stanza = lines.joined(separator: "\n") + "\n"
        self.files = files
        fields = [:]
        var key = ""
        for line in lines {
            if line.first == " " || line.first == "\t" {
                fields[key, default: ""] += "\n" + line
            } else if let colon = line.firstIndex(of: ":") {
                key = line[..<colon].lowercased()
                fields[key] = String(line[line.index(after: colon)...].drop(while: \.isWhitespace))
            }
        }
        // Becomes part of paths: Debian Policy 5.6.7 allows only these.
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789+-.")
        for field in ["package", "architecture"] {
            guard let value = fields[field], let first = value.first, first != ".", value.allSatisfy(allowed.contains)
            else {
                throw BuildError(
                    kind: .corrupt, subject: title,
                    message:
                        "gives '\(fields[field] ?? "")' as its \(field), expected letters, digits, '+', '-' and '.'")
            }
        }
    }

    /// The package names of a relation field.
    static func names(_ relation: String) -> Set<String> {
        Set(
            relation.split { $0 == "," || $0 == "|" }.compactMap { item in
                item.split { $0.isWhitespace || $0 == "(" || $0 == ":" }.first.map(String.init)
            })
    }
}
