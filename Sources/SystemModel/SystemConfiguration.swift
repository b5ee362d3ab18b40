import Diagnostics

/// What a person wrote: a system's files merged into one record, each value with file, line and column.
///
/// It was checked whole when it was read, so `resolve()` cannot fail.
public struct SystemConfiguration: Sendable {
    /// The largest file that is read, in bytes; a reader of files need not load more than one byte past it.
    public static let maximumFileSize = YAMLReader.maximumSize

    /// The file asked for.
    public let path: String
    /// Every file that was read: `path` first, then its imports.
    public let files: [String]
    /// The platform named, or the default.
    public let platform: Platform
    /// The board named, if any; the platform is its own.
    public let board: Board?
    /// Whether the board was named elsewhere than in the configuration, so that its system is another one.
    let isForOtherBoard: Bool
    let tree: YAMLNode
    let directory: String

    /// Reads `path` and what it imports.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to `directory`; messages name files the way this is written.
    ///   - directory: absolute; what relative `source` paths are completed with.
    ///   - platforms: the one of a name, and where there is none, or for nil, every platform there is.
    ///   - boards: every board there is; asked only where one is named.
    ///   - board: a board's name, in place of what is written.
    ///   - files: gives the bytes of a path.
    /// - Throws: `ConfigurationError` with every problem in every file.
    public static func read(
        _ path: String, directory: String, platforms: (String?) throws(ConfigurationError) -> [Platform],
        boards: () throws(ConfigurationError) -> [Board] = { [] }, board: String? = nil,
        files: @escaping (String) -> FileContent
    ) throws(ConfigurationError) -> SystemConfiguration {
        let path = joined("", path)
        var reader = ConfigurationReader(files: files)
        guard let tree = reader.tree(path) else { throw ConfigurationError(reader.problems) }
        var problems = reader.problems + crossChecks(tree)
        if tree[SystemFields.name.key] == nil, folderName(path, directory) == nil {
            problems.append(
                .init(
                    tree.position, SystemFields.name.key,
                    "the key is missing, and the folder's name is not \(TextKind.systemName.noun)"))
        }
        let wanted = tree[SystemFields.platform.key]
        let ownBoard = tree[SystemFields.board.key]
        let boardName = board ?? ownBoard?.text
        let known = boardName == nil ? [] : try boards()
        let found = known.first { $0.name == boardName }
        if let boardName, found == nil {
            problems.append(
                .init(
                    ownBoard?.position ?? tree.position, SystemFields.board.key,
                    unknown("board", boardName, among: known.map(\.name).sorted())))
        }
        if let found, let wanted, wanted.text != found.platform {
            problems.append(
                .init(
                    wanted.position, SystemFields.platform.key,
                    "the board `\(found.name)` is of the platform `\(found.platform)`, found `\(wanted.text ?? "")`"))
        }
        let boardPlatform = found.map { [$0.platform, $0.variant].compactMap(\.self).joined(separator: "-") }
        let platformName = boardPlatform ?? wanted?.text ?? SystemDefaults.platform
        let candidates = try platforms(found?.platform ?? platformName)
        let platform = found.map { $0.platform(among: candidates) } ?? candidates.first { $0.name == platformName }
        if platform == nil {
            let all = try platforms(nil)
            problems.append(
                .init(
                    wanted?.position ?? tree.position, SystemFields.platform.key,
                    unknown("platform", platformName, among: all.map(\.name).sorted())))
        }
        if let platform { problems += kindProblems(tree, platform) }
        guard problems.isEmpty, let platform else { throw ConfigurationError(problems) }
        return SystemConfiguration(
            path: path, files: reader.read, platform: platform, board: found,
            isForOtherBoard: board != nil && board != ownBoard?.text, tree: tree, directory: directory)
    }

    /// The same with the platforms at hand.
    public static func read(
        _ path: String, directory: String, platforms: [Platform],
        boards: () throws(ConfigurationError) -> [Board] = { [] }, board: String? = nil,
        files: @escaping (String) -> FileContent
    ) throws(ConfigurationError) -> SystemConfiguration {
        try read(
            path, directory: directory, platforms: { _ in platforms }, boards: boards, board: board, files: files)
    }

    private static func unknown(_ what: String, _ name: String, among names: [String]) -> String {
        let start = "no such \(what): `\(name.shortened)`"
        if let nearest = nearestSpelling(to: name, among: names) { return start + "; did you mean `\(nearest)`?" }
        return start + ", expected one of \(names.map { "`\($0)`" }.joined(separator: ", "))"
    }

    /// Where each key of the list `packages` was asked for, to point at when a package does not exist.
    public func positionOfPackage(_ name: String) -> SourcePosition? {
        if let element = tree[SystemFields.packages.key]?.elements.first(where: { $0.text == name }) {
            return element.position
        }
        let kernel = tree[SystemFields.kernel.key]?[SystemFields.kernelPackage.key]
        return kernel?.text == name ? kernel?.position : nil
    }

