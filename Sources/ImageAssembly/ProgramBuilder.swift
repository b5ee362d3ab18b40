import Archives
import Building
import FileFormats
import SystemPackage

/// `builtin:program`: one static program out of a `.deb`, as `program`: what runs in a root that is not its own.
///
/// Environment: `deb` and `path`, relative to the package's root.
public struct ProgramBuilder: Builder {
    public init() {}

    /// What it is called in the output.
    static let name = "program"

    public func build(_ request: BuildRequest) async throws {
        let package = try DebianPackageFile(request.physical(try request.require("deb")))
        let wanted = try request.require("path")
        try await onBlockingThread {
            var reader = try package.data()
            while let entry = try reader.next() {
                guard entry.kind == .file, try CanonicalPath.of(entry.path, in: reader.name) == wanted else { continue }
                // Emulators are some 20 MB; the limit only keeps a damaged header from taking all memory.
                let bytes = try reader.contents(limit: 256 << 20)
                try Self.check(bytes, wanted)
                try Tree.makeDirectory(request.output)
                try Tree.write(bytes, to: request.output.appending(Self.name), mode: 0o755)
                return
            }
            throw BuildError(
                subject: package.file.lastComponent?.string ?? package.file.string,
                message: "carries no file '\(wanted)'", remedy: "correct the path in the platform's file")
        }
    }

    private static func check(_ bytes: [UInt8], _ path: String) throws {
        let file: ELF.File
        do {
            file = try ELF.read(bytes)
        } catch {
            throw BuildError(kind: .corrupt, subject: path, message: "is no ELF program", cause: "\(error)")
        }
        guard file.interpreter == nil else {
            throw BuildError(
                subject: path,
                message: "is linked dynamically; in another system's root only a static program runs",
                remedy: "take one whose programs are static: qemu-user of Debian 13, qemu-user-static of 12")
        }
    }
}
