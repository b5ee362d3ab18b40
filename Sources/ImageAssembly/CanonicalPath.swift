import Building

/// A path of a package as it stands in a merged-/usr root: relative, no `.`, and `bin/…` as `usr/bin/…`.
///
/// An entry named `bin` or `lib` in a segment would replace the root's link of that name and hide everything below
/// it, so these names never come out: the `init` segment alone carries them.
enum CanonicalPath {
    /// The names in `/` that are links into `/usr` (file-hierarchy(7), Debian's usrmerge).
    static let mergedNames: Set<String> = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"]

    /// The canonical form; nil for the root itself and for the merged names, which no segment may carry.
    ///
    /// A path that is absolute, leaves the root by `..` or holds a line break throws.
    static func of(_ path: String, in package: String) throws(BuildError) -> String? {
        guard !path.hasPrefix("/") else { throw refused(path, package, "is absolute") }
        var parts: [Substring] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: true) where part != "." {
            if part == ".." { throw refused(path, package, "leaves the root") }
            parts.append(part)
        }
        guard !path.utf8.contains(0x0A) else { throw refused(path, package, "holds a line break") }
        guard let first = parts.first else { return nil }
        if mergedNames.contains(String(first)) {
            if parts.count == 1 { return nil }
            return "usr/" + parts.joined(separator: "/")
        }
        return parts.joined(separator: "/")
    }

    private static func refused(_ path: String, _ package: String, _ why: String) -> BuildError {
        BuildError(
            kind: .corrupt, subject: package, message: "carries the path '\(path)', which \(why)",
            remedy: "no package of Debian does this: do not use it")
    }
}

/// What an image leaves out of the packages, because a node without a disk pays for it in RAM.
struct LeftOut {
    var keptExtras: Set<String>

    private static let documentation = [
        "usr/share/man/", "usr/share/info/", "usr/share/doc-base/", "usr/share/lintian/", "usr/share/gtk-doc/",
        "usr/share/bug/",
    ]
    private static let locales = ["usr/share/locale/", "usr/share/help/"]
    /// The kernel travels beside the initramfs, not in it; the map and the configuration serve no running system.
    private static let kernel = ["boot/vmlinuz", "boot/vmlinux", "boot/System.map", "boot/config-"]

    /// Whether the canonical `path` stays out of the image.
    func contains(_ path: String) -> Bool {
        if Self.kernel.contains(where: path.hasPrefix) || KernelBuilder.release(ofKernel: path) != nil { return true }
        if !keptExtras.contains("locales"), Self.locales.contains(where: path.hasPrefix) { return true }
        if keptExtras.contains("documentation") { return false }
        if Self.documentation.contains(where: path.hasPrefix) { return true }
        guard path.hasPrefix("usr/share/doc/") else { return false }
        // A package's folder (or a link in its place) and its copyright file stay: licences ask for it.
        let parts = path.split(separator: "/")
        return parts.count > 4 && !(parts.count == 5 && parts[4] == "copyright")
    }
}
