import Diagnostics
import Glibc
import SystemPackage

extension BuildError {
    /// The error to show instead of `error` where the disk under `folder` has no room left; nil where it has, or where
    /// `error` says so itself.
    ///
    /// Programs in a sandbox only say that they failed, so the disk is asked, and must be before anything is cleared away.
    public static func fullDisk(under folder: FilePath, making name: String, _ error: any Error) -> BuildError? {
        if let explained = error as? any ExplainedError, explained.kind == .host { return nil }
        let errno = error as? Errno
        guard errno == .noSpace || errno == .diskQuotaExceeded || !hasRoom(folder) else { return nil }
        return BuildError(
            kind: .host, subject: "'\(folder)'", message: "the disk is full: '\(name)' could not be made",
            cause: (error as? any ExplainedError).map { "\($0.subject): \($0.message)" } ?? "\(error)",
            remedy: "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'")
    }

    /// Less than a program's buffers is no room.
    private static func hasRoom(_ folder: FilePath) -> Bool {
        var status = statvfs()
        guard statvfs(folder.string, &status) == 0 else { return true }
        let bytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        // File systems without a count of inodes report none at all.
        let hasInodes = status.f_files == 0 || status.f_favail > 16
        return hasInodes && (bytes.overflow || bytes.partialValue > 1 << 20)
    }
}
