import ArgumentParser
import Carrying
import Foundation
import LocalStore
import StoreModel

/// `bootferry roots`: what is kept from collection, and by what name.
struct RootsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roots", abstract: "List what 'gc' keeps, or let go of what was imported.",
        discussion: """
            A root keeps an object, and all that it needs. Generations have one each, which 'gc --keep N' forgets; an object
            that 'import' brought by itself (by --path, from a Nix binary cache, from 'nix-store --export') is kept by a root
            'imported-HASH' until it is released. Releasing deletes nothing: 'gc' does, where nothing else needs it.

              bootferry roots
              bootferry roots --release /nix/store/… && bootferry gc
              bootferry roots --release-all-imported
            """)

    @Option(
        help: ArgumentHelp(
            "Let go of this object, which was imported; may be repeated.", valueName: "/nix/store/hash-name"))
    var release: [String] = []
    @Flag(help: "Let go of every object that was imported by itself.")
    var releaseAllImported = false
    @OptionGroup var options: WorkspaceOptions

    struct Listed: Encodable {
        var name: String
        var path: String
        /// Whether '--release' may be given it.
        var imported: Bool
    }

    func run() throws {
        let terminal = Terminal(quiet: options.quiet)
        let store = try Workspace.openStore(options)
        var released = Set(try release.map { try StorePath(parsing: $0) })
        if releaseAllImported { released.formUnion(try store.importedRoots()) }
        for path in released.sorted() {
            try store.releaseImported(path)
            terminal.message("\(path) is let go; 'bootferry gc' deletes it where nothing else needs it")
        }
        let imported = try store.importedRoots()
        let listed = try store.roots().sorted { $0.key < $1.key }.map {
            Listed(
                name: $0.key, path: $0.value.description,
                imported: imported.contains($0.value) && $0.key.hasPrefix("imported-"))
        }
        if options.json { return terminal.result(try encodeJSON(listed)) }
        if listed.isEmpty { terminal.message("nothing is kept") }
        for root in listed { terminal.result("\(root.name)  \(root.path)") }
    }
}
