import ArgumentParser
import Building
import Carrying
import Diagnostics
import Foundation
import LocalStore
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry export`: systems on a medium that is carried by hand.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write systems, with all that they need to boot, to a medium.",
        discussion: """
            The medium is a plain folder, on any file system that Linux writes, FAT32 too. It is a binary cache that a real nix
            reads ('nix copy --from file:///media/stick'), and has a manifest of every file, signed: 'bootferry verify' and
            'import' take nothing else. What no file of FAT32 can hold is carried in parts, which nix cannot read.

            What the medium has already is read, and kept if it is whole; so an export that was interrupted goes on when the
            same command is given again. A medium that was pulled while it was written is no medium until then.

            '--to FILE.tar' writes the same files into one, and '--to -' into a pipe, in one pass: no more than the few objects
            that are compressed at once lies beside it. Unpacked, it is the folder. The file is written as
            FILE.tar.unfinished, and the same command goes on after the last object that is whole.

            '--format nix-export', or a file named FILE.nix-export, is for a real nix ('nix-store --import <FILE') and has no
            signature: whoever takes it trusts how it came. It is written anew each time, and says nothing of generations.

            '--format oci' writes one system as an OCI image layout, a folder, for containers: its root as a node unpacks it, some
            packages to a layer, the settings in one of their own ('skopeo copy oci:FOLDER …'). It is written anew each time.

            The medium has Bootferry itself too, for Linux on the processor of this host: the program, the libraries that it is
            linked with, 'netboot' and 'targets' as they are here, in 'bootferry.tar', and a shell script, 'bootferry', which
            unpacks that into ~/.cache/bootferry of the site and runs it there, since a medium may be mounted noexec. Who runs
            it trusts the medium; the digest of the script, which has that of all the rest, is shown, to be compared there
            ('sha256sum') with what was carried on paper. It is written once, and again when something in it has changed.
            Without it: --without-bootferry.

            With several --to, or --volume-size, what is too much for one medium goes to several volumes: media that are there,
            each filled as far as it has room, or folders 'volume-1' and so on in the one folder of --to, each to be copied to a
            medium. A volume says which of how many it is and what the others have; 'verify' and 'import' take them in any
            order, and copied into one folder they are one binary cache. The first has Bootferry itself. The same command again
            goes on where it was interrupted, with one more --to where they were full.

            With --with-sources it has besides what each system is rebuilt from: every package, source and tool that its build
            fetches, and the configuration with recipes, patches and locks. At the site, 'import' brings it, 'checkout' writes
            the configuration, and 'build --offline' makes the same image without any network, byte for byte. The generation
            must be what its configuration makes now. (For what licences ask for: 'bootferry sources'.)

            With --since, what a site has by its inventory is left out, and the manifest says so; 'import' there checks it.

              bootferry key generate example.org-1
              bootferry export lab-node ioc --to /media/stick
              bootferry verify /media/stick
              bootferry export lab-node --to /media/stick --since /media/stick/inventory
              sh /media/stick/bootferry import /media/stick                 # at a site that has no Bootferry
              bootferry export lab-node --to /media/stick --with-sources
              bootferry export lab-node --to /media/first --to /media/second
              bootferry export lab-node --to dvds --volume-size 4G
              bootferry export lab-node --to lab-node.tar
              bootferry export lab-node --to - | ssh site bootferry import -
              bootferry export lab-node --to - --format nix-export | ssh other nix-store --import
              bootferry export lab-node --to lab-node.oci --format oci
            """)

    @Argument(help: ArgumentHelp("The systems; the newest generation of each.", valueName: "system"))
    var systems: [String] = []
    @Option(
        help: ArgumentHelp(
            "The medium's folder, made if it is not there; or FILE.tar; or '-', a pipe. Several folders are volumes.",
            valueName: "medium"))
    var to: [String]
    @Option(
        help: ArgumentHelp(
            "Bytes that no volume exceeds, such as 4G; its files are counted in blocks of 32 KiB.", valueName: "size"))
    var volumeSize: String?
    @Option(
        help: ArgumentHelp(
            "'medium', 'nix-export' for 'nix-store --import', or 'oci' for containers; by the name of --to by default.",
            valueName: "format"))
    var format: ExportFormat?
    @Option(help: ArgumentHelp("This generation of the one system named.", valueName: "number"))
    var generation: Int?
    @Option(
        help: ArgumentHelp(
            "An object of the store, with all that it needs; may be repeated.", valueName: "/nix/store/hash-name"))
    var path: [String] = []
    @Option(help: ArgumentHelp("Leave out what a site has by this inventory.", valueName: "file"))
    var since: String?
    @Option(help: ArgumentHelp("The key to sign with; the only one there is by default.", valueName: "name"))
    var key: String?
    @Option(help: ArgumentHelp("zstd's level, 1 to 19.", valueName: "level"))
    var level = 3
    @Option(
        help: ArgumentHelp(
            "Carry in parts what is larger, such as 2G; FAT32's limit, 4 GiB less a byte, by default.",
            valueName: "size"))
    var largestFile: String?
    @Flag(help: "Begin even if it fits only when it can be compressed.")
    var tightSpace = false
    @Flag(help: "Add all that the systems are rebuilt from without a network.")
    var withSources = false
    @Flag(help: "Leave out Bootferry itself.")
    var withoutBootferry = false
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var medium: String
        var generations: [Generation]
        var objects: Int
        /// Left out, since the site has them.
        var base: Int
        var written: Int
        var writtenBytes: Int
        var kept: Int
        var files: Int
        var bytes: Int
        /// That signed it; absent where nothing is signed.
        var key: String?
        /// SHA-256 of the script that starts Bootferry from the medium; nil where it is not on it.
        var starter: String?
        /// In their order, where there are several.
        var volumes: [VolumeReport]?
    }

    struct VolumeReport: Encodable {
        var medium: String
        var files: Int
        var bytes: Int
    }

    func validate() throws {
        if systems.isEmpty, path.isEmpty { throw ValidationError("name a system") }
        if generation != nil, systems.count > 1 { throw ValidationError("--generation goes with one system") }
        if toVolumes, to.contains("-") || to.contains(where: { $0.hasSuffix(".tar") }) || chosenFormat != .medium {
            throw ValidationError("volumes are folders: neither a pipe nor a file can be one of several")
        }
        _ = try volumeBytes()
        if target == "-", options.json {
            throw ValidationError("--json and the archive cannot both have standard output")
        }
        if chosenFormat != .medium, key != nil || largestFile != nil {
            throw ValidationError(
                "--key and --largest-file go with --format medium: '\(chosenFormat.rawValue)' has no signature and no parts"
            )
        }
        if chosenFormat == .oci, systems.count != 1 || !path.isEmpty || since != nil || target == "-" || withSources {
            throw ValidationError(
                "--format oci writes one system into a folder: no --path, no --since, no --with-sources, no pipe")
        }
        if !(1...19).contains(level) { throw ValidationError("--level takes 1 to 19, found '\(level)'") }
        _ = try largestFileBytes()
    }

    /// The one place to export to, where there are no volumes.
    private var target: String { to.first ?? "" }

    private var toVolumes: Bool { to.count > 1 || volumeSize != nil }

    private func volumeBytes() throws -> Int? {
        guard let volumeSize else { return nil }
        guard let bytes = parseSize(volumeSize), bytes >= 1 << 20 else {
            throw ValidationError("--volume-size takes a size of at least 1M, such as 4G, found '\(volumeSize)'")
        }
        return bytes
    }

    private var chosenFormat: ExportFormat { format ?? (target.hasSuffix(".nix-export") ? .nixExport : .medium) }

    private func largestFileBytes() throws -> Int {
        guard let largestFile else { return ExportSettings.fat32Limit }
        guard let bytes = parseSize(largestFile), bytes >= ExportSettings.smallestPart else {
            throw ValidationError("--largest-file takes a size of at least 64K, such as 2G, found '\(largestFile)'")
        }
        return bytes
    }

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let generations = try systems.map {
            try chosenGeneration(generation, of: $0, in: store, dataDirectory: options.dataDirectory)
        }
        let kits = withSources ? try await rebuildKits(of: generations, terminal) : []
        let roots = try kits.union(path.map { try StorePath(parsing: $0) })
        let keys = KeyStore(store.directory)
        let base = try since.map {
            try InventoryFile.read(mediumFolder($0), ring: keys.ring(), now: secondsSince1970()).paths
        }
        if chosenFormat == .oci, let generation = generations.first {
            return try await write(generation, of: store, terminal)
        }
        if chosenFormat == .nixExport {
            let images = try generations.map { try StorePath(parsing: $0.image) }
            let export = NixStreamExport(store: store, output: try pipe() ?? .file(mediumFolder(target)))
            return try await write(export, roots.union(images), base ?? [], generations, terminal)
        }
        var settings = ExportSettings()
        settings.level = level
        settings.largestFile = try largestFileBytes()
        settings.width = ProcessInfo.processInfo.activeProcessorCount
        let key = try keys.signingKey(key)
        let ring = try keys.ring()
        try settings.claim(
            roots.union(try generations.map { try StorePath(parsing: $0.image) }), in: store, by: key)
        let program = try carriedProgram()
        if toVolumes {
            let folders = to.map(mediumFolder)
            let export = try VolumeExport(
                store: store, folders: folders.count == 1 ? .made(in: folders[0]) : .given(folders), key: key,
                ring: ring,
                settings: settings, program: program, volumeSize: volumeBytes())
            return try await write(export, generations, roots, base ?? [], terminal)
        }
        if let output = try tarOutput() {
            let export = TarExport(
                store: store, output: output, key: key, ring: ring, settings: settings, program: program)
            return try await write(export, generations, roots, base ?? [], terminal)
        }
        let export = Export(
            store: store, folder: mediumFolder(target), key: key, ring: ring, settings: settings, program: program)
        let (plan, report) = try await onBlockingThread {
            try export.withFolder {
                let plan = try planned(export, generations, roots, base ?? [], terminal)
                return (plan, try write(plan, export, terminal))
            }
        }
        try show(report, on: export.folder.string, base: plan.base.count, generations, key, terminal)
    }

    /// What the systems are rebuilt from.
    private func rebuildKits(of generations: [Generation], _ terminal: Terminal) async throws -> Set<StorePath> {
        let workspace = try Workspace(options)
        var paths: Set<StorePath> = []
        for (name, generation) in zip(systems, generations) {
            let (path, kit) = try await RebuildKitMaking(workspace: workspace, name: name, generation: generation)
                .make()
            paths.insert(path)
            let bytes = formatBytes(kit.files.reduce(0) { $0 + $1.size })
            terminal.message("\(kit.system) is rebuilt from \(kit.files.count) files, \(bytes), and \(path)")
        }
        return paths
    }

    /// What a site without Bootferry needs.
    private func carriedProgram() throws -> CarriedProgram? {
        if withoutBootferry { return nil }
        return try CarriedProgram(.current(), data: ProjectData(named: options.dataDirectory).folder)
    }

    private func show(
        _ report: Export.Report, on medium: String, base: Int, _ generations: [Generation], _ key: SigningKey,
        _ terminal: Terminal
    ) throws {
        let summary = Report(
            medium: medium, generations: generations, objects: report.written + report.kept, base: base,
            written: report.written, writtenBytes: report.writtenBytes, kept: report.kept,
            files: report.manifest.files.count, bytes: report.manifest.size, key: key.name,
            starter: report.manifest.files[CarriedProgram.starterName]?.digest.hex)
        let line =
            "\(medium): \(summary.written) objects written (\(formatBytes(summary.writtenBytes))), \(summary.kept) kept; "
            + "\(summary.files) files, \(formatBytes(summary.bytes)), signed by '\(key.name)'"
        sayStarter(summary.starter, terminal)
        if target == "-" {
            terminal.message(line)
        } else {
            terminal.result(options.json ? try encodeJSON(summary) : line)
        }
    }

    /// Where the medium is to be one file or a pipe.
    private func tarOutput() throws -> ExportOutput? {
        try pipe() ?? (target.hasSuffix(".tar") ? .file(mediumFolder(target)) : nil)
    }

    /// Standard output, where that is asked for.
    private func pipe() throws -> ExportOutput? {
        guard target == "-" else { return nil }
        guard isatty(STDOUT_FILENO) == 0 else {
            throw CommandError(
                kind: .usage, subject: "--to -", message: "writes an archive, and standard output is a terminal",
                remedy: "bootferry export … --to - | ssh site bootferry import -")
        }
        return .pipe(.standardOutput)
    }

    private func showingProgress<Report: Sendable>(
        _ terminal: Terminal, _ work: @escaping @Sendable (@escaping Export.Progress) throws -> Report
    ) async throws -> Report {
        try await onBlockingThread {
            defer { terminal.status("") }
            return try work { done, all in terminal.status("\(formatBytes(done)) of \(formatBytes(all))") }
        }
    }

    private func write(
        _ export: NixStreamExport, _ roots: Set<StorePath>, _ base: Set<StorePath>, _ generations: [Generation],
        _ terminal: Terminal
    ) async throws {
        let report = try await showingProgress(terminal) {
            try export.run(roots, base: base, progress: $0)
        }
        let name = target == "-" ? "the pipe" : mediumFolder(target).string
        let line =
            "\(name): \(report.objects) objects, \(formatBytes(report.bytes)), for 'nix-store --import'"
            + (report.base > 0 ? "; \(report.base) left out, which must be there already" : "")
        if target == "-" { return terminal.message(line) }
        let summary = Report(
            medium: name, generations: generations, objects: report.objects, base: report.base,
            written: report.objects, writtenBytes: report.bytes, kept: 0, files: 1, bytes: report.bytes, key: nil)
        terminal.result(options.json ? try encodeJSON(summary) : line)
    }

    private func write(
        _ export: TarExport, _ generations: [Generation], _ roots: Set<StorePath>, _ base: Set<StorePath>,
        _ terminal: Terminal
    ) async throws {
        let report = try await showingProgress(terminal) {
            try export.run(generations, roots: roots, base: base, now: secondsSince1970(), progress: $0)
        }
        try show(
            report, on: target == "-" ? "the pipe" : mediumFolder(target).string, base: report.manifest.base.count,
            generations, export.key, terminal)
    }

    private func write(
        _ export: VolumeExport, _ generations: [Generation], _ roots: Set<StorePath>, _ base: Set<StorePath>,
        _ terminal: Terminal
    ) async throws {
        let report = try await showingProgress(terminal) {
            try export.run(generations, roots: roots, base: base, now: secondsSince1970(), progress: $0)
        }
        let starter = report.volumes.first?.manifest.files[CarriedProgram.starterName]?.digest.hex
        let volumes = report.volumes.map {
            VolumeReport(medium: $0.folder.string, files: $0.manifest.files.count, bytes: $0.manifest.size)
        }
        let summary = Report(
            medium: to.map { mediumFolder($0).string }.joined(separator: ", "), generations: generations,
            objects: report.written + report.kept, base: report.volumes.first?.manifest.base.count ?? 0,
            written: report.written, writtenBytes: report.writtenBytes, kept: report.kept,
            files: volumes.reduce(0) { $0 + $1.files }, bytes: volumes.reduce(0) { $0 + $1.bytes },
            key: export.key.name, starter: starter, volumes: volumes)
        sayStarter(starter, terminal)
        if options.json { return terminal.result(try encodeJSON(summary)) }
        for (index, volume) in volumes.enumerated() {
            terminal.result(
                "volume \(index + 1) of \(volumes.count)  \(volume.medium)  \(volume.files) files, \(formatBytes(volume.bytes))"
            )
        }
        terminal.message(
            "\(report.written) objects written (\(formatBytes(report.writtenBytes))), \(report.kept) kept; signed by "
                + "'\(export.key.name)'")
    }

    private func sayStarter(_ starter: String?, _ terminal: Terminal) {
        guard let starter else { return }
        terminal.message("Bootferry itself is on it: sha256 of '\(CarriedProgram.starterName)' is \(starter)")
    }

    private func planned(
        _ export: Export, _ generations: [Generation], _ roots: Set<StorePath>, _ base: Set<StorePath>,
        _ terminal: Terminal
    ) throws -> ExportPlan {
        defer { terminal.status("") }
        return try export.plan(generations, roots: roots, base: base) { done, all in
            terminal.status("reading what is there: \(formatBytes(done)) of \(formatBytes(all))")
        }
    }

    private func write(_ plan: ExportPlan, _ export: Export, _ terminal: Terminal) throws -> Export.Report {
        defer { terminal.status("") }
        for fault in plan.spoiled { terminal.message("written anew: \(fault)") }
        for generation in plan.generations {
            terminal.message("\(generation.system) generation \(generation.number): \(generation.image)")
        }
        terminal.message(
            "\(plan.missing.count) objects to write, \(formatBytes(plan.archiveBytes)) before compression; "
                + (plan.programBytes > 0 ? "Bootferry itself, \(formatBytes(plan.programBytes)); " : "")
                + "\(plan.kept.count) there already\(plan.base.isEmpty ? "" : ", \(plan.base.count) at the site"); \(formatBytes(plan.freeBytes)) free"
        )
        guard plan.mostBytes <= plan.freeBytes || tightSpace else {
            throw CommandError(
                kind: .host, subject: "'\(export.folder)'",
                message:
                    "has \(formatBytes(plan.freeBytes)) free, and up to \(formatBytes(plan.mostBytes)) may be needed",
                remedy: "take a larger medium, or give --tight-space if what is not compressed yet makes up for it")
        }
        return try export.run(plan, now: secondsSince1970()) { done, all in
            terminal.status("\(formatBytes(done)) of \(formatBytes(all))")
        }
    }
}
