import Diagnostics

/// Why packages could not be locked.
public struct LockingError: ExplainedError {
    public enum Code: Sendable {
        /// apt is missing, or the archive's keyring is.
        case hostLacksTool
        /// The host's apt configuration names no Debian mirror.
        case noMirror
        case mirrorUnreachable
        /// A list is not signed by Debian's keys, or not what its signature says.
        case badSignature
        case unknownPackage
        /// No choice of versions satisfies everything that was asked.
        case unsatisfiable
        /// apt answered something that is not understood, or the disk refused.
        case failed
    }

    public let code: Code
    public let subject: String
    public let message: String
    public let cause: String?
    public let remedy: String?

    init(_ code: Code, _ subject: String, _ message: String, cause: String? = nil, remedy: String? = nil) {
        self.code = code
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    public var kind: FailureKind {
        switch code {
        case .hostLacksTool, .noMirror: .host
        case .mirrorUnreachable: .unreachable
        case .badSignature: .corrupt
        case .unknownPackage, .unsatisfiable: .usage
        case .failed: .failed
        }
    }
}
