import Diagnostics

/// What recipes are pinned to: the packages of each one's toolbox, and the files of its Debian source.
///
/// One lock for all recipes, in a file beside them (`recipes.lock`) and not in each system's: what two systems take from one
/// recipe is then built once, by the same tools. The canonical text is JSON with one package a line.
public struct RecipeLock: Sendable, Equatable {
    /// Every package of every toolbox, once.
    public var packages: [LockedPackage]
    /// The names of each recipe's packages; those of `commonName` are what every build has.
    public var toolboxes: [String: [String]]
    /// Files of source packages, each with its package's name and version.
    public var sources: [LockedPackage]
    /// SHA-256 over what was asked of apt, to tell that a lock is stale.
    public var request: String

    /// The toolbox that has the common packages alone; no recipe may have the name.
    public static let commonName = "common"

    public init(
        packages: [LockedPackage], toolboxes: [String: [String]], sources: [LockedPackage], request: String
    ) {
        self.packages = packages
        self.toolboxes = toolboxes
        self.sources = sources
        self.request = request
    }

    /// The packages of a recipe's toolbox; nil where it is not locked, or not whole.
    public func toolbox(of recipe: String) -> [LockedPackage]? {
        guard let names = toolboxes[recipe] else { return nil }
        let known = Dictionary(packages.map { ($0.name, $0) }) { first, _ in first }
        let found = names.compactMap { known[$0] }
        return found.count == names.count ? found : nil
    }

    /// The canonical text, ending in a newline.
    public func rendered() -> String {
        func lines(_ packages: [LockedPackage]) -> String {
            packages.sorted { ($0.name, $0.poolPath) < ($1.name, $1.poolPath) }.map { "\n\($0.line)" }
                .joined(separator: ",")
        }
        let rows = toolboxes.sorted { $0.key < $1.key }.map { name, packages in
            "\n\(JSONValue.quoted(name)): \(JSONValue.list(packages.sorted().map(JSONValue.text)).line)"
        }
        return """
            {
            "version": 1,
            "request": \(JSONValue.quoted(request)),
            "packages": [\(lines(packages))
            ],
            "sources": [\(lines(sources))
            ],
            "toolboxes": {\(rows.joined(separator: ","))
            }
            }

            """
    }

    /// Reads a lock.
    ///
    /// - Parameter path: how messages name the file.
    /// - Throws: `ConfigurationError` with every problem in it.
    public static func read(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> RecipeLock {
        var problems: [ConfigurationProblem] = []
        guard
            let tree = YAMLReader.read(bytes, file: path, maximumSize: LockFile.maximumFileSize, problems: &problems)
        else { throw ConfigurationError(problems) }
        var checker = ShapeChecker()
        checker.check(tree, against: .record(fields))
        problems += checker.problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return RecipeLock(
            packages: tree[packagesField.key]?.elements.map(LockedPackage.init) ?? [],
            toolboxes: Dictionary(
                (tree[toolboxesField.key]?.entries ?? []).map { ($0.key, $0.value.elements.compactMap(\.text)) }
            ) { first, _ in first },
            sources: tree[sourcesField.key]?.elements.map(LockedPackage.init) ?? [],
            request: tree.text(LockFields.request) ?? "")
    }

    private static let packagesField = Field(
        "packages", .list(of: LockFields.package), default: nil, "Every package of a toolbox.")
    private static let sourcesField = Field(
        "sources", .list(of: LockFields.package), default: nil, "Every file of a source package.")
    private static let toolboxesField = Field(
        "toolboxes", .map(keys: .recipeName, values: .list(of: .text(.packageName))), default: nil,
        "The packages of each recipe's toolbox, by name.")
    private static let fields = [LockFields.version, LockFields.request, packagesField, sourcesField, toolboxesField]
}
