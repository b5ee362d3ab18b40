import Diagnostics

extension LockFile {
    /// The largest lock file that is read, in bytes: some 50,000 packages.
    public static let maximumFileSize = 16 << 20

    /// The canonical text: JSON with one package a line, sorted by name and architecture, ending in a newline.
    public func rendered() -> String {
        var text = "{\n\"version\": 1,\n\"request\": \(JSONValue.quoted(request)),\n\"sets\": {"
        for (index, set) in PackageSet.allCases.filter({ sets[$0] != nil }).enumerated() {
            text += "\(index == 0 ? "" : ",")\n\(JSONValue.quoted(set.rawValue)): ["
            let packages = (sets[set] ?? []).sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
            for (index, package) in packages.enumerated() {
                text += "\(index == 0 ? "" : ",")\n\(package.line)"
            }
            text += "\n]"
        }
        return text + "\n}\n}\n"
    }

    /// Reads a lock file.
    ///
    /// - Parameter path: how messages name the file.
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> LockFile {
        var problems: [ConfigurationProblem] = []
        guard let tree = YAMLReader.read(bytes, file: path, maximumSize: maximumFileSize, problems: &problems) else {
            throw ConfigurationError(problems)
        }
        var checker = ShapeChecker()
        checker.check(tree, against: .record(LockFields.table))
        problems += checker.problems
        var sets: [PackageSet: [LockedPackage]] = [:]
        for set in PackageSet.allCases {
            guard let list = tree[LockFields.sets.key]?[set.rawValue] else { continue }
            var places: [String: SourcePosition] = [:]
            sets[set] = list.elements.map { node in
                let package = LockedPackage(node)
                if let first = places.updateValue(node.position, forKey: "\(package.name):\(package.architecture)") {
                    problems.append(.init(node.position, package.name, "locked twice; first at \(first)"))
                }
                return package
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return LockFile(sets: sets, request: tree.text(LockFields.request) ?? "")
    }
}

extension LockedPackage {
    init(_ node: YAMLNode) {
        func text(_ field: Field) -> String { node.text(field) ?? "" }
        self.init(
            name: text(LockFields.name), version: text(LockFields.packageVersion),
            architecture: text(LockFields.architecture), poolPath: text(LockFields.poolPath),
            archive: text(LockFields.archive), size: Int(text(LockFields.size)) ?? 0, sha256: text(LockFields.sha256))
    }

    /// Its line of a lock file.
    var line: String {
        JSONValue.record([
            (LockFields.name.key, .text(name)), (LockFields.packageVersion.key, .text(version)),
            (LockFields.architecture.key, .text(architecture)), (LockFields.archive.key, .text(archive)),
            (LockFields.poolPath.key, .text(poolPath)), (LockFields.size.key, .number(size)),
            (LockFields.sha256.key, .text(sha256)),
        ]).line
    }
}

/// The keys of a lock file.
enum LockFields {
    static let digest = TextKind(
        "a SHA-256 digest", detail: "64 lower-case hexadecimal digits",
        .characters(first: "0-9a-f", rest: "0-9a-f", length: 64...64))
    /// Debian Policy 5.6.12.
    static let versionText = TextKind(
        "a Debian version", .characters(first: "0-9A-Za-z", rest: "0-9A-Za-z.+~:-", length: 1...256))
    static let architectureName = TextKind(
        "an architecture", .characters(first: "a-z0-9", rest: "a-z0-9-", length: 2...32))
    static let relativePath = TextKind(
        "a path in the archive", detail: "relative, without `.`, `..` or `//`",
        .checked(pattern: nil) { TextKind.absolutePath.accepts("/" + $0) && !$0.hasPrefix("/") })

    static let name = Field("name", .text(.packageName), default: nil, "The package.")
    static let packageVersion = Field("version", .text(versionText), default: nil, "Its version.")
    static let architecture = Field("architecture", .text(architectureName), default: nil, "Its architecture.")
    static let archive = Field(
        "archive", .text(TextKind("an archive", .choice(["debian", "debian-security"]))), default: nil,
        "Which archive of the mirror has it.")
    static let poolPath = Field("path", .text(relativePath), default: nil, "Its file in that archive.")
    static let size = Field(
        "size", .text(TextKind("a number of bytes", .integer(1...(1 << 40)))), default: nil, "Bytes of that file.")
    static let sha256 = Field("sha256", .text(digest), default: nil, "Its digest.")

    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let request = Field("request", .text(digest), default: nil, "A digest of what was asked.")
    static let package = Shape.record([name, packageVersion, architecture, archive, poolPath, size, sha256])
    static let sets = Field(
        "sets",
        .record(
            PackageSet.allCases.map {
                Field($0.rawValue, .list(of: package), default: "none", "The packages of one set.")
            }),
        default: nil, "Packages that were solved together.")
    static let table = [version, request, sets]
}
