import ArgumentParser
import BootMedia
import Building
import Diagnostics
import Foundation
import MediaWriting
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry image`: a system on a disk, a stick or a disc that boots by itself.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Write a stick, disk or disc that boots a system without a network.",
        discussion: """
            Builds the system if need be, and writes what a machine boots by UEFI or by BIOS: a GUID partition table, an EFI
            system partition (FAT32) with the system as one program, and ISOLINUX for a BIOS. Kernel and segments are in it
            once. The system runs in RAM, as from the network, and the medium may be taken out once it does; no server
            hears of it, and it has neither a node's own files nor a lasting identity.

            The three formats have the same bytes, and boot as a disc too. They differ in what device may be
            overwritten: 'usb' and 'iso' take removable media and what hangs on USB, 'disk' takes any. None takes a disk
            that is mounted or otherwise in use, is too small, or holds the state directory. A file appears whole or not at
            all. Either way, what was written is read back and compared. A device is made for its own size, so the copy of
            its partition table stands at its end; a file that is copied onto a larger one boots, but 'sgdisk -e' has to
            move that.

            The same generation always makes the same bytes; their SHA-256 is printed.

              bootferry image lab-node --format usb --output lab-node.img
              bootferry image lab-node --format usb --output /dev/sdb
              bootferry image lab-node --format iso --output lab-node.iso --no-build
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case disk, usb, iso }

    @Argument(help: "The system.")
    var system: String
    @Option(help: ArgumentHelp("'disk', 'usb' or 'iso'.", valueName: "format"))
    var format: Format
    @Option(
        name: .shortAndLong, help: ArgumentHelp("A file, or the device of a whole disk.", valueName: "file-or-device"))
    var output: String
    @Flag(name: .customLong("no-build"), help: "Take the newest generation there is, such as was imported.")
    var noBuild = false
    @Option(help: ArgumentHelp("Take this generation; nothing is built.", valueName: "number"))
    var generation: Int?
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var system: String
        var generation: Int
        var output: String
        var bytes: Int
        /// Of a file, all of it; of a device, what stands before the copy of the partition table.
        var sha256: String
    }

    func run() async throws {
        let path = FilePath(output)
        let store = try Workspace.stateDirectory(options).path
        // Before a build: a disk that is in use should not cost one.
        if let refusal = try device(path, store: store)?.refusal(of: 0, takesFixed: format == .disk) { throw refusal }
        try refuseWhatIsNoFile(path)
        let image = try await image()
        let loader = try BIOSLoader(of: image.manifest) { part in
            try HostFiles.bytes(image.physical(part), limit: 1 << 20)
        }
        let report = try await onBlockingThread { try write(image, loader, to: path, store: store) }
        let terminal = Terminal(quiet: options.quiet)
        if options.json { return terminal.result(try encodeJSON(report)) }
        terminal.result(
            "\(report.output): \(report.system) generation \(report.generation), \(formatBytes(report.bytes)), written and read back\n"
                + "  sha256     \(report.sha256)")
    }

    private func image() async throws -> BuiltImage {
        if noBuild || generation != nil {
            let store = try Workspace.openStore(options)
            let chosen = try chosenGeneration(
                generation, of: system, in: store, dataDirectory: options.dataDirectory)
            return try BuiltImage(path: StorePath(parsing: chosen.image), generation: chosen, store: store)
        }
        let workspace = try Workspace(options)
        return try await SystemPipeline(
            source: SystemSource(system, data: workspace.data), workspace: workspace, mirror: mirror
        ).publishedImage()
    }

    private func write(
        _ image: BuiltImage, _ loader: BIOSLoader, to path: FilePath, store: FilePath
    ) throws -> Report {
        let served = try image.served(ProjectData(named: options.dataDirectory).platforms())
        let terminal = Terminal(quiet: options.quiet)
        defer { terminal.status("") }
        let writer = MediumWriter(
            physical: { try image.store.physicalPath(ofLogical: $0) },
            progress: { done, all in
                terminal.status(
                    done <= all / 2
                        ? "writing: \(formatBytes(done)) of \(formatBytes(all / 2))"
                        : "reading back: \(formatBytes(done - all / 2)) of \(formatBytes(all / 2))")
            })
        let least = try BootMedium(of: served, bios: loader)
        var report = Report(
            system: image.manifest.system, generation: image.generation.number, output: output, bytes: least.size,
            sha256: "")
        // Looked at again: a build may have taken hours.
        if let device = try device(path, store: store) {
            if let refusal = device.refusal(of: least.size, takesFixed: format == .disk) { throw refusal }
            let medium = try BootMedium(of: served, bios: loader, room: device.size)
            terminal.message(
                "\(output): \(formatBytes(device.size)), all of it is overwritten (\(formatBytes(least.size)) are written)"
            )
            report.sha256 = Hexadecimal.encode(try writer.write(medium, toDevice: path))
        } else {
            report.sha256 = Hexadecimal.encode(try writer.write(least.file, toFile: path))
        }
        return report
    }

    private func device(_ path: FilePath, store: FilePath) throws -> BlockDevice? {
        try BlockDevice(at: path, store: store)
    }

    /// A name below `/dev` that is no device is most likely a mistaken one, and a file there would fill memory.
    private func refuseWhatIsNoFile(_ path: FilePath) throws {
        var facts = stat()
        let exists = stat(path.string, &facts) == 0
        let kind = facts.st_mode & S_IFMT
        if exists, kind == S_IFBLK { return }
        if exists, kind != S_IFREG {
            throw CommandError(
                kind: .usage, subject: "'\(output)'", message: "is neither a file nor a disk",
                remedy: kind == S_IFDIR ? "name a file in it: \(path.appending("\(system).img"))" : "name a file")
        }
        if path.starts(with: "/dev"), !path.starts(with: "/dev/shm") {
            throw CommandError(
                kind: .usage, subject: "'\(output)'", message: "is no device", remedy: "'lsblk' lists the disks")
        }
    }
}
