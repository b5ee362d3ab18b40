/// What kind of failure an error is: it chooses the exit status, so scripts need not read messages.
public enum FailureKind: Int32, Sendable {
    /// A build, boot or server failed for a reason of its own.
    case failed = 1
    /// What was written in a file or on the command line is wrong.
    case usage = 2
    /// Bytes are not what their digest, signature or format says.
    case corrupt = 3
    /// The network, or the mirror behind it, did not answer.
    case unreachable = 4
    /// The host lacks something; `bootferry doctor` says what.
    case host = 5
}

/// An error that says what was found, where, and what to do.
///
/// Every module's error conforms, most as a `DomainError`. Messages are lower case, quote their subject, put the found beside
/// the expected and have no final period. Only `Commands` prints them.
public protocol ExplainedError: Error, CustomStringConvertible {
    var kind: FailureKind { get }
    /// What the error is about: a path, a package, a store path, a field.
    var subject: String { get }
    /// What is wrong with it.
    var message: String { get }
    /// The lower error, in its own words, where there is one.
    var cause: String? { get }
    /// What to do: a command or a change; nil where nothing sensible can be said.
    var remedy: String? { get }
}

/// An error of which several, of one kind of work, are better told as one.
public protocol JoinableError: ExplainedError {
    /// - Parameter errors: at least one.
    init(joining errors: [Self])
}

extension ExplainedError {
    public var cause: String? { nil }
    public var remedy: String? { nil }

    public var description: String {
        var text = subject.isEmpty ? message : "\(subject): \(message)"
        if let cause { text += "\n  cause: \(cause)" }
        if let remedy { text += "\n  remedy: \(remedy)" }
        return text
    }
}
