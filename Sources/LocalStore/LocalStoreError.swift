import Diagnostics
import StoreModel
import SystemPackage

/// Something the store on disk could not do, or found wrong.
public struct LocalStoreError: ExplainedError {
    public var kind: FailureKind
    public var subject: String
    public var message: String
    public var cause: String?
    public var remedy: String?

    public init(
        _ subject: String, _ message: String, kind: FailureKind = .failed, cause: String? = nil, remedy: String? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    /// A system call on `path` that failed, with what to do about the common reasons.
    init(_ call: String, _ path: FilePath, _ errno: Errno) {
        subject = "'\(path)'"
        message = "\(call): \(errno)"
        kind = .failed
        switch errno {
        case .noSpace, Errno(rawValue: 122):  // EDQUOT
            kind = .host
            remedy = "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'"
        case .readOnlyFileSystem, .permissionDenied, .notPermitted:
            kind = .host
            remedy = "choose a state directory of your own with '--state-dir' or BOOTFERRY_STATE_DIR"
        case .tooManyOpenFiles:
            kind = .host
            remedy = "raise the limit with 'ulimit -n'"
        default: break
        }
    }
}
