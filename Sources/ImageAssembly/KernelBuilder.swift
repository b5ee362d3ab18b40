import Archives
import Building
import SystemPackage

/// `builtin:kernel`: the kernel out of a `.deb`, as `vmlinuz` and `release` (the text of `uname -r`).
///
/// Environment: `deb`, the package that carries `boot/vmlinuz-RELEASE` itself (not a metapackage that depends on it), or from
/// Debian 14 on `usr/lib/modules/RELEASE/vmlinuz`.
public struct KernelBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let package = try DebianPackageFile(request.physical(try request.require("deb")))
        try await onBlockingThread {
            var reader = try package.data()
            while let entry = try reader.next() {
                guard entry.kind == .file, let path = try CanonicalPath.of(entry.path, in: reader.name) else {
                    continue
                }
                guard let release = Self.release(ofKernel: path) else { continue }
                try Tree.makeDirectory(request.output)
                // Kernels are some 10 MB; the limit only keeps a damaged header from taking all memory.
                try Tree.write(try reader.contents(limit: 256 << 20), to: request.output.appending("vmlinuz"))
                try Tree.write(Array("\(release)\n".utf8), to: request.output.appending("release"))
                return
            }
            throw BuildError(
                subject: try PackageControl(package).name, message: "carries no 'boot/vmlinuz-RELEASE'",
                remedy: "name a kernel package such as 'linux-image-amd64' in 'kernel'")
        }
    }

    /// What `uname -r` says of the kernel that a package has under a path; nil where that is no kernel.
    static func release(ofKernel path: String) -> String? {
        for prefix in ["boot/vmlinuz-", "boot/vmlinux-"] where path.hasPrefix(prefix) {
            return String(path.dropFirst(prefix.count))
        }
        guard path.hasPrefix("usr/lib/modules/"), path.hasSuffix("/vmlinuz") else { return nil }
        let parts = path.split(separator: "/")
        return parts.count == 5 ? String(parts[3]) : nil
    }
}
