import BootPolicy
import BootProtocols
import Glibc
import LinuxCalls
import SystemPackage

/// An image as plain files, for anyone's boot server.
struct PlainFiles {
    let image: BuiltImage
    let data: ProjectData

    /// Writes `vmlinuz`, `initramfs.img` and `boot.ipxe`, for a board with U-Boot `SYSTEM.itb` too; each appears whole or not at all.
    func write(to folder: FilePath) async throws {
        if mkdir(folder.string, 0o755) != 0, errno != EEXIST {
            throw CommandError(
                subject: folder.string, message: "cannot be made", cause: String(cString: strerror(errno)))
        }
        let parameters = image.manifest.kernelParameters.joined(separator: " ")
        let script = """
            #!ipxe
            kernel vmlinuz initrd=initramfs.img \(parameters)
            initrd initramfs.img
            boot

            """
        try write(BootFile(extents: [.whole(image.manifest.kernel)]), to: folder.appending("vmlinuz"))
        try write(.initramfs(of: image.manifest), to: folder.appending("initramfs.img"))
        try write(BootFile(extents: [.literal(Array(script.utf8))]), to: folder.appending("boot.ipxe"))
        guard image.manifest.uBoot != nil else { return }
        let policy = BootPolicy(
            serverAddress: .unspecified, httpPort: 80, everyone: try image.served(data.platforms()),
            templates: try data.templates())
        let name = "\(image.manifest.system).itb"
        guard let tree = policy.bootFile(named: name, for: BootAttempts())?.file else {
            throw CommandError(subject: name, message: "would have 2 GiB or more, which U-Boot's format cannot have")
        }
        try write(tree, to: folder.appending(name))
    }

    private func write(_ file: BootFile, to path: FilePath) throws {
        try replaceFile(at: path) { output in
            for extent in file.extents {
                switch extent {
                case .literal(let bytes): try output.writeAll(bytes)
                case .stored(let logical, let offset, let length):
                    try copy(image.store.physicalPath(ofLogical: logical), offset, length, to: output)
                }
            }
        }
    }

    private func copy(_ source: FilePath, _ offset: Int, _ length: Int, to output: FileDescriptor) throws {
        let input = try FileDescriptor.open(source, .readOnly, options: .closeOnExec)
        try input.closeAfter {
            var position = off_t(offset)
            var left = length
            while left > 0 {
                let count = sendfile(output.rawValue, input.rawValue, &position, left)
                guard count > 0 else {
                    throw count < 0
                        ? Errno(rawValue: errno)
                        : CommandError(
                            kind: .corrupt, subject: source.string, message: "is shorter than its manifest says",
                            remedy: "bootferry verify") as any Error
                }
                left -= count
            }
        }
    }
}
