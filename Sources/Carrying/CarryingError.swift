import Diagnostics
import SystemPackage

/// What hinders things from being carried: keys, media, exports and imports.
public typealias CarryingError = DomainError<CarryingDomain>

/// The domain of `CarryingError`.
public enum CarryingDomain: ErrorDomain {
    public static let usualKind = FailureKind.failed
}

extension CarryingError {
    /// A call on a file that failed, with what to do about the common reasons.
    public init(_ call: String, _ path: FilePath, _ error: any Error) {
        let errno = error as? Errno
        self.init("'\(path)'", "\(call): \(errno.map { "\($0)" } ?? "\(error)")")
        switch errno {
        case .some(.noSpace), .some(Errno(rawValue: 122)):  // EDQUOT
            kind = .host
            remedy = "take a larger medium, or free space on it; what is whole there is kept"
        case .some(.readOnlyFileSystem), .some(.permissionDenied), .some(.notPermitted):
            kind = .host
            remedy = "make it writable, or name another folder"
        case .some(.ioError), .some(Errno(rawValue: 6)), .some(Errno(rawValue: 19)):  // ENXIO, ENODEV
            kind = .host
            remedy = "put the medium in again and run the same command; what is whole is kept"
        default: break
        }
    }
}
