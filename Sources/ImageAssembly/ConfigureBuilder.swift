import Archives
import Building
import DebianArchive
import FileFormats
import Foundation
import SystemPackage

/// `builtin:configure`: the packages' maintainer scripts, run once for the whole set; what they changed is the
/// `configuration` segment.
///
/// Environment: `segments` (store paths in the image's order, separated by spaces), `toolbox`; where one has to be made,
/// `locale`; for another processor's packages `emulator` (an output of `builtin:program`) and `format`, a `BinaryFormat` as
/// JSON. Besides the segment's own
/// files the output has what the settings and services steps read: `accounts/{passwd,group,shadow,gshadow}`, `units/`
/// (systemd's unit directories as configured), `skel/` and `os-release`.
public struct ConfigureBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let segments = try request.require("segments").split(separator: " ").map(String.init)
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let root = request.scratch.appending("root")
        try await onBlockingThread { try Self.prepare(request, segments: segments, root: root) }
        try Tree.makeDirectory(request.output)
        do {
            try await configure(request, toolbox: toolbox)
        } catch {
            let full = BuildError.fullDisk(under: request.scratch, making: "configuration", error)
            try? await Sandbox.remove(root)
            throw full ?? error
        }
        try await Sandbox.remove(root)
    }

    /// The scratch directory as the script wants it: an empty root with merged-/usr links, and dpkg's status.
    private static func prepare(_ request: BuildRequest, segments: [String], root: FilePath) throws {
        var stanzas: [(name: String, text: String)] = []
        var packages: [FileConflicts.Package] = []
        var infoNames: [(name: String, segment: String)] = []
        for segment in segments {
            let directory = request.physical(segment)
            let control = try PackageControl(
                stanza: try Tree.text(directory.appending("control")).components(separatedBy: "\n\n")[0], title: segment
            )
            let conffiles = try Tree.text(directory.appending("control")).components(separatedBy: "\n\n").dropFirst()
                .joined(separator: "\n")
            stanzas.append((control.name, Self.status(of: control, conffiles: conffiles)))
            infoNames.append((control.infoName, segment))
            packages.append(
                FileConflicts.Package(
                    name: control.name, replaces: control.replaces,
                    contents: try Tree.text(directory.appending("contents")).split(separator: "\n").map(String.init)))
        }
        // Kernel packages depend on something that makes an initramfs.
        stanzas.append((InstalledPseudoPackage.name, InstalledPseudoPackage.stanza))
        // bubblewrap mounts here, so these exist before the packages bring them.
        let places = ["", "dev", "proc", "run", "tmp", "usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"]
        for name in places + ["var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/updates"] {
            try Tree.makeDirectory(root.appending(name))
        }
        for name in ["bin", "sbin", "lib", "lib64"] { try Tree.link(root.appending(name), to: "usr/\(name)") }
        func write(_ text: String, _ name: String) throws {
            try Tree.write(Array(text.utf8), to: request.scratch.appending(name))
        }
        try write(
            stanzas.sorted { $0.name < $1.name }.map { $0.text + "\n" }.joined(), "status")
        try write(segments.map { "\($0)/segment.cpio.zst\n" }.joined(), "segments")
        let conflicts = try FileConflicts(among: packages)
        // cpio takes names as patterns.
        let winners = conflicts.winners.map { winner in
            let pattern = winner.path.map { "\\*?[".contains($0) ? "\\\($0)" : String($0) }.joined()
            return "\(segments[winner.package])/segment.cpio.zst\t\(pattern)\n"
        }
        try write(winners.joined(), "winners")
        try write(conflicts.contests.map { "\($0.path)\t\($0.first)\t\($0.second)\n" }.joined(), "contested")
        try write(infoNames.map { "\($0.name)\t\($0.segment)/segment.cpio.zst\n" }.joined(), "packages")
        try write(script, "configure")
    }

    /// A package's stanza in dpkg's status file, unpacked and waiting to be configured.
    private static func status(of control: PackageControl, conffiles: String) -> String {
        var text = ""
        for line in control.stanza.split(separator: "\n") {
            text += line + "\n"
            if line.lowercased().hasPrefix("package:") { text += "Status: install ok unpacked\n" }
        }
        let files = conffiles.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            // A leading word is a flag (`remove-on-upgrade`), for files that must not be there.
            .filter { $0.hasPrefix("/") }
        if !files.isEmpty { text += "Conffiles:\n" + files.map { " \($0) newconffile\n" }.joined() }
        return text
    }

    private func configure(_ request: BuildRequest, toolbox: Toolbox) async throws {
        let logPath = request.scratch.appending("log")
        let log = try FileDescriptor.open(
            logPath, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite])
        defer { try? log.close() }
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { try? readEnd.close() }
        let sandbox = Sandbox(
            toolbox: toolbox,
            binds: [
                .init(request.scratch, at: "/build", writable: true), .init(request.output, at: "/out", writable: true),
                .init(request.storeDirectory, at: "/nix/store"),
            ],
            systemRoots: ["/build/root"],
            // dpkg writes and syncs a file here three times a package, and leaves none.
            temporaryDirectories: ["/build/root/var/lib/dpkg/updates"], manyOwners: true,
            emulation: try Self.emulation(request),
            environment: [
                "SOURCE_DATE_EPOCH": String(SegmentWriter.epoch), "DPKG_ARCH": try Self.architecture(request),
                "LOCALE": request.derivation.environment["locale"] ?? "",
            ])
        async let ran = {
            // Only the end of the last writer ends the tar stream.
            defer { try? writeEnd.close() }
            return try await sandbox.run(["/bin/sh", "/build/configure"], output: writeEnd, log: log)
        }()
        let outcome: Result<Void, any Error>
        do {
            try await toolbox.makeSegment(named: "configuration", in: request.output, existing: true) { writer in
                defer { Self.drain(readEnd) }
                try ConfigurationConversion(output: request.output).run(from: readEnd, into: writer)
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        let succeeded = try await ran
        let lines = try Tree.text(logPath).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for line in lines { request.logger.info("\(line)") }
        if !succeeded { throw ConfigureFailure.error(log: lines) }
        try outcome.get()
    }

    private static func emulation(_ request: BuildRequest) throws -> Emulation? {
        guard let emulator = request.derivation.environment["emulator"] else { return nil }
        return Emulation(
            program: request.physical(emulator).appending(ProgramBuilder.name),
            format: try JSONDecoder().decode(BinaryFormat.self, from: Data(try request.require("format").utf8)))
    }

    /// Reads a pipe to its end, so that whoever writes it is not left blocked.
    private static func drain(_ pipe: FileDescriptor) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 1)
        defer { buffer.deallocate() }
        while let count = try? pipe.read(into: buffer), count > 0 {}
    }

    private static func architecture(_ request: BuildRequest) throws -> String {
        for segment in try request.require("segments").split(separator: " ") {
            let text = try Tree.text(request.physical(String(segment)).appending("control"))
            let control = try PackageControl(stanza: text.components(separatedBy: "\n\n")[0], title: String(segment))
            if let architecture = control.fields["architecture"], architecture != "all" { return architecture }
        }
        return "all"
    }
}

