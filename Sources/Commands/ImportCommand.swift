import ArgumentParser
import Building
import Carrying
import Diagnostics
import Foundation
import LocalStore
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry import`: what a medium carries, into this store.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take systems from a medium, once every byte is proved.",
        discussion: """
            The medium's signature must be by a key that is trusted here ('bootferry key trust'). Every object is checked to
            its last byte, and comes after all that it needs; what is missing or bad is named, all of it, and what is
            whole stays, so that the same command goes on after an interruption. The exit status is 3 where anything is bad.

            FILE.tar and what comes through a pipe ('-') are taken like the folder. A file is read where it lies; the files of a
            pipe lie in the state directory until they are proved, and of a pipe that ends too early nothing is taken.

            An export to several volumes is taken from all of them at once, given in any order, or copied into one folder; or from
            one after another in their order: what a volume completes comes, and the system with the last one. What is needed
            from a volume that is not given is named.

            A Nix binary cache that another program wrote ('nix copy --to file://…') is taken too: signed objects as they are,
            unsigned ones only where their path follows from their content, and they are asked for by --path. These are
            kept from 'gc' as roots 'imported-HASH' ('bootferry roots').

            So is what 'nix-store --export' wrote, a file or a pipe. It has no signature and no digest, and nix itself registers
            whatever comes; here only objects are taken whose path follows from their content by SHA-256 ('nix store add-path',
            texts and '.drv' files, fetched files, what was built content-addressed), and all others are named and refused. What
            no other in it needs is kept from 'gc', or what --path names.

              bootferry import /media/stick
              bootferry import /media/first /media/second
              ssh home bootferry export lab-node --to - | bootferry import -
              nix-store --export $(nix-store -qR /nix/store/…) | bootferry import -
              bootferry serve netboot/site.yaml --no-build
            """)

    @Argument(
        help: ArgumentHelp(
            "The medium's folder, or its FILE.tar, or a file of 'nix-store --export', or '-' for a pipe; or several volumes.",
            valueName: "medium"))
    var media: [String]
    @Option(
        help: ArgumentHelp(
            "Only this object, with all that it needs; may be repeated.", valueName: "/nix/store/hash-name"))
    var path: [String] = []
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var imported: [String]
        var there: Int
        var generations: [Generation]
        var faults: [String]
        var hindered: [String]
    }

    func validate() throws {
        if media.count > 1, media.contains("-") { throw ValidationError("a pipe is imported by itself") }
    }

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        let paths = try path.isEmpty ? nil : Set(path.map { try StorePath(parsing: $0) })
        let incoming = try incomingBytes()
        if let incoming, try await onBlockingThread({ try incoming.isNixExport() }) {
            return try show(try await take(incoming, keeping: paths, into: store, terminal), terminal)
        }
        var spool: TarSpool?
        if media == ["-"], let incoming { spool = try await self.spool(incoming, into: store, terminal) }
        defer { withExtendedLifetime(spool) {} }
        let folders = spool.map { [$0.folder] } ?? media.map(mediumFolder)
        let importing = Import(
            store: store, media: try MediumSet(folders, ring: KeyStore(store.directory).ring()),
            width: ProcessInfo.processInfo.activeProcessorCount)
        let report = try await onBlockingThread { try copy(importing, paths, terminal) }
        if report.generations.count < importing.media.generations.count, let rest = missingVolumes(of: importing.media)
        {
            terminal.message("to come: \(rest)")
        }
        try showRebuilding(report.generations, in: store, terminal)
        try show(report, terminal)
    }

    /// Says of each generation that came with what it is rebuilt from how that is done.
    private func showRebuilding(_ generations: [Generation], in store: LocalStore, _ terminal: Terminal) throws {
        let images = Set(generations.map(\.image))
        for kit in try store.rebuildKits().values.sorted(by: { $0.system < $1.system }) where images.contains(kit.image)
        {
            terminal.message(
                "\(kit.system) can be rebuilt here: 'bootferry checkout \(kit.system) --to DIR' writes its configuration"
            )
        }
    }

    private func show(_ report: Carrying.Import.Report, _ terminal: Terminal) throws {
        let summary = Report(
            imported: report.imported.map(\.description), there: report.there, generations: report.generations,
            faults: report.faults.map(\.description), hindered: report.hindered.map(\.description))
        if options.json {
            terminal.result(try encodeJSON(summary))
        } else {
            for fault in report.faults { terminal.result(fault.description) }
            for generation in report.generations {
                terminal.result("\(generation.system)  \(generation.number)  \(generation.image)")
            }
            terminal.message(
                "\(report.imported.count) objects imported, \(report.there) were there"
                    + (report.hindered.isEmpty ? "" : ", \(report.hindered.count) could not come")
                    + (report.faults.isEmpty
                        ? "" : "; \(report.faults.count) faults: get what is named anew, and import again"))
        }
        if !report.faults.isEmpty { throw ExitCode(3) }
    }

    /// What comes in one pass; nil for a folder, and for what is not there.
    private func incomingBytes() throws -> IncomingBytes? {
        guard media.count == 1, let medium = media.first else { return nil }
        if medium == "-" { return IncomingBytes(pipe: .standardInput) }
        var status = stat()
        guard stat(mediumFolder(medium).string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return try IncomingBytes(mediumFolder(medium))
    }

    private func take(
        _ stream: IncomingBytes, keeping paths: Set<StorePath>?, into store: LocalStore, _ terminal: Terminal
    ) async throws -> Carrying.Import.Report {
        try await onBlockingThread {
            defer { terminal.status("") }
            let importing = NixStreamImport(store: store)
            if let size = stream.size { try requireRoom(for: size, of: try importing.freeBytes(), in: store) }
            return try importing.run(stream, keeping: paths) { count in
                terminal.status("\(formatBytes(count)) " + (stream.size.map { "of \(formatBytes($0))" } ?? "have come"))
            }
        }
    }

    private func spool(
        _ incoming: IncomingBytes, into store: LocalStore, _ terminal: Terminal
    ) async throws -> TarSpool {
        try await onBlockingThread {
            defer { terminal.status("") }
            return try TarSpool(reading: incoming, into: store) { count in
                terminal.status("\(formatBytes(count)) have come")
            }
        }
    }

    private func copy(
        _ importing: Import, _ paths: Set<StorePath>?, _ terminal: Terminal
    ) throws -> Carrying.Import.Report {
        defer { terminal.status("") }
        let plan = try importing.plan(paths)
        terminal.message(
            "\(plan.count) objects to import, \(formatBytes(plan.archiveBytes)); \(plan.there) there already; "
                + "\(formatBytes(plan.freeBytes)) free")
        try requireRoom(for: plan.archiveBytes, of: plan.freeBytes, in: importing.store)
        return try importing.run(plan) { done, all in
            terminal.status("\(formatBytes(done)) of \(formatBytes(all))")
        }
    }

    private func requireRoom(for needed: Int, of free: Int, in store: LocalStore) throws {
        guard needed > free else { return }
        throw CommandError(
            kind: .host, subject: "'\(store.directory.path)'",
            message: "has \(formatBytes(free)) free, and \(formatBytes(needed)) are needed",
            remedy: "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'")
    }
}

/// A medium's folder as the command line names it.
func mediumFolder(_ name: String) -> FilePath {
    FilePath(currentDirectory()).pushing(FilePath(name)).lexicallyNormalized()
}