    /// The listing of `show config`: one line a value with its key and where it was written.
    public func rendered() -> String {
        var rows: [(String, SourcePosition)] = []
        func walk(_ node: YAMLNode, _ path: String) {
            switch node.content {
            case .text(let text, _): rows.append(("\(path): \(YAMLText.scalar(text.shortened))", node.position))
            case .list(let elements): for element in elements { walk(element, "\(path)[]") }
            case .record(let entries):
                for entry in entries { walk(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)") }
            }
        }
        walk(tree, "")
        let width = min(72, rows.map(\.0.count).max() ?? 0)
        return rows.map { text, position in
            text + String(repeating: " ", count: max(0, width - text.count)) + "  # \(position)\n"
        }.joined()
    }

    static func folderName(_ path: String, _ directory: String) -> String? {
        let folder = folder(of: joined(directory, path))
        let name = folder.split(separator: "/").last.map(String.init) ?? ""
        return TextKind.systemName.accepts(name) ? name : nil
    }

    /// What a system of packages, or one of recipes, cannot have; and what its platform cannot be.
    private static func kindProblems(_ tree: YAMLNode, _ platform: Platform) -> [ConfigurationProblem] {
        let kernel = tree[SystemFields.kernel.key]
        guard let recipes = tree[SystemFields.recipes.key], !recipes.elements.isEmpty else {
            var problems: [ConfigurationProblem] = []
            if platform.debianArchitecture == nil {
                problems.append(
                    .init(
                        tree[SystemFields.platform.key]?.position ?? tree.position, SystemFields.platform.key,
                        "Debian does not build for `\(platform.name)`: expected `recipes`, found none"))
            } else if kernel?[SystemFields.kernelPackage.key] == nil, platform.kernelPackage == nil {
                problems.append(
                    .init(
                        tree.position, SystemFields.kernel.key,
                        "the platform `\(platform.name)` names no kernel package"))
            }
            if let recipe = kernel?[SystemFields.kernelRecipe.key] {
                problems.append(
                    .init(recipe.position, "kernel.recipe", "the kernel of a system of packages is a `package`"))
            }
            return problems
        }
        var problems = [SystemFields.packages, SystemFields.services, SystemFields.network, SystemFields.keep]
            .compactMap {
                field in
                tree[field.key].map {
                    ConfigurationProblem($0.position, field.key, "a system of `recipes` (\(recipes.position)) has none")
                }
            }
        if let package = kernel?[SystemFields.kernelPackage.key] {
            problems.append(
                .init(package.position, "kernel.package", "the kernel of a system of recipes is a `recipe`"))
        }
        if platform.target == nil {
            problems.append(
                .init(
                    recipes.position, SystemFields.recipes.key,
                    "the platform `\(platform.name)` has no `target`, so nothing can be built for it"))
        }
        return problems
    }

    /// Rules that span several keys, and so several files.
    private static func crossChecks(_ tree: YAMLNode) -> [ConfigurationProblem] {
        var problems = fileProblems(tree)
        let services = tree[SystemFields.services.key]
        let enabled = services?[SystemFields.enabled.key]?.elements ?? []
        for element in services?[SystemFields.disabled.key]?.elements ?? [] {
            guard let unit = element.text, let other = enabled.first(where: { $0.text == unit }) else { continue }
            problems.append(
                .init(element.position, "services.disabled", "`\(unit)` is also enabled, at \(other.position)"))
        }
        var numbers: [Int: SourcePosition] = [:]
        for entry in tree[SystemFields.users.key]?.entries ?? [] {
            guard let node = entry.value[SystemFields.uid.key], let uid = node.text.flatMap({ Int($0) }) else {
                continue
            }
            if (entry.key == "root") != (uid == 0) {
                problems.append(
                    .init(node.position, "users.\(entry.key).uid", "0 is root's user number and only root's"))
            } else if let first = numbers[uid] {
                problems.append(.init(node.position, "users.\(entry.key).uid", "\(uid) is also given at \(first)"))
            }
            numbers[uid] = numbers[uid] ?? node.position
        }
        return problems
    }
}

/// What is wrong with the record `files` of a system, a node or a group; `prefix` stands before its key.
func fileProblems(_ tree: YAMLNode?, _ prefix: String = "") -> [ConfigurationProblem] {
    var problems: [ConfigurationProblem] = []
    for entry in tree?[SystemFields.files.key]?.entries ?? [] {
        let given = [SystemFields.text, SystemFields.source, SystemFields.link]
            .compactMap { field in entry.value[field.key].map { (field.key, $0.position) } }
        if given.count != 1 {
            let found = given.map { "`\($0.0)` at \($0.1)" }.joined(separator: " and ")
            problems.append(
                .init(
                    entry.position, "\(prefix)files.\(entry.key)",
                    "expected one of `text`, `source`, `link`, found \(found.isEmpty ? "none" : found)"))
        }
        if given.first?.0 == SystemFields.link.key, let mode = entry.value[SystemFields.mode.key] {
            problems.append(
                .init(mode.position, "\(prefix)files.\(entry.key).mode", "a symbolic link has no permission bits"))
        }
    }
    return problems
}

/// What holds where nothing is written.
public enum SystemDefaults {
    public static let platform = "x86_64"
    static let suite = "trixie"
    static let kernelRecipe = "linux"
    static let components = ["main"]
    static let timeZone = "Etc/UTC"
    static let locale = "C.UTF-8"
    static let shell = "/bin/bash"
    /// In a system of recipes.
    static let smallShell = "/bin/sh"
    static let fileMode = 0o644
    /// MiB.
    static let memory = 1024
}