/// The tar stream of what configuring changed, on its way into the `configuration` segment.
private struct ConfigurationConversion {
    /// Holds `removals`, which the script writes before the stream begins.
    let output: FilePath

    func run(from pipe: FileDescriptor, into writer: SegmentWriter) throws {
        var reader = try ArchiveReader(descriptor: pipe, name: "the configured tree")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        while let entry = try reader.next() {
            guard let path = try CanonicalPath.of(entry.path, in: reader.name), !Self.isLeftOut(path, entry.kind) else {
                continue
            }
            try writer.copy(entry, as: path, from: &reader, buffer)
        }
        // systemd takes an empty file as "no identity yet, but not the first boot"; init fills it in per node.
        try writer.file("etc/machine-id", [], permissions: 0o444)
        let removals = output.appending("removals")
        writer.removals = try Tree.text(removals).split(separator: "\n").map(String.init)
            .filter { !Self.isLeftOut($0, .file) }
        try Tree.remove(removals)
    }

    private static let leftOutFolders = [
        "var/cache/", "var/log/", "var/lib/apt/lists/", "var/backups/", "proc/", "dev/",
    ]
    private static let leftOutPrefixes = ["boot/initrd", "initrd.img", "vmlinuz", "etc/ssh/ssh_host_"]
    /// Names and keys that packages make for "this machine": nodes must not share them. Programs make their own or do without.
    private static let identities: Set<String> = [
        "etc/machine-id", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "etc/nvme/hostid",
        "etc/nvme/hostnqn",
        "etc/iscsi/initiatorname.iscsi", "etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem",
        "etc/munge/munge.key", "etc/hostid", "etc/popularity-contest.conf", "var/lib/urandom/random-seed",
    ]
    private static let leftOutPaths: Set<String> = [
        "proc", "dev", "tmp", "run", "etc/.pwd.lock", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-",
        "etc/subuid-", "etc/subgid-",
        "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock", "var/lib/dpkg/status-old",
        "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old",
        // 13 MB of RAM for names of keyboards and mice; `systemd-hwdb update` makes it again from its sources.
        "etc/udev/hwdb.bin", "usr/lib/udev/hwdb.bin",
        // Explanations for `journalctl -x`, made again by `journalctl --update-catalog`.
        "var/lib/systemd/catalog/database",
    ]

    /// What differs from run to run, must differ from node to node, or is a cache.
    private static func isLeftOut(_ path: String, _ kind: ArchiveEntry.Kind) -> Bool {
        if identities.contains(path) || leftOutPaths.contains(path) || leftOutPrefixes.contains(where: path.hasPrefix) {
            return true
        }
        if path.hasSuffix(".pyc") || path.hasSuffix("/__pycache__") { return true }
        return kind != .directory && leftOutFolders.contains(where: path.hasPrefix)
    }
}
