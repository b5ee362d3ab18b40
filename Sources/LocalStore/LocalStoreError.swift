import Diagnostics
import StoreModel
import SystemPackage

/// Something the store on disk could not do, or found wrong.
public typealias LocalStoreError = DomainError<LocalStoreDomain>

/// The domain of `LocalStoreError`.
public enum LocalStoreDomain: ErrorDomain {
    public static let usualKind = FailureKind.failed
}

extension LocalStoreError {
    /// A system call on `path` that failed, with what to do about the common reasons.
    init(_ call: String, _ path: FilePath, _ errno: Errno) {
        self.init("'\(path)'", "\(call): \(errno)")
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
