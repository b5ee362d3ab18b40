import Diagnostics

/// One value of a YAML file, with the place where it was written.
///
/// Text keeps its spelling: `1.10` stays `1.10`, `yes` stays `yes`; what it means is for the field table to say.
struct YAMLNode: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        case text(String, quoted: Bool)
        case list([YAMLNode])
        case record([Entry])
    }

    struct Entry: Sendable, Equatable {
        var key: String
        var position: SourcePosition
        var value: YAMLNode
    }

    /// What a value does to the one it meets when files are merged.
    enum Mark: String, Sendable, CaseIterable {
        /// Takes the place of what was written elsewhere.
        case override = "!override"
        /// Takes an equal element out of an imported list.
        case remove = "!remove"
    }

    var content: Content
    var position: SourcePosition
    var mark: Mark?

    /// The value under `key` of a record; nil for anything else.
    subscript(key: String) -> YAMLNode? {
        guard case .record(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    var text: String? {
        guard case .text(let text, _) = content else { return nil }
        return text
    }

    var elements: [YAMLNode] {
        guard case .list(let elements) = content else { return [] }
        return elements
    }

    var entries: [Entry] {
        guard case .record(let entries) = content else { return [] }
        return entries
    }

    /// Whether another value is the same text, list or record, wherever it stands and however it is quoted.
    func saysTheSame(as other: YAMLNode) -> Bool {
        switch (content, other.content) {
        case (.text(let text, _), .text(let another, _)): text == another
        case (.list(let elements), .list(let others)):
            elements.count == others.count && zip(elements, others).allSatisfy { $0.saysTheSame(as: $1) }
        case (.record(let entries), .record(let others)):
            entries.count == others.count
                && entries.allSatisfy { entry in other[entry.key].map(entry.value.saysTheSame) ?? false }
        default: false
        }
    }

    /// What a person would call this value, for `expected …, found …`.
    var noun: String {
        switch content {
        case .text("", quoted: false): "nothing"
        case .text(let text, _): "`\(text.shortened)`"
        case .list(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .record: "a record"
        }
    }
}

extension String {
    /// At most 60 characters on one line, for a message.
    var shortened: String {
        let line = self.prefix { $0 != "\n" && $0 != "\r\n" }
        return line.count < count || line.count > 60 ? "\(line.prefix(57))…" : self
    }
}
