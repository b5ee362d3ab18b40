import Diagnostics

/// One thing that is wrong with a file that a person wrote.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// Where it stands.
    public var position: SourcePosition
    /// The key in question, such as `users.alice.shell`; empty when the file itself is meant.
    public var subject: String
    /// What was expected and what was found.
    public var message: String

    init(_ position: SourcePosition, _ subject: String, _ message: String) {
        self.position = position
        self.subject = subject
        self.message = message
    }

    public var description: String {
        subject.isEmpty ? "\(position): \(message)" : "\(position): `\(subject.shortened)`: \(message)"
    }
}

/// Everything that one pass found wrong with a configuration and its imports, sorted by position.
public struct ConfigurationError: ExplainedError {
    /// In the order of files and lines.
    public let problems: [ConfigurationProblem]

    init(_ problems: [ConfigurationProblem]) {
        var seen: Set<ConfigurationProblem> = []
        self.problems = problems.filter { seen.insert($0).inserted }
            .enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element)
    }

    public var kind: FailureKind { .usage }
    public var subject: String { problems.first?.position.file ?? "" }
    public var message: String { problems.count == 1 ? "1 problem" : "\(problems.count) problems" }
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
