import ArgumentParser
import Carrying
import Diagnostics
import Foundation
import LinuxCalls
import LocalStore
import StoreModel
import SystemPackage

/// `bootferry checkout`: the configuration that came with a system's sources, as files to edit and to build.
struct CheckoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkout", abstract: "Write the configuration that was imported with a system's sources.",
        discussion: """
            A medium of 'export --with-sources' has for each system all that it is rebuilt from: 'import' brings it into the
            store. The fetched files stay there; the configuration, with 'targets' and 'netboot', is written by this verb into a
            folder, to be read, changed and built without any network. What is printed is the command that builds it. Unchanged,
            it makes the image that was imported, byte for byte, and so no new generation.

            Without a system, it lists what there is. To build takes a Bootferry that is installed, of the version that built
            the system, and what 'bootferry doctor' asks for.

              bootferry import /media/stick
              bootferry checkout lab-node --to lab-node.d
              bootferry build lab-node.d/targets/systems/lab-node/system.yaml --data-dir lab-node.d --offline
            """)

    @Argument(help: "The system.")
    var system: String?
    @Option(help: ArgumentHelp("The folder to make; it must not be there, or be empty.", valueName: "dir"))
    var to: String?
    @Option(help: ArgumentHelp("Of this generation; the newest by default.", valueName: "number"))
    var generation: Int?
    @OptionGroup var options: WorkspaceOptions

    struct Row: Encodable {
        var system: String
        /// Absent where no generation here has the image that it makes.
        var generation: Int?
        var path: String
        /// That are fetched to build it.
        var files: Int
        var bytes: Int
    }

    struct Report: Encodable {
        var folder: String
        /// The system's file.
        var configuration: String
        /// Words of the command that builds it.
        var build: [String]
    }

    func validate() throws {
        if system != nil, to == nil { throw ValidationError("--to DIR says where the configuration goes") }
        if system == nil, to != nil || generation != nil { throw ValidationError("name a system") }
    }

    func run() throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let generations = try store.generations()
        let kits = try store.rebuildKits().map { path, kit in
            (path, kit, generations.last { $0.system == kit.system && $0.image == kit.image }?.number)
        }.sorted { ($0.1.system, $0.2 ?? 0, $0.0) < ($1.1.system, $1.2 ?? 0, $1.0) }
        guard let system, let to else {
            let rows = kits.map { path, kit, number in
                Row(
                    system: kit.system, generation: number, path: path.description, files: kit.files.count,
                    bytes: kit.files.reduce(0) { $0 + $1.size })
            }
            if options.json { return terminal.result(try encodeJSON(rows)) }
            if rows.isEmpty { terminal.message("no system's sources were imported") }
            for row in rows {
                let number = row.generation.map(String.init) ?? "-"
                terminal.result(
                    "\(row.system)  \(number)  \(row.files) files, \(formatBytes(row.bytes))  \(row.path)")
            }
            return
        }
        guard let (path, kit, _) = kits.last(where: { $0.1.system == system && (generation ?? $0.2) == $0.2 }) else {
            let what = generation.map { "\(system) generation \($0)" } ?? system
            throw CommandError(
                kind: .usage, subject: what, message: "was not imported with its sources",
                remedy: "import a medium that was exported --with-sources; 'bootferry checkout' lists what there is")
        }
        let folder = mediumFolder(to)
        try write(store.physicalPath(of: path), to: folder)
        let report = report(kit, in: to)
        if options.json { return terminal.result(try encodeJSON(report)) }
        terminal.message("\(to): the configuration of '\(system)', whose \(kit.files.count) files are in the store")
        terminal.result(report.build.joined(separator: " "))
    }

    private func report(_ kit: RebuildKit, in folder: String) -> Report {
        let file = FilePath(folder).pushing(FilePath(kit.configuration)).string
        let board = kit.board.map { ["--board", $0] } ?? []
        return Report(
            folder: folder, configuration: file,
            build: ["bootferry", "build", file, "--data-dir", folder, "--offline"] + board)
    }

    /// Beside first, so that a folder of the name is whole.
    private func write(_ kit: FilePath, to folder: FilePath) throws {
        let beside = FilePath(folder.string + ".unfinished")
        try? FileManager.default.removeItem(atPath: beside.string)
        do {
            try LocalStore.copyPlainTree(of: kit, to: beside)
            try FileDescriptor.open(beside, .readOnly, options: .directory).closeAfterSync()
            guard rename(beside.string, folder.string) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            try? FileManager.default.removeItem(atPath: beside.string)
            guard let errno = error as? Errno else { throw error }
            let isTaken = errno == .directoryNotEmpty || errno == .fileExists || errno == .notDirectory
            throw CommandError(
                kind: isTaken ? .usage : .host, subject: "'\(folder)'",
                message: isTaken ? "is there, and is no empty folder" : "cannot be written", cause: "\(errno)",
                remedy: "name another folder")
        }
    }
}

extension FileDescriptor {
    /// Once all that was written to its file system is on the medium.
    fileprivate func closeAfterSync() throws { try closeAfter { try FileCalls.syncFileSystem(of: self) } }
}
