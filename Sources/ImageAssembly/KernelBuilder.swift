import Archives
import Building
import SystemPackage

/// `builtin:kernel`: the kernel out of a `.deb`, as `vmlinuz` and `release` (the text of `uname -r`).
///
/// Environment: `deb`, the package that carries `boot/vmlinuz-RELEASE` itself (not a metapackage that depends on it).
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
                for prefix in ["boot/vmlinuz-", "boot/vmlinux-"] where path.hasPrefix(prefix) {
                    try Tree.makeDirectory(request.output)
                    // Kernels are some 10 MB; the limit only keeps a damaged header from taking all memory.
                    try Tree.write(try reader.contents(limit: 256 << 20), to: request.output.appending("vmlinuz"))
                    try Tree.write(
                        Array("\(path.dropFirst(prefix.count))\n".utf8), to: request.output.appending("release"))
                    return
                }
            }
            throw BuildError(
                subject: try PackageControl(package).name, message: "carries no 'boot/vmlinuz-RELEASE'",
                remedy: "name a kernel package such as 'linux-image-amd64' in 'kernel'")
        }
    }
}
