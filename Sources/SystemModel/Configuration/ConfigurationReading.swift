import Diagnostics

/// What asking for a file gave: the pure half's view of a file system.
public enum FileContent: Sendable {
    case bytes([UInt8])
    case missing
    /// In the system's words, such as `permission denied`.
    case unreadable(String)
}

/// Reads a file and all that it imports into one merged tree.
struct ConfigurationReader {
    static let maximumFiles = 256

    let files: (String) -> FileContent
    private(set) var problems: [ConfigurationProblem] = []
    /// Every file read, in order.
    private(set) var read: [String] = []
    private var chain: [String] = []

    init(files: @escaping (String) -> FileContent) { self.files = files }

    /// The merged record; nil when the file itself could not be read.
    mutating func tree(_ path: String) -> YAMLNode? {
        let top = read(path: path, importedAt: nil)
        guard let top else { return nil }
        var merger = ConfigurationMerger()
        let settled = merger.settle(top)
        problems += merger.problems
        return settled
    }

    private mutating func read(path: String, importedAt: SourcePosition?) -> YAMLNode? {
        let place = importedAt ?? SourcePosition(file: path, line: 1, column: 1)
        if let start = chain.firstIndex(of: path) {
            let cycle = (chain[start...] + [path]).joined(separator: " -> ")
            problems.append(.init(place, "imports", "the imports form a circle: \(cycle)"))
            return nil
        }
        // A file imported by two others counts once, or its lists would be doubled and its text conflict with itself.
        guard !read.contains(path) else { return nil }
        guard read.count < Self.maximumFiles else {
            problems.append(.init(place, "imports", "more than \(Self.maximumFiles) files"))
            return nil
        }
        let bytes: [UInt8]
        switch files(path) {
        case .bytes(let found): bytes = found
        case .missing:
            problems.append(.init(place, importedAt == nil ? "" : "imports", "no such file: `\(path)`"))
            return nil
        case .unreadable(let reason):
            problems.append(.init(place, importedAt == nil ? "" : "imports", "cannot read `\(path)`: \(reason)"))
            return nil
        }
        read.append(path)
        guard let node = YAMLReader.read(bytes, file: path, problems: &problems) else { return nil }
        var checker = ShapeChecker()
        checker.check(node, against: .record(SystemFields.table))
        problems += checker.problems
        guard case .record = node.content else { return nil }
        return merged(node.fitting(.record(SystemFields.table)), path: path)
    }

    private mutating func merged(_ node: YAMLNode, path: String) -> YAMLNode {
        chain.append(path)
        defer { chain.removeLast() }
        var lower: YAMLNode?
        var merger = ConfigurationMerger()
        for element in node[SystemFields.imports.key]?.elements ?? [] {
            guard let text = element.text, !text.isEmpty else { continue }
            let target = joined(folder(of: path), text)
            guard let imported = read(path: target, importedAt: element.position) else { continue }
            lower = lower.map { merger.merge(imported, over: $0, isImporter: false) } ?? imported
        }
        var own = node
        own.content = .record(
            node.entries.filter { ![SystemFields.imports.key, SystemFields.version.key].contains($0.key) })
        let result = lower.map { merger.merge(own, over: $0, isImporter: true) } ?? own
        problems += merger.problems
        return result
    }
}

extension YAMLNode {
    /// Only what has the right shape, so that merging and resolving after errors raises no second ones.
    func fitting(_ shape: Shape) -> YAMLNode {
        var node = self
        switch (shape, content) {
        case (.record(let fields), .record(let entries)), (.textOrRecord(_, let fields), .record(let entries)):
            node.content = .record(
                entries.compactMap { entry in
                    fields.first { $0.key == entry.key }.flatMap { field in
                        entry.value.hasKind(of: field.shape) ? entry.fitting(field.shape) : nil
                    }
                })
        case (.map(_, let values), .record(let entries)):
            node.content = .record(entries.filter { $0.value.hasKind(of: values) }.map { $0.fitting(values) })
        case (.list(let element), .list(let nodes)):
            node.content = .list(nodes.filter { $0.hasKind(of: element) }.map { $0.fitting(element) })
        default: break
        }
        return node
    }

    private func hasKind(of shape: Shape) -> Bool {
        switch (shape, content) {
        case (.text, .text), (.list, .list), (.record, .record), (.map, .record): true
        case (.textOrRecord, .text), (.textOrRecord, .record): true
        default: false
        }
    }
}

extension YAMLNode.Entry {
    fileprivate func fitting(_ shape: Shape) -> YAMLNode.Entry {
        var entry = self
        entry.value = value.fitting(shape)
        return entry
    }
}

/// The folder of a path, by its text alone; empty for a bare name.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// `path` seen from `folder`, with `.` and `name/..` taken out by their text alone.
func joined(_ folder: String, _ path: String) -> String {
    let whole = path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)"
    var parts: [Substring] = []
    for part in whole.split(separator: "/") where part != "." {
        if part == "..", let last = parts.last, last != ".." {
            parts.removeLast()
        } else if !(part == ".." && whole.hasPrefix("/")) {
            parts.append(part)
        }
    }
    return (whole.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
}
